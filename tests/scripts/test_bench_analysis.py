"""The benches of the analysis at small scale: they measure what they say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from data.shards import Dataset
from scripts import measure
from scripts.bench_analysis import COVERS_A_SECOND, REPORT_MB, REPORT_S, describing, mapping, reporting
from scripts.measure import Spent, watch_process


def test_descriptors_are_timed_at_each_side(tmp_path: Path) -> None:
    figures = list(describing(tmp_path, None, sides=(32, 64), n=8))
    assert [figure.name for figure in figures] == [f"descriptors of a cover of {side} px" for side in (32, 64)]
    for figure in figures:
        assert (figure.unit, figure.n) == ("ms", 5)
        assert figure.met == (figure.value <= 1000 / COVERS_A_SECOND)


def test_a_process_is_told_what_it_took(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.4: pass\nnumbers = bytearray(200_000_000)"
    spent = watch_process(sys.executable, "-c", busy)
    assert 0.4 <= spent.cpu_s < 2
    assert spent.seconds > 0.4
    assert 200 < spent.peak_mb < 400
    with pytest.raises(RuntimeError, match="ValueError: no"):
        watch_process(sys.executable, "-c", "raise ValueError('no')")


def test_a_report_is_measured_as_a_process_on_two_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cores = os.sched_getaffinity if hasattr(os, "sched_getaffinity") else lambda process: {0}
    before, seen = cores(0), []

    def watch(*command: str | Path) -> Spent:
        assert len(cores(0)) <= 2
        seen.append([str(word) for word in command[3:]])
        return Spent(100.0 * len(seen), 90.0 * len(seen), 3000.0 * len(seen))

    monkeypatch.setattr(measure, "watch_process", watch)
    time, cpu, memory = reporting(tmp_path, None, few=2, many=5)
    few, many = (tmp_path / f"{n} covers" for n in (2, 5))
    assert seen == [["analyze", str(x), "--out", str(tmp_path / f"report on {x.name.split()[0]}")] for x in (few, many)]
    assert (len(Dataset(few)), len(Dataset(many))) == (2, 5)
    assert (time.value, time.yardstick_value, time.met, time.target) == (200, 100, True, f"at most {REPORT_S} s")
    assert (cpu.value, cpu.unit, cpu.ratio) == (180, "s", 2)
    assert (memory.value, memory.met, memory.target) == (6000, False, f"at most {REPORT_MB} MB")
    assert cores(0) == before


@pytest.mark.slow
def test_maps_stand_beside_the_libraries_own(tmp_path: Path) -> None:
    screen = sys.stdout
    for figure in mapping(tmp_path, None, sizes=(40,), methods=("tsne",)):
        assert sys.stdout is screen  # figures are printed as they come
        assert (figure.name, figure.yardstick) == ("tsne of 40 points", "scikit-learn's t-SNE")
        assert figure.value > 0
