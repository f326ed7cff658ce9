"""Small file helpers: nothing is written half, nothing is read without a bound, no path leaves its folder."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from data.errors import InputError

MAX_JSON_BYTES = 64 * 2**20


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on leaving without error it becomes `path` at once.

    The file is flushed to disk before the rename and the folder after it, so a reader (and a machine
    that lost power) sees the old file or the whole new one, never a part.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(target.parent, reason_of(error)) from error
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        yield temporary
        flush(temporary)
        os.replace(temporary, target)
        flush(target.parent)
    except OSError as error:
        if error.filename is None or Path(os.fsdecode(error.filename)) == temporary:
            raise InputError(target, reason_of(error)) from error  # a full disk, a folder: by the name that was asked
        raise
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: str | os.PathLike[str]) -> None:
    """Has a file's content, or a folder's names, written to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hold_alone(lock: Path, subject: str | os.PathLike[str], reason: str) -> IO[str]:
    """Opens and locks the file `lock` for this process; `InputError(subject, reason)` where another one holds it.

    The lock goes when the file that is returned is closed, or with the process, however that ends.
    """
    file = lock.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise InputError(subject, reason) from error
    return file


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes `content` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes `value` as readable JSON, atomically. NaN and infinity are refused: they are not JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_bytes(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """A whole file; `InputError` where it is missing or larger than `max_bytes`."""
    file = Path(path)
    try:
        if file.stat().st_size > max_bytes:
            raise InputError(file, f"larger than {max_bytes:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise InputError(file, reason_of(error)) from error


def read_json(path: str | os.PathLike[str], max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Reads one JSON value; `InputError` where the file is missing, too large or not JSON."""
    content = read_bytes(path, max_bytes)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(path, "not valid JSON") from error


def read_json_lines(path: str | os.PathLike[str], max_line_bytes: int = 2**20) -> Iterator[dict[str, Any]]:
    """Yields one object a line, streaming; `InputError` names the line that is not a JSON object."""
    file = Path(path)
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(max_line_bytes + 1), b""), start=1):
                if len(line) > max_line_bytes:
                    raise InputError(file, f"line {number} is longer than {max_line_bytes:,} bytes")
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise InputError(file, f"line {number} is not valid JSON") from error
                if not isinstance(value, dict):
                    raise InputError(file, f"line {number} is not a JSON object")
                yield value
    except OSError as error:
        raise InputError(file, reason_of(error)) from error


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits, in constant memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inside(root: str | os.PathLike[str], relative: str) -> Path:
    """`root / relative`, or `InputError` where that is absolute or leaves `root` (through `..` or a link)."""
    base = Path(root).resolve()
    if "\0" in relative:
        raise InputError(relative, "not a path: it holds a zero byte")
    try:
        path = (base / relative).resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(relative, "not a usable path") from error
    if Path(relative).is_absolute() or not path.is_relative_to(base):
        raise InputError(relative, f"leaves the folder {base.name}")
    return path


def reason_of(error: OSError) -> str:
    """What went wrong with a file, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a directory, not a file"
    if isinstance(error, FileExistsError):
        return "is a file, not a folder"
    if isinstance(error, PermissionError):
        return "may not be read or written"
    return (error.strerror or type(error).__name__).lower()
