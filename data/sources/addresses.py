"""Which addresses may be asked: those of a service's own hosts, and nothing that lies inside a private network."""

from __future__ import annotations

import contextlib
import fnmatch
import ipaddress
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


class _PublicHTTPConnection(urllib3.connection.HTTPConnection):
    def _new_conn(self) -> Any:
        return _only_public(super()._new_conn())


class _PublicHTTPSConnection(urllib3.connection.HTTPSConnection):
    def _new_conn(self) -> Any:
        return _only_public(super()._new_conn())


class PublicHTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PublicHTTPConnection


class PublicHTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPSConnection
