"""How ARM says no."""


class ArmError(Exception):
    """An error answer."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        self.details = None


def error_doc(code, message, details=None):
    return {"error": {"code": code, "message": message, **({"details": details} if details else {})}}
