"""A stand-in for the services of the web: real HTTP on loopback, real shapes, and a plan of faults.

The collector sends every request here (`GATEFOLD_ROUTE`, or `Http(route=…)`) with the host as the path's first folder,
so one stand-in plays all hosts of a service, and answers may hold the service's real addresses.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import socket
import struct
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import numpy as np
from PIL import Image

# What may go wrong once and then go well: on the API, and with files.
API_FAULTS = ("busy", "error", "unavailable", "timeout", "reset", "short", "long", "empty", "html", "truncated")
FILE_FAULTS = (*API_FAULTS, "drip", "endless", "elsewhere", "inside", "bomb")
# What ends a run: to be planned with `once`.
LONG_FAULTS = ("hours", "quota")


@dataclass(frozen=True)
class Request:
    """What was asked, and when (`time.monotonic`)."""

    at: float
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    body: bytes = b""
    status: int = 200
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Answer]


def as_json(value: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(json.dumps(value).encode(), status)


def as_image(content: bytes) -> Answer:
    """A picture."""
    return Answer(content, type="image/jpeg")


NOT_FOUND = as_json({"error": "not found"}, 404)


def jpeg(seed: int, side: int = 64) -> bytes:
    """A cover of coloured blocks; each seed is another one, far from the others."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


class Faults:
    """Which request goes wrong, and how.

    `share` of the requests do, by a hash of `seed`, address and how often it was asked, so that a plan is the same on
    every run; an address goes wrong at most `most` times in all, so everything gets through in the end. Query
    parameters named in `ignored` (signatures) do not make another address. `once` plans single ones by a part of it.
    """

    def __init__(
        self,
        share: float = 0.0,
        seed: int = 0,
        most: int = 2,
        api: Sequence[str] = API_FAULTS,
        files: Sequence[str] = FILE_FAULTS,
        ignored: Sequence[str] = ("token",),
    ) -> None:
        self._share, self._seed, self._most = share, seed, most
        self._api, self._files, self._ignored = api, files, frozenset(ignored)
        self._planned: list[list[Any]] = []  # [part of the address, kind, times left]
        self._asked: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.made: Counter[str] = Counter()

    def once(self, part: str, kind: str, times: int = 1) -> Self:
        """The next `times` requests whose `host/path?query` holds `part` go wrong in this way."""
        self._planned.append([part, kind, times])
        return self

    def choose(self, request: Request, is_file: bool) -> str | None:
        """How this request goes wrong, or None."""
        query = urllib.parse.urlencode({k: v for k, v in request.query.items() if k not in self._ignored})
        address = f"{request.host}{request.path}?{query}"
        with self._lock:
            kind = self._kind(address, self._files if is_file else self._api)
            if kind:
                self.made[kind] += 1
            return kind

    def _kind(self, address: str, kinds: Sequence[str]) -> str | None:
        for plan in self._planned:
            if plan[2] > 0 and plan[0] in address:
                plan[2] -= 1
                return plan[1]
        self._asked[address] += 1
        digest = hashlib.sha256(f"{self._seed} {address} {self._asked[address]}".encode()).digest()
        draw = int.from_bytes(digest[:8], "big") / 2**64
        if draw >= self._share or self._wrong[address] >= self._most:
            return None
        self._wrong[address] += 1
        return kinds[int.from_bytes(digest[8:12], "big") % len(kinds)]


