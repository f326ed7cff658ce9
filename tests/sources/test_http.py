"""Asking over HTTP: limits hold at the server, nothing foreign or private is asked, no body is trusted."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from data.errors import InputError
from data.sources.addresses import check_address, is_public
from data.sources.base import Expired, Gone, Later, Refused, Service, SourceError, Trouble
from data.sources.http import Http, Patience, user_agent
from data.sources.limits import Limiter
from data.sources.secrets import Secrets, read_secrets
from tests.sources.shop import API, FILES, Shop
from tests.sources.standin import Answer, Faults, Request, StandIn, as_json

ONCE = Patience(silence_s=1.0, answer_s=1.5, longest_wait_s=5.0, backoff_s=0.01, tries=1)
FREE = replace(Shop.service, requests=1_000, per_s=0.0)


def plain(request: Request) -> Answer:
    return as_json({"path": request.path, "query": dict(request.query)})


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ROUTES = {API: plain, FILES: lambda request: Answer(b"x" * 5_000, type="image/jpeg")}


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("busy", Trouble, "too many requests"), ("hours", Later, "too many requests"), ("quota", Later, "QUOTA"),
        ("error", Trouble, "status 500"), ("unavailable", Trouble, "status 503"), ("timeout", Trouble, "in time"),
        ("reset", Trouble, "connection"), ("short", Trouble, "connection"), ("html", Trouble, "not JSON"),
        ("empty", Trouble, "not JSON"), ("truncated", Trouble, "not JSON"), ("long", Trouble, "not JSON"),
        ("drip", Trouble, "in time"), ("endless", Trouble, "larger than 16 MiB"), ("elsewhere", Refused, "another"),
        ("inside", Refused, "private"), ("missing", Gone, "404"), ("forbidden", Refused, "403"),
    ],
)  # fmt: skip
def test_every_way_to_go_wrong_has_its_error(kind: str, error: type[SourceError], says: str) -> None:
    with StandIn(ROUTES, Faults().once(API, kind, times=9)) as server:
        http = Http("shop", FREE, route=server.url, patience=ONCE)
        begin = time.monotonic()
        with pytest.raises(error, match=says) as caught:
            http.json(f"https://{API}/x", {"secret": "query"})
        assert "secret" not in str(caught.value)
        assert API not in str(caught.value)
        assert len(server.log) == 1
        assert kind != "drip" or time.monotonic() - begin < 4 * ONCE.answer_s


@pytest.mark.parametrize("kind", ["error", "reset", "timeout", "drip", "busy"])
def test_an_accident_is_asked_again(kind: str) -> None:
    with StandIn(ROUTES, Faults().once(API, kind)) as server:
        http = Http("shop", FREE, route=server.url, patience=replace(ONCE, tries=2))
        assert http.json(f"https://{API}/x", {"q": "é雪"}) == {"path": "/x", "query": {"q": "é雪"}}
        assert http.take_count() == len(server.log) == 2
        assert server.log[0].headers["User-Agent"] == user_agent()


@pytest.mark.parametrize("where", ["status line", "headers", "sizes of chunks"])
def test_no_part_of_an_answer_may_drip_for_longer_than_the_whole_may_last(where: str) -> None:
    parts = {"status line": b"H", "headers": b"HTTP/1.1 200 OK\r\nX: ", "sizes of chunks": _CHUNKED + b"5;"}

    def drip(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(parts[where])
                while True:
                    connection.sendall(b"T")
                    time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        patience = replace(ONCE, silence_s=20.0, answer_s=0.6)
        http = Http("shop", FREE, route=f"http://127.0.0.1:{listener.getsockname()[1]}", patience=patience)
        begin = time.monotonic()
        with pytest.raises(Trouble, match="no answer in time"):
            http.json(f"https://{API}/x")
        assert time.monotonic() - begin < 5.0  # at a byte each tenth of a second some minutes fit into a line


def test_errors_with_status_200_are_the_sources_to_tell() -> None:
    def check(value: dict[str, object]) -> None:
        if value["path"] == "/quota":
            raise Later("quota", 5.0)

    with StandIn(ROUTES) as server:
        http = Http("shop", FREE, route=server.url, patience=ONCE)
        assert http.json(f"https://{API}/fine", check=check)["path"] == "/fine"
        with pytest.raises(Later, match="quota"):
            http.json(f"https://{API}/quota", check=check)


def test_a_file_that_is_refused_may_have_expired() -> None:
    faults = Faults().once(FILES, "forbidden").once(FILES, "missing").once(FILES, "missing")
    with StandIn(ROUTES, faults) as server:
        for _ in range(2):
            with pytest.raises(Expired):
                Http("shop", FREE, route=server.url, patience=ONCE).file(f"https://{FILES}/1.jpg")
        with pytest.raises(Gone):
            Http("x", replace(FREE, links_expire=False), route=server.url, patience=ONCE).file(f"https://{FILES}/1")


@pytest.mark.parametrize(
    ("seconds", "n", "per_s"), [(1.2, 5, 0.25), (1.2, 1, 0.1)], ids=["five in a quarter", "one in a tenth"]
)
def test_no_window_holds_more_requests_than_the_service_allows(
    tmp_path: Path, seconds: float, n: int, per_s: float
) -> None:
    """Threads of two clients and answers of uneven speed: the server's own log is the judge."""

    def uneven(request: Request) -> Answer:
        time.sleep(0.03 * (len(request.path) % 3))
        return plain(request)

    service = Service((API,), (), n, per_s)
    with StandIn({API: uneven}, Faults(0.2, api=("error", "busy"))) as server:
        clients = [Http("shop", service, route=server.url, limits=tmp_path) for _ in range(2)]
        end = time.monotonic() + seconds

        def ask(number: int) -> None:
            while time.monotonic() < end:
                try:
                    clients[number % 2].json(f"https://{API}/{'x' * number}")
                except Trouble:
                    continue

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(8)))
        assert server.most_in_any_window(per_s) <= n
        assert len(server.log) >= 0.4 * n * seconds / (per_s + 0.1)


