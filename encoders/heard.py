"""What a whole dataset sounds like: descriptors, estimated attributes and codes of every clip, in its cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.attributes import ATTRIBUTE_NAMES, attributes_array
from data.audio import EXCERPT_S, load_audio
from data.errors import InputError
from data.files import atomic_path, sha256_bytes
from data.shards import Dataset
from encoders.attributes import ATTRIBUTES_VERSION, CURVES, SPOTIFY_OFFSET_DB, estimate_attributes
from encoders.base import Encoder
from encoders.features import DESCRIPTOR_NAMES, DESCRIPTORS_HASH, compute_features, compute_log_mel, one_thread
from encoders.parts import (
    NO_AUDIO,
    Clip,
    Made,
    Parts,
    Progress,
    alone,
    is_made_from,
    is_whole,
    listen,
    write_array,
)

ATTRIBUTES_HASH = sha256_bytes(
    repr((ATTRIBUTES_VERSION, EXCERPT_S, sorted(CURVES.items()), SPOTIFY_OFFSET_DB)).encode()
)[:16]
PARTS_AT_ONCE = 32
"""Parts that are joined into one row group of the table."""

_FEATURES = pa.schema(
    [
        pa.field("track_id", pa.string()),
        pa.field("problem", pa.string()),
        pa.field("descriptors", pa.list_(pa.float32())),
        pa.field("attributes", pa.list_(pa.float32())),
    ]
)
_CODES = pa.schema([pa.field("code", pa.list_(pa.float32()))])


@dataclass(frozen=True)
class HeardTable:
    """The table of a dataset's descriptors and estimates, on disk; one row a track, in the dataset's order."""

    path: Path
    fingerprint: str

    def iter_batches(self, batch_rows: int = 4096) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`(descriptors float32 [n, d], attributes float32 [n, 10])` in order; NaN where there is nothing."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_rows, columns=["descriptors", "attributes"]):
                yield (_matrix(batch.column(0), len(DESCRIPTOR_NAMES)), _matrix(batch.column(1), len(ATTRIBUTE_NAMES)))

    def descriptors(self, rows: np.ndarray) -> np.ndarray:
        """Descriptors float32 `[n, d]` of `rows` (ascending); only those are held in memory."""
        return self._gather(0, rows)

    def attributes(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Estimated attributes float32 `[n, 10]` of `rows` (ascending; all where None), NaN where unknown."""
        return self._gather(1, rows)

    def usable(self) -> np.ndarray:
        """bool `[N]`: which tracks could be heard."""
        return pq.read_table(self.path, columns=["problem"]).column(0).is_null().to_numpy()

    def problems(self) -> dict[str, int]:
        """How many tracks could not be heard, by reason."""
        return dict(Counter(pq.read_table(self.path, columns=["problem"]).column(0).drop_null().to_pylist()))

    def _gather(self, column: int, rows: np.ndarray | None) -> np.ndarray:
        if rows is not None and (np.diff(rows) < 0).any():
            raise ValueError("rows are asked for in ascending order")
        size = (len(DESCRIPTOR_NAMES), len(ATTRIBUTE_NAMES))[column]
        parts, start = [np.zeros((0, size), dtype=np.float32)], 0
        for batch in self.iter_batches():
            part = batch[column]
            if rows is not None:
                first, last = np.searchsorted(rows, [start, start + len(part)])
                part = part[rows[first:last] - start]
            parts.append(part)
            start += len(batch[column])
        return np.concatenate(parts)


def _matrix(column: pa.Array, width: int) -> np.ndarray:
    """float32 `[n, width]` of a column of lists, which all have `width` numbers."""
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)


