"""Which addresses may be asked: those of a service's own hosts, and nothing that lies inside a private network."""

from __future__ import annotations

import contextlib
import fnmatch
import http.client
import io
import ipaddress
import time
import urllib.parse
from typing import Any

import urllib3

from data.sources.base import Gone, Refused


def check_address(url: str, hosts: tuple[str, ...]) -> None:
    """`Refused` where an address is not one of `hosts`, names its host by a private number, or carries a password."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise Gone("not a usable address") from error
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("not an address of the web")
    if parts.username or parts.password:
        raise Refused("an address with a password")
    with contextlib.suppress(ValueError):
        if not is_public(host):
            raise Refused("a private address")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise Refused("a private address")
    if not any(pattern == "*" or fnmatch.fnmatchcase(host, pattern) for pattern in hosts):
        raise Refused("another host")


class NotPublic(OSError):
    """A host's name led to a private address."""


def is_public(address: str) -> bool:
    """Whether an address in numbers is one of the public internet; `ValueError` where it is no such address."""
    number = ipaddress.ip_address(address.split("%")[0])
    return (getattr(number, "ipv4_mapped", None) or number).is_global


def _only_public(sock: Any) -> Any:
    """The socket, where it leads to a public address: checked once connected, so that no name server can deceive us."""
    if not is_public(sock.getpeername()[0]):
        sock.close()
        raise NotPublic("a private address")
    return sock


def pools(answer_s: float, *, public: bool) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Connection pools by scheme: a whole answer, its headers too, is read within `answer_s` seconds of its request,
    however evenly it drips; `public`: nothing but public addresses is connected to.
    """

    class Bounded:
        def _new_conn(self) -> Any:
            made = super()._new_conn()  # type: ignore[misc]
            return _only_public(made) if public else made

        def response_class(self, sock: Any, *rest: Any, **how: Any) -> http.client.HTTPResponse:
            response = http.client.HTTPResponse(sock, *rest, **how)
            response.fp = io.BufferedReader(_Until(response.fp.detach(), sock, answer_s))
            return response

    class Connection(Bounded, urllib3.connection.HTTPConnection):  # type: ignore[misc]
        pass

    class SafeConnection(Bounded, urllib3.connection.HTTPSConnection):  # type: ignore[misc]
        pass

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class SafePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = SafeConnection

    return {"http": Pool, "https": SafePool}


class _Until(io.RawIOBase):
    """What a socket receives, until a moment `answer_s` seconds from now; then `TimeoutError`."""

    def __init__(self, received: io.RawIOBase, sock: Any, answer_s: float) -> None:
        self._received, self._sock = received, sock
        self._end = time.monotonic() + answer_s
        self._silence_s = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        if self._silence_s is None or left < self._silence_s:
            self._sock.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()
