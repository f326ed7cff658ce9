"""Measuring: a thing and its yardstick turn by turn in one run, whole processes with their peak memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# A child's peak memory counts that of the process it was forked from, so a small one does the forking.
_WATCH = """
import json, os, resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
last_words = code.stderr.decode(errors="replace")[-500:]
print(json.dumps([code.returncode, last_words, seconds, used.ru_utime + used.ru_stime, peak / 1e6]))
"""


@dataclass(frozen=True)
class Figure:
    """One measured thing beside its yardstick.

    `value` is the median of `n` runs and `interval` their range; `ratio` compares value and yardstick in the
    direction that `target` speaks of.
    """

    name: str
    value: float
    unit: str
    interval: tuple[float, float]
    n: int
    yardstick: str
    yardstick_value: float
    ratio: float
    target: str
    met: bool
    chance: None = None

    def to_json(self) -> str:
        """One JSON object on one line."""
        return json.dumps(asdict(self), allow_nan=False)


def compare(
    name: str,
    unit: str,
    values: Sequence[float],
    yardstick: str,
    yardstick_values: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    absolute: float | None = None,
) -> Figure:
    """A figure from the values of one run.

    `at_most`: value / yardstick must not exceed it. `at_least`: yardstick / value (times) or value / yardstick
    (rates, whose unit ends in `/s`) must reach it. `absolute`: a bound on the value itself, in its unit.
    """
    value, other = statistics.median(values), statistics.median(yardstick_values)
    faster = at_least is not None and not unit.endswith("/s")
    ratio = other / value if faster else value / other
    bounds = []
    if at_most is not None:
        bounds.append((f"at most {at_most:g} ×", ratio <= at_most))
    if at_least is not None:
        bounds.append((f"at least {at_least:g} × as fast", ratio >= at_least))
    if absolute is not None:
        bounds.append((f"at most {absolute:g} {unit}", value <= absolute))
    return Figure(
        name=name,
        value=value,
        unit=unit,
        interval=(min(values), max(values)),
        n=len(values),
        yardstick=yardstick,
        yardstick_value=other,
        ratio=ratio,
        target=", ".join(text for text, _ in bounds),
        met=all(met for _, met in bounds),
    )


def turn_by_turn(tasks: Sequence[Callable[[], Any]], repeats: int) -> list[list[Any]]:
    """Results of each task, `repeats` a task: run A, B, A, B, … so that a busy moment hits all alike."""
    results: list[list[Any]] = [[] for _ in tasks]
    for _ in range(repeats):
        for task, collected in zip(tasks, results, strict=True):
            collected.append(task())
    return results


def seconds_of(task: Callable[[], Any], count: int = 1) -> float:
    """Wall time of one call, divided by the `count` of things that the call does."""
    begin = time.perf_counter()
    task()
    return (time.perf_counter() - begin) / count


class Spent(NamedTuple):
    """What a whole process took: wall seconds, CPU seconds of all its threads, peak resident MB."""

    seconds: float
    cpu_s: float
    peak_mb: float


def watch_process(*command: str | Path) -> Spent:
    """Runs a whole process; `RuntimeError` with its last words if it fails."""
    watch = [sys.executable, "-c", _WATCH, *map(str, command)]
    code, last_words, *spent = json.loads(subprocess.run(watch, capture_output=True, check=True).stdout)
    if code:
        raise RuntimeError(f"{' '.join(map(str, command))} failed: {last_words}")
    return Spent(*spent)


def run_process(*command: str | Path) -> tuple[float, float]:
    """Wall seconds and peak resident MB of a whole process; `RuntimeError` with its last words if it fails."""
    spent = watch_process(*command)
    return spent.seconds, spent.peak_mb


def write_mp3(path: Path, minutes: float, sr: int = 44_100) -> Path:
    """A synthesised stereo MP3 of 128 kbit/s: three minutes of music, again and again until `minutes` are full."""
    import av

    from data.synthetic import draw_tracks, synthesize

    y = synthesize(draw_tracks(1, seed=0)[0], duration_s=180.0, sr=sr)
    pcm = np.repeat((np.clip(y, -1, 1) * 32767).astype(np.int16)[None], 2, axis=0)  # [channels, n_samples]
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("mp3", rate=sr)
        stream.layout, stream.bit_rate = "stereo", 128_000  # type: ignore[attr-defined]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm), format="s16p", layout="stereo")
        frame.sample_rate, frame.pts = sr, 0
        packets = [(bytes(p), p.duration or 0) for p in (*stream.encode(frame), *stream.encode(None)) if p.size]  # type: ignore[attr-defined]
        now = 0
        while now < minutes * 60 * sr:
            # Encoded once and written many times: an hour costs what three minutes cost.
            for content, duration in packets:
                packet = av.Packet(content)
                packet.stream, packet.pts, packet.dts, packet.duration = stream, now, now, duration
                packet.time_base = stream.codec_context.time_base
                container.mux(packet)
                now += duration
    return path


def as_table(figures: Sequence[Figure]) -> str:
    """The figures as a table for people, in Markdown."""
    head = ("what", "measured", "range", "yardstick", "its value", "ratio", "asked", "")
    rows = [head, ("---",) * len(head)]
    for f in figures:
        low, high = f.interval
        rows.append(
            (
                f.name,
                f"{f.value:.3g} {f.unit}",
                f"{low:.3g}–{high:.3g}",
                f.yardstick,
                f"{f.yardstick_value:.3g} {f.unit}",
                f"{f.ratio:.2f} ×",
                f.target or "–",
                "" if not f.target else "yes" if f.met else "no",
            )
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
