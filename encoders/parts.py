"""Listening to a whole dataset: on many processes or on a cluster, in parts that land as they are done.

A part is a Parquet table of what was made of one run of rows. Parts that lie on disk are not made again, so that
a killed extraction goes on where it stopped; what is in memory at once does not grow with the dataset.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.files import atomic_path
from data.shards import Dataset

if TYPE_CHECKING:
    from distributed import Client
    from joblib import Parallel

PART_ROWS = 32
ROUND_PARTS = 16
"""Parts of one round of work, for each worker."""

NO_AUDIO = "no audio"
CLUSTER_WAIT_S = 5
_MADE_FROM = b"made_from"

Progress = Callable[[int, int], None]
Made = dict[str, Any]


@dataclass(frozen=True)
class Clip:
    """A dataset's row and its clip's bytes; `content` is None where it has no clip."""

    row: int
    track_id: str
    content: bytes | None


Hear = Callable[[Clip, frozenset[str]], Mapping[str, Made]]
"""Makes of a clip one row of each kind of table that is wanted, by name. It travels to other processes."""


@dataclass(frozen=True)
class Parts:
    """One kind of table, in parts: its name, where they lie, their columns, and what they are made from."""

    name: str
    folder: Path
    columns: pa.Schema
    made_from: bytes

    @property
    def schema(self) -> pa.Schema:
        return self.columns.with_metadata({_MADE_FROM: self.made_from})

    def path(self, number: int) -> Path:
        return self.folder / f"part-{number:07d}.parquet"

    def has(self, number: int) -> bool:
        return is_made_from(self.path(number), self.made_from)

    def write(self, number: int, rows: list[Made]) -> None:
        with atomic_path(self.path(number)) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=self.schema), temporary)

    def read(self, numbers: Sequence[int], columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The tables of these parts in order, one in memory at a time."""
        for number in numbers:
            yield pq.read_table(self.path(number), columns=columns)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def is_made_from(path: Path, made_from: bytes) -> bool:
    """Whether the Parquet table at `path` is there, can be read, and was made from this."""
    try:
        return (pq.read_schema(path).metadata or {}).get(_MADE_FROM) == made_from
    except (OSError, pa.ArrowException):
        return False


def is_whole(path: Path, shape: tuple[int, ...]) -> bool:
    """Whether the `.npy` at `path` is there and holds float32 of this shape."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return array.shape == shape and array.dtype == np.float32


def write_array(path: Path, dtype: type, shape: tuple[int, int], blocks: Iterable[np.ndarray]) -> None:
    """Writes `blocks` `[n, shape[1]]`, which fill `shape` together, as one `.npy`; holds one in memory at a time."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype=dtype).data)


def join_arrays(parts: Parts, numbers: Sequence[int], path: Path, counts: str, dtype: type, width: int) -> None:
    """Joins the arrays `[n, width]` that rows have made: all of them in one `.npy` at `path`, then, beside it, the
    table that says how long each is.

    A row's array lies as bytes in the last column of `parts` (null where there is none), its n in the column `counts`.
    The table has all columns but the last.
    """
    schema, made = parts.schema.remove(len(parts.columns) - 1), parts.columns.names[-1]
    table = pa.concat_tables([schema.empty_table(), *parts.read(numbers, schema.names)])
    total = int(np.sum(table.column(counts).to_numpy()))
    write_array(path, dtype, (total, width), _arrays(parts.read(numbers, [made]), dtype, width))
    with atomic_path(path.with_suffix(".parquet")) as temporary:
        pq.write_table(table.cast(schema), temporary)


def _arrays(tables: Iterable[pa.Table], dtype: type, width: int) -> Iterator[np.ndarray]:
    for table in tables:
        for content in table.column(0).drop_null():
            yield np.frombuffer(content.as_buffer(), dtype=dtype).reshape(-1, width)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Waits until no other process listens for the same cache: what that one makes is not made twice."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".listening").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # goes with the process, however that ends
        yield