def _hold_a_slot(path: Path, ready: threading.Event) -> None:
    with Limiter(1, 0.2, path).slot():
        ready.set()
        time.sleep(30)


def test_a_killed_process_leaves_its_slot_to_time_alone(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_a_slot, args=(tmp_path / "x.slots", ready))
    process.start()
    assert ready.wait(60)
    limiter = Limiter(1, 0.2, tmp_path / "x.slots")
    with pytest.raises(TimeoutError), limiter.slot(stopped=lambda: True):
        pass
    process.kill()
    process.join()
    with pytest.raises(TimeoutError), limiter.slot(stopped=lambda: True):
        pass  # it may have asked just before
    (tmp_path / "x.slots").write_bytes(b"\xff" * 16)  # nonsense in the file holds nobody up
    with limiter.slot(stopped=lambda: True):
        pass


def test_a_stopped_client_waits_for_nothing() -> None:
    http = Http("shop", replace(Shop.service, requests=1, per_s=3600.0), patience=ONCE)
    http.pause(3600.0)
    threading.Timer(0.2, http.stop).start()
    with pytest.raises(Trouble, match="interrupted"):
        http.json(f"https://{API}/x")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://api.shop.example/x", None), ("http://a.cdn.example./x", None), ("https://cdn.example/x", Refused),
        ("https://evil.example/x", Refused), ("https://api.shop.example.evil.example/", Refused),
        ("https://api.shop.example@evil.example/", Refused), ("https://u:p@api.shop.example/", Refused),
        ("ftp://api.shop.example/", Refused), ("file:///etc/passwd", Refused), ("http://127.0.0.1/", Refused),
        ("http://[::1]/", Refused), ("http://[::ffff:10.0.0.1]/", Refused), ("http://169.254.169.254/", Refused),
        ("http://localhost:80/", Refused), ("http://x.local/", Refused), ("//api.shop.example", Refused), ("", Refused),
        ("http://[bad/", Gone),
    ],
)  # fmt: skip
def test_only_a_services_own_public_hosts_are_asked(url: str, error: type[SourceError] | None) -> None:
    hosts = ("api.shop.example", "*.cdn.example")
    if error is None:
        check_address(url, hosts)
    else:
        with pytest.raises(error):
            check_address(url, hosts)
        if error is Refused and "127" in url:
            with pytest.raises(Refused, match="private"):
                check_address(url, ("*",))


@pytest.mark.parametrize("number", ["10.1.2.3", "192.168.0.1", "172.16.9.9", "100.64.0.1", "fe80::1%eth0", "fd00::1"])
def test_private_numbers_are_private(number: str) -> None:
    assert not is_public(number)
    assert is_public("93.184.216.34")


def test_a_name_that_leads_inside_is_refused_once_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that points a public name at this machine: nothing is sent."""
    monkeypatch.setenv("NO_PROXY", "*")
    with StandIn({API: plain}) as server:
        port = int(server.url.rpartition(":")[2])
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **how: real("127.0.0.1", *rest, **how))
        http = Http("shop", FREE, patience=ONCE)
        with pytest.raises(Refused, match="private"):
            http.json(f"http://{API}:{port}/x")
        assert not server.log


def test_a_route_leads_to_this_machine_alone() -> None:
    for route in ("http://93.184.216.34:80", "http://evil.example", "x"):
        with pytest.raises(InputError, match="this machine"):
            Http("shop", FREE, route=route)


def test_a_client_library_is_held_to_the_same(tmp_path: Path) -> None:
    """What uses `http.session` by itself is limited, retried and refused like our own questions."""
    with StandIn(ROUTES, Faults().once("/x", "error").once("/y", "hours").once("/z", "elsewhere")) as server:
        session: requests.Session = Http("shop", FREE, route=server.url, patience=replace(ONCE, tries=2)).session
        answer = session.get(f"https://{API}/x")
        assert (answer.json()["path"], answer.url) == ("/x", f"https://{API}/x")
        assert session.post(f"https://{API}/p", data={"a": 1}).json()["path"] == "/p"
        for path, error in (("y", Later), ("z", Refused)):
            with pytest.raises(error):
                session.get(f"https://{API}/{path}")
        with pytest.raises(Refused):
            session.get(f"https://{FILES}/1.jpg")


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("# keys\nexport A_KEY='quoted # kept'\nB_KEY = plain # not kept\nodd line\nC_KEY=\n")
    monkeypatch.setenv("D_KEY", "from outside")
    monkeypatch.setenv("B_KEY", "outside wins")
    found = read_secrets(["A_KEY", "B_KEY", "D_KEY"], tmp_path)
    assert dict(found) == {"A_KEY": "quoted # kept", "B_KEY": "outside wins", "D_KEY": "from outside"}
    assert "quoted" not in repr(found)
    with pytest.raises(InputError, match="C_KEY and E_KEY: not set"):
        read_secrets(["A_KEY", "C_KEY", "E_KEY"], tmp_path)
    assert dict(read_secrets([], tmp_path)) == {}


def test_what_is_hidden_comes_back() -> None:
    secrets = Secrets({"ONE": "abc/def", "TWO": "abc/defgh", "TINY": "x"})
    for hide_and_reveal in ("k=abc%2Fdefgh&l=abc%2Fdef", "xyz"):
        assert secrets.reveal(secrets.hide(hide_and_reveal)) == hide_and_reveal
    assert secrets.hide("abc/defgh abc/def x") == "{TWO} {ONE} x"
