#!/usr/bin/python3
"""The browser of a user, without a window: `browser.py CA_FILE URL` or browse().

Follows redirects as a browser does, from the login page to the loopback port of the program that
waits for the answer. Loopback only.
"""

import http.client
import ssl
import sys
import urllib.parse

MOST_REDIRECTS = 5


def browse(url, ca_file):
    """(status, page) of the answer that is no redirect."""
    for _ in range(MOST_REDIRECTS):
        status, location, page = _get(url, ca_file)
        if location is None:
            return status, page
        url = urllib.parse.urljoin(url, location)
    raise RuntimeError("too many redirects")


def _get(url, ca_file):
    parts = urllib.parse.urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError(f"{parts.hostname} is not on this machine")
    if parts.scheme == "https":
        conn = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                           context=ssl.create_default_context(cafile=ca_file))
    else:       # browsers ask nobody where localhost is (RFC 6761, 6.3)
        conn = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
    try:
        conn.request("GET", urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, "")),
                     headers={"Host": parts.netloc})
        answer = conn.getresponse()
        page = answer.read().decode("utf-8", "replace")
        return answer.status, answer.getheader("Location") if 300 <= answer.status < 400 else None, page
    finally:
        conn.close()


if __name__ == "__main__":
    print(*browse(sys.argv[2], sys.argv[1]), sep="\n")
