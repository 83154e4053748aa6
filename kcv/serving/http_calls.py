"""HTTP calls with one deadline, without redirections. Standard library alone.

The timeout of `urllib` is that of each read: a server that sends one byte a
second holds a caller for as long as it likes.
"""

import http.client
import io
import socket
import time
import urllib.request
from typing import Any

_CHUNK = 2**20  # bytes


class _TimedReader(io.RawIOBase):
    """Reader of a socket that ends at a time, whatever the socket sends."""

    def __init__(self, sock, ends):
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._ends = ends

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.settimeout(_remaining(self._ends))
        return self._raw.readinto(buffer)

    def close(self):
        self._raw.close()
        super().close()


class _TimedSocket:
    """The part of a socket that `http.client` uses, up to a deadline."""

    def __init__(self, sock, ends):
        self._sock = sock
        self._ends = ends

    def sendall(self, data):
        # The timeout of `sendall` is that of the whole.
        self._sock.settimeout(_remaining(self._ends))
        self._sock.sendall(data)

    def makefile(self, mode, *_):
        return io.BufferedReader(_TimedReader(self._sock, self._ends))

    def close(self):
        self._sock.close()


def _timed(connection):
    """Make a connection class whose calls end at a deadline."""

    class Timed(connection):
        def __init__(self, host, timeout, **options):
            super().__init__(host, timeout=timeout, **options)
            self._ends = time.monotonic() + timeout
            # A host can have several addresses, and each would have the whole
            # timeout.
            self._create_connection = self._connect_in_time

        def _connect_in_time(self, address, *_):
            error = OSError(f"{address[0]} has no address")
            for family, kind, protocol, _, place in socket.getaddrinfo(
                *address, type=socket.SOCK_STREAM
            ):
                sock = socket.socket(family, kind, protocol)
                try:
                    sock.settimeout(_remaining(self._ends))
                    sock.connect(place)
                except OSError as failure:
                    sock.close()
                    error = failure
                else:
                    return sock
            raise error

        def connect(self):
            super().connect()
            self.sock = _TimedSocket(self.sock, self._ends)

    return Timed


def _remaining(ends):
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


_Timed = _timed(http.client.HTTPConnection)
_TimedSecure = _timed(http.client.HTTPSConnection)


class _Calls(urllib.request.HTTPHandler):
    def http_open(self, request):
        return self.do_open(_Timed, request)


class _SecureCalls(urllib.request.HTTPSHandler):
    def https_open(self, request):
        return self.do_open(_TimedSecure, request)


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A prediction that another place answers is not one of this server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def call(
    request: urllib.request.Request, timeout: float, max_bytes: int
) -> bytes:
    """Make a call and return the body of the answer.

    Args:
        request: Request of http:// or https://.
        timeout: Seconds from now until the call is given up.
        max_bytes: Number of bytes that the answer may have.

    Returns:
        The body.

    Raises:
        urllib.error.HTTPError: If the status is not one of success, a
            redirection included.
        urllib.error.URLError: If there is no connection.
        http.client.HTTPException: If the answer is cut, too long, or not HTTP.
        TimeoutError: If the time is over.
        OSError: If the connection breaks.
    """
    if timeout <= 0:
        raise TimeoutError
    opener = urllib.request.build_opener(_Calls, _SecureCalls, _NoRedirection)
    with opener.open(request, timeout=timeout) as response:
        return _read_body(response, max_bytes)


def _read_body(response: Any, max_bytes: int) -> bytes:
    """Read the body of an answer, which may not be longer than `max_bytes`."""
    chunks = []
    length = 0
    # One chunk at a time, since `read` takes the memory that it may need.
    while chunk := response.read(_CHUNK):
        chunks.append(chunk)
        length += len(chunk)
        if length > max_bytes:
            raise http.client.HTTPException(
                f"an answer of more than {max_bytes} bytes"
            )
    if response.length:  # which is what is missing
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(chunks)
