"""A run killed with SIGKILL at random moments, by the real command, ends as one that was never killed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from data.synthetic import write_world
from gans.state import STATE_FILE

IMAGES = 1_200
OPTIONS = [
    "--recipe", "wgan-gp", "--resolution", "32", "--batch", "8", "--images", str(IMAGES), "--precision", "fp32",
    "--set", "state_every=80", "--set", "panel_every=600", "--set", "log_every=80",
    "--set", "generator.base_channels=256", "--set", "discriminator.base_channels=256",
]  # fmt: skip
START_S = 120.0


def command(dataset, out):
    return [sys.executable, "-m", "scripts.train", str(dataset), "--out", str(out), *OPTIONS]


@pytest.mark.slow
def test_killed_at_random_moments_and_started_again_it_ends_bit_for_bit_the_same(tmp_path):
    dataset, whole, broken = tmp_path / "world", tmp_path / "whole", tmp_path / "broken"
    write_world(dataset, n_tracks=60, seed=0, resolution=32, audio=False)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command(dataset, whole), env=environment, check=True, timeout=300)

    moments, killed = random.Random(0), 0
    for _ in range(4):
        process = subprocess.Popen(command(dataset, broken), env=environment)
        begun = _clock(broken)
        deadline = time.monotonic() + START_S
        while process.poll() is None and _clock(broken) == begun and time.monotonic() < deadline:
            time.sleep(0.005)  # until this process has written a state of its own
        time.sleep(moments.uniform(0, 0.4))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed >= 2
    subprocess.run(command(dataset, broken), env=environment, check=True, timeout=300)

    a, b = (torch.load(run / STATE_FILE, weights_only=True) for run in (whole, broken))
    assert a["shown"] == b["shown"] >= IMAGES
    for part in ("generator", "discriminator", "average"):
        assert all(torch.equal(a[part][name], b[part][name]) for name in a[part]), part


def _clock(run):
    path = run / STATE_FILE
    return path.stat().st_mtime_ns if path.exists() else 0
