"""A run's folder: how it begins, and when a second start may go on with it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from data.errors import InputError
from data.files import hold_alone, read_json, write_json
from gans.config import TrainConfig
from gans.parallel import is_first
from gans.precision import resolve_precision
from gans.snapshots import SNAPSHOTS
from gans.state import has_state

logger = logging.getLogger(__name__)

CONFIG_FILE = "config.json"
LOCK_FILE = ".lock"
_MAY_CHANGE = ("total_images", "log_every", "panel_every", "snapshot_every", "state_every", "best_by")


def begin_run(out: Path, config: TrainConfig, card: Mapping[str, Any], device: torch.device) -> TrainConfig:
    """Writes `config.json`, or checks it against the one that is there; returns the config to train with.

    A run goes on only as it began: every option that shapes the weights must be equal (its length and its
    reporting may change) and the data the same. `auto` precision means what it meant at the beginning.
    """
    path, here = out / CONFIG_FILE, _provenance(device)
    if not path.exists():
        if has_state(out):
            raise InputError(path, "is missing, so the state beside it cannot be trusted; give another --out")
        config = dataclasses.replace(config, precision=resolve_precision(config.precision, device))
        write_json(path, {"config": config.to_json(), "data": dict(card), **here})
        return config
    if not has_state(out) and any(out.glob(f"{SNAPSHOTS}/*")):
        raise InputError(out, "its state is gone and it cannot go on; give another --out")
    begun = read_json(path)
    config = _as_begun(path, begun, config, card)
    for name in ("torch", "device", "threads"):
        if here[name] != begun.get(name, here[name]):
            logger.warning(
                "this run began with %s %s; with %s it goes on, but not bit for bit as it would have",
                name,
                begun[name],
                here[name],
            )
    if is_first():  # what it began with stays: that is where the weights come from
        write_json(path, {**begun, "config": config.to_json()})
    return config


@contextlib.contextmanager
def only_one(out: Path) -> Iterator[None]:
    """Holds the run's folder for this process; `InputError` where another one trains in it."""
    if not is_first():
        yield
        return
    out.mkdir(parents=True, exist_ok=True)
    with hold_alone(out / LOCK_FILE, out, "another process is training in it"):
        yield


def _as_begun(path: Path, begun: Any, config: TrainConfig, card: Mapping[str, Any]) -> TrainConfig:
    try:
        before = TrainConfig.from_json(begun["config"])
        fingerprint = begun["data"].get("fingerprint")
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(path, "not the config of a run") from error
    if config.precision == "auto":
        config = dataclasses.replace(config, precision=before.precision)
    for field in dataclasses.fields(TrainConfig):
        old, new = getattr(before, field.name), getattr(config, field.name)
        if old != new and field.name not in _MAY_CHANGE:
            raise InputError(path, f"this run began with {field.name}={old}, not {new}; give another --out")
    if fingerprint != card.get("fingerprint"):
        raise InputError(path, "this run began with other data; give another --out")
    return config


def _provenance(device: torch.device) -> dict[str, Any]:
    """Versions, machine and commit: what one needs to say where weights come from."""
    versions = {"python": platform.python_version()}
    for package in ("gatefold", "numpy", "librosa"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    threads = torch.get_num_threads()
    return {
        "versions": versions,
        "torch": torch.__version__,
        "device": device.type,
        "threads": threads,
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
