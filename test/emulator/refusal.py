"""How Entra says no: OAuth's word, an AADSTS number and a sentence (RFC 6749 section 5.2)."""

import time
import uuid

from httpd import Answer


class Refusal(Exception):
    """An error answer of Entra: status, OAuth's word, AADSTS number, text, and members to add."""

    def __init__(self, status, error, number, message, **more):
        super().__init__(message)
        self.status = status
        self.error = error
        self.number = number
        self.message = message
        self.more = more

    @property
    def description(self):
        return f"AADSTS{self.number}: {self.message}"

    def answer(self, clock):
        """With all the fields of the real service."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(clock.now()))
        return Answer(self.status, {
            "error": self.error, "error_description": f"{self.description} Trace ID: {trace} "
                                                      f"Correlation ID: {correlation} Timestamp: {stamp}",
            "error_codes": [self.number], "timestamp": stamp, "trace_id": trace, "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}", **self.more})


def need(form, *names):
    """Refusal unless the form has a value for each name."""
    for name in names:
        if not form.get(name):
            raise Refusal(400, "invalid_request", 900144,
                          f"The request body must contain the following parameter: '{name}'.")
