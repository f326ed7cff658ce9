"""What gathering costs: a million records from a simulated source, and covers from a server on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from scripts.measure import Figure

RECORDS = 1_000_000
PAGE = 1_000
COVERS = 1_000
COVER_SIDE = 640
_THREADS = 16
_HOST = "covers.example"


def collecting(folder: Path, model: Path | None) -> Iterator[Figure]:
    """Asked: 5,000 records and 200 covers a second, under 500 MB, and a restart in 5 s."""
    from scripts.measure import compare, run_process, turn_by_turn

    _, few_mb = run_process(*_child("records", folder / "few", RECORDS // 10))
    many_s, many_mb = run_process(*_child("records", folder / "many", RECORDS))
    writing_s, _ = run_process(*_child("writing", folder / "written", RECORDS // 10))
    alone = f"{RECORDS // 10:,} rows into shards alone"
    rate, plain_rate = RECORDS / many_s, RECORDS / 10 / writing_s
    yield compare(f"gathering {RECORDS:,} records, shards and all", "records/s", [rate], alone, [plain_rate])
    yield compare(
        f"gathering {RECORDS:,} records: peak memory", "MB", [many_mb], "a tenth of them", [few_mb], absolute=500
    )
    again_s, _ = run_process(*_child("records", folder / "many", RECORDS))
    yield compare("a finished gathering started again", "s", [again_s], "gathering it", [many_s], absolute=5)

    with _Server() as server:
        rates = turn_by_turn(
            [
                lambda: _covers_a_second("covers", folder / f"covers {time.monotonic_ns()}", server.url),
                lambda: _covers_a_second("plain", folder, server.url),
            ],
            repeats=3,
        )
    name = f"covers of {COVER_SIDE} px fetched, decoded whole and journalled"
    yield compare(name, "covers/s", rates[0], f"requests and Pillow alone, {_THREADS} threads", rates[1])


def _child(what: str, *words: object) -> list[str]:
    return [sys.executable, "-m", "scripts.bench_collecting", what, *map(str, words)]


def _covers_a_second(what: str, folder: Path, url: str) -> float:
    done = subprocess.run(_child(what, folder, url), capture_output=True, check=True, text=True)
    return COVERS / float(done.stdout.split()[-1])


class _Server:
    """Covers under any name, from a process of its own."""

    def __enter__(self) -> _Server:
        self._process = subprocess.Popen(_child("serve"), stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _serve() -> None:
    from data.synthetic import draw_tracks, render_cover

    pictures = [_jpeg(render_cover(track, COVER_SIDE)) for track in draw_tracks(20, seed=1)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            body = pictures[hash(self.path) % len(pictures)]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


def _jpeg(pixels: Any) -> bytes:
    """A cover with the grain of a photograph, so that it is as large and as slow to decode as a real one."""
    import io

    import numpy as np
    from PIL import Image

    grain = np.random.default_rng(0).normal(0, 12, pixels.shape)
    noisy = np.clip(pixels + grain, 0, 255).astype(np.uint8).transpose(1, 2, 0)  # [3, H, W] -> [H, W, 3]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(noisy)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _row(number: int) -> dict[str, Any]:
    from data.table import make_row

    return make_row(
        track_id=f"simulated:{number * 7919 % 10**9:09d}",
        album_id=f"simulated:a{number // 10}",
        artist=f"artist {number % 100_003}",
        album=f"album {number // 10}",
        title=f"title of {number}",
        genres=["pop", "rock"],
        release_date="1999-01-02",
        isrc=f"US{number:010d}",
        energy=0.5,
        tempo=120.0,
        popularity=3.0,
        licence="CC0",
        source="simulated",
    )


def _gather(folder: Path, count: int, route: str | None = None) -> None:
    from data.collecting import collect
    from data.sources.base import Found, Item, Record, Service, Source, Terms
    from data.sources.http import Http

    class Simulated(Source):
        """Pages of records, made up on the spot; with a cover each where they are to be fetched."""

        name = "simulated"
        service = Service(hosts=(), file_hosts=(_HOST,), requests=100, per_s=0.001)
        terms = Terms("nothing real", may_train=True)
        wants: ClassVar = {"pages": "how many"}

        def start(self, wishes: Sequence[tuple[str, str]]) -> Iterator[Item]:
            yield from (Item("page", str(page)) for _, value in wishes for page in range(int(value)))

        def expand(self, item: Item, http: Http) -> Iterator[Found]:
            for number in range(int(item.key) * PAGE, (int(item.key) + 1) * PAGE):
                covers = [f"http://{_HOST}/{number}.jpg"] if route else []
                yield Record(_row(number), covers, needs=["cover"] * bool(route))

    collect(Simulated(), folder, [("pages", str(count // PAGE))], route=route)


def _write(folder: Path, count: int) -> None:
    from data.shards import DatasetWriter

    with DatasetWriter(folder, rows_per_shard=10_000) as writer:
        for number in range(count):
            writer.write(_row(number))


def _fetch_plainly(url: str) -> None:
    import io

    import requests
    from PIL import Image

    sessions = threading.local()

    def fetch(number: int) -> None:
        if not hasattr(sessions, "one"):
            sessions.one = requests.Session()
        Image.open(io.BytesIO(sessions.one.get(f"{url}/{number}.jpg", timeout=60).content)).load()

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(fetch, range(COVERS)))


def _main(what: str, *words: str) -> None:
    """One measured thing, in a process of its own; the last word it prints is its seconds without the start."""
    if what == "serve":
        _serve()
    if what in ("covers", "plain"):
        from data import collecting, duplicates  # noqa: F401, as imports are not what is measured
    begin = time.perf_counter()
    if what == "records":
        _gather(Path(words[0]), int(words[1]))
    elif what == "writing":
        _write(Path(words[0]), int(words[1]))
    elif what == "covers":
        _gather(Path(words[0]), COVERS, route=words[1])
    else:
        _fetch_plainly(words[1])
    print(json.dumps(time.perf_counter() - begin))


if __name__ == "__main__":
    _main(*sys.argv[1:])
