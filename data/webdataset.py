"""Export to WebDataset: tar files of samples, each a few files with one key (https://github.com/webdataset/webdataset).

A sample is a row: `000000042.jpg` its cover, `000000042.ogg` its clip, `000000042.json` all else that is known of it.
The key is the row's number. Tar files bear the name of the split that their rows are in: `train-000000.tar`.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from data.files import flush, reason_of
from data.shards import Dataset
from data.table import BYTES_COLUMNS, SPLITS

SHARD_BYTES = 512 * 2**20
_SUFFIX = re.compile(r"\.([a-z0-9]{1,8})")
_PLAIN = {"cover": "img", "audio": "bin"}  # for a file whose name says no kind

Progress = Callable[[str, int, int | None], None]


def write_webdataset(
    dataset: Dataset,
    out: str | os.PathLike[str],
    *,
    chosen: np.ndarray | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
) -> list[Path]:
    """Writes the rows that are `chosen` (bool `[N]`; all where None) into the new folder `out`; its tar files.

    A tar file holds at most `shard_bytes` of files, or one sample. The folder appears when all is written; the same
    rows give the same bytes. Raises `InputError` where `out` is there already or cannot be written.
    """
    folder = Path(out)
    apart = folder.with_name(f".{folder.name[:100]}.exporting")
    if folder.exists():
        raise InputError(folder, "is there already; give another folder or remove it")
    try:
        shutil.rmtree(apart, ignore_errors=True)
        apart.mkdir(parents=True)
        total = len(dataset) if chosen is None else int(chosen.sum())
        writers = {split: _Shards(apart, split, shard_bytes) for split in SPLITS}
        done = 0
        for number, row in enumerate(dataset.iter_rows()):
            if chosen is None or chosen[number]:
                writers[row["split"]].add(_sample(f"{number:09d}", row))
                done += 1
                if progress is not None:
                    progress("exporting", done, total)
        for writer in writers.values():
            writer.close()
        flush(apart)
        apart.rename(folder)
        flush(folder.parent)
    except OSError as error:
        raise InputError(folder, reason_of(error)) from error
    finally:
        shutil.rmtree(apart, ignore_errors=True)
    return sorted(folder.glob("*.tar"))


def _sample(key: str, row: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The names and bytes of a row's files."""
    files = []
    for column in BYTES_COLUMNS:
        file = row.pop(column)
        if file is not None and file["bytes"]:
            suffix = _SUFFIX.fullmatch(Path(file["path"] or "").suffix.lower())
            files.append((f"{key}.{suffix[1] if suffix else _PLAIN[column]}", file["bytes"]))
    return [*files, (f"{key}.json", json.dumps(row, ensure_ascii=False).encode())]


class _Shards:
    """The tar files of one split, one after the other."""

    def __init__(self, folder: Path, split: str, most_bytes: int) -> None:
        self._folder, self._split, self._most_bytes = folder, split, most_bytes
        self._count = self._bytes = 0
        self._tar: tarfile.TarFile | None = None

    def add(self, files: list[tuple[str, bytes]]) -> None:
        size = sum(len(content) for _, content in files)
        if self._tar is None or self._bytes + size > self._most_bytes:
            self.close()
            self._tar = tarfile.TarFile(self._path(self._count), "w", format=tarfile.USTAR_FORMAT)
            self._count, self._bytes = self._count + 1, 0
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            self._tar.addfile(member, io.BytesIO(content))
        self._bytes += size

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            flush(self._path(self._count - 1))
        self._tar = None

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._split}-{number:06d}.tar"