class StandIn:
    """A server for as long as the `with` block lasts: `routes` answer for their hosts.

    A host whose name is in `file_hosts` serves covers and clips, which go wrong in more ways. `hang_s`: how long a
    time-out hangs (longer than the client's patience). `log` holds every request in the order of their coming.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        faults: Faults | None = None,
        file_hosts: Sequence[str] = (),
        hang_s: float = 5.0,
        retry_after: str = "0",
    ) -> None:
        self.routes, self.faults = routes, faults or Faults()
        self.file_hosts, self.hang_s, self.retry_after = frozenset(file_hosts), hang_s, retry_after
        self.log: list[Request] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.standin = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, part: str = "") -> list[Request]:
        """The requests whose `host/path` holds `part`."""
        return [request for request in list(self.log) if part in f"{request.host}{request.path}"]

    def most_in_any_window(self, window_s: float, part: str = "") -> int:
        """The most requests that came within any `window_s` seconds."""
        times = sorted(request.at for request in self.asked(part))
        ends = np.searchsorted(times, np.array(times) + window_s, side="left")
        return int((ends - np.arange(len(times))).max(initial=0))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    standin: StandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: `StandIn.log` is the log."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def do_GET(self) -> None:
        standin = self.server.standin
        parts = urllib.parse.urlsplit(self.path)
        host, _, path = parts.path.lstrip("/").partition("/")
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        request = Request(time.monotonic(), host, f"/{path}", query, dict(self.headers))
        standin.log.append(request)
        kind = standin.faults.choose(request, host in standin.file_hosts)
        if kind is None:
            route = standin.routes.get(host)
            self._answer(route(request) if route else NOT_FOUND)
            return
        with contextlib.suppress(OSError):
            self._go_wrong(kind, standin, request)

    def _answer(self, answer: Answer, length: int | None = None) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body) if length is None else length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _go_wrong(self, kind: str, standin: StandIn, request: Request) -> None:
        def good() -> Answer:
            return standin.routes[request.host](request)

        soon = {"Retry-After": standin.retry_after}
        plain: dict[str, Callable[[], Answer]] = {
            "busy": lambda: Answer(b"slow down", 429, "text/plain", soon),
            "hours": lambda: Answer(b"{}", 429, headers={"Retry-After": "14400"}),
            "quota": lambda: as_json({"error": {"status": 429, "message": "x", "reason": "QUOTA_EXCEEDED"}}, 429),
            "error": lambda: Answer(b"oops", 500, "text/plain"),
            "unavailable": lambda: Answer(b"", 503, "text/plain", soon),
            "forbidden": lambda: Answer(b"", 403, "text/plain"),
            "missing": lambda: NOT_FOUND,
            "empty": lambda: Answer(b"", type=good().type),
            "html": lambda: Answer(b"<!doctype html><html><body>Please wait</body></html>", type="text/html"),
            "truncated": lambda: Answer(good().body[: len(good().body) // 2], type=good().type),
            "elsewhere": lambda: Answer(b"", 302, headers={"Location": "http://evil.example/x.jpg"}),
            "inside": lambda: Answer(b"", 302, headers={"Location": "http://169.254.169.254/latest/meta-data"}),
            "bomb": lambda: Answer(_bomb(), type="image/png"),
        }
        if kind in plain:
            self._answer(plain[kind]())
        elif kind == "timeout":
            time.sleep(standin.hang_s)
            self.close_connection = True
        elif kind in ("short", "reset"):  # fewer bytes than are told
            answer = good()
            self._answer(Answer(answer.body[: len(answer.body) // 2], type=answer.type), len(answer.body))
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif kind == "long":  # more bytes than are told
            self._answer(good(), len(good().body) // 2)
            self.close_connection = True
        elif kind in ("drip", "endless"):
            self._pour(_drops(standin.hang_s) if kind == "drip" else _flood())
        else:
            raise ValueError(kind)

    def _pour(self, parts: Iterator[bytes]) -> None:
        """A body without a length, until it ends or the client has had enough."""
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()


def _drops(hang_s: float) -> Iterator[bytes]:
    for _ in range(100):
        time.sleep(hang_s / 20)
        yield b"\xff"


def _flood() -> Iterator[bytes]:
    for _ in range(2_000):
        yield bytes(2**16)


@functools.cache
def _bomb() -> bytes:
    """A small PNG of 100 million pixels."""
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")
    return buffer.getvalue()