def listen(
    dataset: Dataset,
    hear: Hear,
    kinds: Sequence[Parts],
    *,
    rows: np.ndarray | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> list[int]:
    """Makes every part of every kind that is not there; the numbers of all parts, in the dataset's order.

    `rows` (ascending; all where None) are listened to, by `jobs` processes here (−1: one a core) or by the workers
    of the Dask cluster at `scheduler` (`tcp://host:port`), which need the same Gatefold. `progress(done, total)` is
    told rows. Raises `InputError` where the cluster cannot be used, and for no process at all.
    """
    if jobs == 0:
        raise InputError("jobs", "0 processes cannot listen; 1 or more can, and -1 is one a core")
    chosen = np.arange(len(dataset)) if rows is None else rows
    sizes: dict[int, int] = {}
    told, landed = -1, 0
    there = [0]  # rows of parts that lie there already; counted by the thread that hands the work out

    def work() -> Iterator[_Piece]:
        start = 0
        for number, batch in enumerate(dataset.iter_batches(["track_id", "audio"], PART_ROWS)):
            first, last = np.searchsorted(chosen, [start, start + len(batch)])
            if last > first:
                sizes[number] = int(last - first)
                wanted = frozenset(kind.name for kind in kinds if not kind.has(number))
                if wanted:
                    yield number, _clips(batch.take(chosen[first:last] - start), chosen[first:last]), wanted
                else:
                    there[0] += sizes[number]
            start += len(batch)

    for number, made in _carried_out(hear, work(), jobs, scheduler):
        for kind in kinds:
            if kind.name in made:
                kind.write(number, made[kind.name])
        landed += sizes[number]
        if progress is not None:
            told = landed + there[0]
            progress(told, len(chosen))
    if progress is not None and told != len(chosen):
        progress(len(chosen), len(chosen))
    return sorted(sizes)


def _clips(batch: pa.RecordBatch, rows: np.ndarray) -> list[Clip]:
    found = zip(rows.tolist(), batch.to_pylist(), strict=True)
    return [Clip(row, track["track_id"], track["audio"] and track["audio"]["bytes"]) for row, track in found]


_Piece = tuple[int, list[Clip], frozenset[str]]
_Heard = tuple[int, dict[str, list[Made]]]


def _hear_part(hear: Hear, number: int, clips: list[Clip], wanted: frozenset[str]) -> _Heard:
    """The rows of one part, by the kind of table."""
    made = [hear(clip, wanted) for clip in clips]
    return number, {name: [rows[name] for rows in made] for name in wanted}


def _carried_out(hear: Hear, work: Iterator[_Piece], jobs: int, scheduler: str | None) -> Iterator[_Heard]:
    """What `_hear_part` makes of each piece of work, in the order in which they are done."""
    if scheduler is None and jobs == 1:
        yield from (_hear_part(hear, *piece) for piece in work)
        return
    from joblib import Parallel, delayed, effective_n_jobs, parallel_config

    # `work` is read only a few parts ahead of the workers, so few clips are in memory at once.
    options: dict[str, Any] = {"return_as": "generator_unordered", "pre_dispatch": "2*n_jobs", "batch_size": 1}
    pieces = (delayed(_hear_part)(hear, *piece) for piece in work)
    if scheduler is None:
        yield from _in_rounds(Parallel(n_jobs=jobs, **options), pieces, ROUND_PARTS * effective_n_jobs(jobs))
        return
    with _connected(scheduler) as client:
        with parallel_config("dask", client=client):
            parallel = Parallel(n_jobs=-1, **options)
        yield from _in_rounds(parallel, pieces, ROUND_PARTS * sum(client.ncores().values()))


def _in_rounds(parallel: Parallel, pieces: Iterator[Any], most: int) -> Iterator[_Heard]:
    """What comes of all pieces. A round ends before the next begins: what is done and not yet written stays little."""
    for piece in pieces:
        yield from parallel(itertools.chain([piece], itertools.islice(pieces, most - 1)))


@contextlib.contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    """A client of the cluster at `scheduler`; `InputError` where there is none, or one without workers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(scheduler, "a cluster needs Dask: pip install 'gatefold[cluster]'") from error
    try:
        client = Client(scheduler, timeout=CLUSTER_WAIT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(scheduler, "no Dask scheduler answers there; give its address as tcp://host:port") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CLUSTER_WAIT_S)
        except TimeoutError as error:
            raise InputError(scheduler, "the Dask cluster has no workers") from error
        try:
            yield client
        except Exception as error:
            if client.status == "running":
                raise
            raise InputError(scheduler, "the Dask cluster was lost; give the command again to go on") from error