def dataset_features(
    dataset: Dataset,
    *,
    as_recorded: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> HeardTable:
    """Hears every clip of `dataset` that was not heard before; the table at `cache/features.parquet`.

    Clips are heard at full scale, since the gain of a file says nothing of its music; `as_recorded`: at their own
    level, in a table of its own. Works as `encoders.parts.listen` does: on `jobs` processes or on a cluster, resumable,
    in constant memory. A row without a clip, or whose clip cannot be used, holds NaN and the reason. The table is made
    anew when the dataset or the features' version changes.
    """
    table, parts = _features_of(dataset, as_recorded)
    if not is_made_from(table.path, parts.made_from):
        with alone(dataset.cache_dir):
            if not is_made_from(table.path, parts.made_from):
                numbers = listen(
                    dataset, _Ear(None, as_recorded), [parts], jobs=jobs, scheduler=scheduler, progress=progress
                )
                _join_features(parts, numbers, table.path)
    return table


def dataset_codes(
    dataset: Dataset,
    encoder: Encoder,
    heard: HeardTable | None = None,
    *,
    as_recorded: bool = False,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Codes float32 `[N, code_dim]` of every clip, memory-mapped from `cache/codes-<fingerprint>.npy`.

    NaN where there is nothing to hear. An encoder of descriptors gets them from `heard` (made where None); for one
    of log-mels the clips are listened to as `encoders.parts.listen` does, and where `heard` is None and
    the table of features is missing too, the same hearing makes it. `as_recorded` as in `dataset_features`.
    """
    hearing = f"{dataset.fingerprint} {DESCRIPTORS_HASH} {EXCERPT_S} {_level(as_recorded)}"
    made_from = f"{hearing} {encoder.fingerprint}".encode()
    path = dataset.cache_dir / f"codes-{sha256_bytes(made_from)[:16]}.npy"
    shape = (len(dataset), encoder.code_dim)
    if not is_whole(path, shape):
        if encoder.hears == "descriptors":
            heard = heard or dataset_features(
                dataset, as_recorded=as_recorded, jobs=jobs, scheduler=scheduler, progress=progress
            )
            write_array(path, np.float32, shape, (_encode(encoder, x) for x, _ in heard.iter_batches()))
        else:
            with alone(dataset.cache_dir):
                if not is_whole(path, shape):
                    table, features = _features_of(dataset, as_recorded)
                    codes = Parts("codes", path.with_name(f"{path.stem}-parts"), _CODES, made_from)
                    both = heard is None and not is_made_from(table.path, features.made_from)
                    kinds = [features, codes] if both else [codes]
                    ear = _Ear(encoder, as_recorded)
                    numbers = listen(dataset, ear, kinds, jobs=jobs, scheduler=scheduler, progress=progress)
                    if both:
                        _join_features(features, numbers, table.path)
                    blocks = (
                        _matrix(part.column(0).combine_chunks(), encoder.code_dim) for part in codes.read(numbers)
                    )
                    write_array(path, np.float32, shape, blocks)
                    codes.remove()
    return np.load(path, mmap_mode="r")


def _encode(encoder: Encoder, x: np.ndarray) -> np.ndarray:
    """Codes `[n, code_dim]` of descriptors `[n, d]`, NaN where these are."""
    usable = np.isfinite(x).all(axis=1)
    codes = np.full((len(x), encoder.code_dim), np.nan, dtype=np.float32)
    codes[usable] = encoder.encode_heard(x[usable])
    return codes


def _features_of(dataset: Dataset, as_recorded: bool) -> tuple[HeardTable, Parts]:
    """The table of a dataset's features, and the parts that it is made of where it is not there."""
    made_from = f"{dataset.fingerprint} {DESCRIPTORS_HASH} {ATTRIBUTES_HASH} {_level(as_recorded)}".encode()
    name = "features-as-recorded" if as_recorded else "features"
    table = HeardTable(dataset.cache_dir / f"{name}.parquet", sha256_bytes(made_from))
    return table, Parts("features", dataset.cache_dir / f"{name}-parts", _FEATURES, made_from)


def _level(as_recorded: bool) -> str:
    return "as recorded" if as_recorded else "at full scale"


def _join_features(parts: Parts, numbers: list[int], path: Path) -> None:
    """One table of all parts."""
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, parts.schema, compression="zstd") as writer:
        for start in range(0, len(numbers), PARTS_AT_ONCE):
            some = pa.concat_tables(parts.read(numbers[start : start + PARTS_AT_ONCE]))
            writer.write_table(some)
    parts.remove()


class _Ear:
    """Makes of a clip a row of the table of features and the encoder's code, whichever are wanted.

    Neighbouring rows that share a file hear it once.
    """

    def __init__(self, encoder: Encoder | None, as_recorded: bool) -> None:
        self._encoder, self._as_recorded = encoder, as_recorded
        self._last: tuple[bytes | None, frozenset[str], Made, np.ndarray] | None = None

    def __call__(self, clip: Clip, wanted: frozenset[str]) -> dict[str, Made]:
        if self._last is None or self._last[:2] != (clip.content, wanted):
            self._last = (clip.content, wanted, *_hear(clip, wanted, self._encoder, self._as_recorded))
        _, _, features, code = self._last
        return {"features": {"track_id": clip.track_id, **features}, "codes": {"code": code}}


def _hear(clip: Clip, wanted: frozenset[str], encoder: Encoder | None, as_recorded: bool) -> tuple[Made, np.ndarray]:
    """What the table of features holds of a clip but its name, and the `encoder`'s code of it."""
    descriptors = np.full(len(DESCRIPTOR_NAMES), np.nan, dtype=np.float32)
    attributes = attributes_array({})
    code = np.full(encoder.code_dim if encoder else 0, np.nan, dtype=np.float32)
    log_mel, problem = None, None if clip.content else NO_AUDIO
    if clip.content:
        try:
            excerpt = load_audio(clip.content, name=clip.track_id)
            excerpt = excerpt if as_recorded else excerpt.at_full_scale()
            if "features" in wanted:
                features = compute_features(excerpt.y, excerpt.sr)
                descriptors, log_mel = features.descriptors, features.log_mel
                attributes = attributes_array(estimate_attributes(excerpt.y, excerpt.sr, features))
            else:
                log_mel = compute_log_mel(excerpt.y, excerpt.sr)
        except InputError as error:
            problem = error.reason
    if encoder is not None and log_mel is not None and "codes" in wanted:
        with one_thread():  # the same sums, however many work side by side
            code = encoder.encode_heard([log_mel])[0]
    return {"problem": problem, "descriptors": descriptors, "attributes": attributes}, code
