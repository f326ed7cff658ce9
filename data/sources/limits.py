"""At most N requests in any window of T seconds, counted over all processes of this machine, and across restarts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

# A slot that a killed process took stays taken for this long: longer than any request may last.
HELD_S = 120.0
_POLL_S = 0.05


class Limiter:
    """N slots. A request holds one while it is under way and for T seconds after its answer has come.

    Between a request and the N-th after it lie so at least T seconds *at the server*, however long either was on its
    way. The slots lie in a file that all collectors of one machine share (in memory where `path` is None).
    """

    def __init__(self, requests: int, per_s: float, path: Path | None = None) -> None:
        self._requests, self._per_s = requests, per_s
        self._lock = threading.Lock()
        self._times = np.zeros(requests + 1)  # when each slot is free again; last: until when all wait (wall clock)
        self._file: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)

    @contextlib.contextmanager
    def slot(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Around one request: waits for its turn. `TimeoutError` where `stopped()` becomes true while it waits."""
        taken = self._take()
        while isinstance(taken, float):
            if stopped():
                raise TimeoutError
            time.sleep(min(taken, _POLL_S))
            taken = self._take()
        try:
            yield
        finally:
            with self._shared() as times:
                times[taken] = time.time() + self._per_s

    def pause(self, seconds: float) -> None:
        """Lets nobody begin a request for so long."""
        with self._shared() as times:
            times[-1] = max(times[-1], time.time() + seconds)

    def _take(self) -> int | float:
        """The index of a slot that is ours now, or the seconds until one may be free."""
        with self._shared() as times:
            now = time.time()
            # A clock that was set back must not stop us for longer than an honest wait.
            np.minimum(times[:-1], now + HELD_S + self._per_s, out=times[:-1])
            index = int(times[:-1].argmin())
            wait = float(max(times[index], times[-1]) - now)
            if wait > 0:
                return wait
            times[index] = now + HELD_S + self._per_s
            return index

    @contextlib.contextmanager
    def _shared(self) -> Iterator[np.ndarray]:
        with self._lock:
            if self._file is None:
                yield self._times
                return
            number = self._file.fileno()
            fcntl.flock(number, fcntl.LOCK_EX)
            try:
                there = os.pread(number, self._times.nbytes, 0)
                if len(there) == self._times.nbytes:
                    self._times[:] = np.nan_to_num(np.frombuffer(there))
                yield self._times
                os.pwrite(number, self._times.tobytes(), 0)
            finally:
                fcntl.flock(number, fcntl.LOCK_UN)
