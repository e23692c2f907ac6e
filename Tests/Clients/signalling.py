"""WHIP (RFC 9725) and WHEP over HTTP, blocking, for the clients that are not browsers."""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from facts import emit, milliseconds

TIMEOUT_SECONDS = 10


class Refused(Exception):
    """The offer was not taken; a fact already says why."""


class Resource:
    """One WHIP or WHEP session at the server."""

    def __init__(self, url, token, candidate=None):
        """`candidate` "HOST:PORT" takes the place of every candidate of the answer."""
        self._endpoint = url
        self._token = token
        self._candidate = candidate
        self._url = None

    def offer(self, sdp):
        """Posts the offer and returns the answer. Raises: Refused."""
        started = time.monotonic()
        headers = {"Content-Type": "application/sdp"}
        try:
            status, headers, body = self._send("POST", self._endpoint, sdp.encode(), headers)
        except OSError as error:
            emit("failed", reason=str(error))
            raise Refused from error
        if status != 201:
            emit("refused", status=status, problem=_parsed(body))
            raise Refused
        self._url = urllib.parse.urljoin(self._endpoint, headers["Location"])
        took = milliseconds(started, time.monotonic())
        emit("joined", status=status, resource=self._url, signalling_ms=took)
        return self._redirected(body.decode())

    def _redirected(self, answer):
        if self._candidate is None:
            return answer
        host, _, port = self._candidate.rpartition(":")
        return re.sub(r"(?m)^(a=candidate:(?:\S+ ){4})\S+ \d+", rf"\g<1>{host} {port}", answer)

    def say_sections(self):
        """Prints which member each section carries."""
        try:
            status, _, body = self._send("GET", self._url)
        except OSError as error:
            emit("sections", status=None, sections=None, reason=str(error))
            return
        parsed = _parsed(body)
        sections = parsed.get("sections") if isinstance(parsed, dict) else None
        emit("sections", status=status, sections=sections)

    def delete(self):
        """Leaves; returns the status, or None if there is nothing to leave or nobody to tell."""
        if self._url is None:
            return None
        url, self._url = self._url, None
        try:
            return self._send("DELETE", url)[0]
        except OSError:
            return None

    def _send(self, method, url, body=None, headers=None):
        request = urllib.request.Request(url, body, headers or {}, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers, refusal.read()


def _parsed(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
