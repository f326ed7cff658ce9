"""A run's folder: how it begins, and when a second start may go on with it."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from data.errors import InputError
from data.files import read_json, write_json
from gans.config import TrainConfig
from gans.precision import resolve_precision

CONFIG_FILE = "config.json"
_MAY_CHANGE = ("total_images", "log_every", "panel_every", "snapshot_every", "state_every")


def begin_run(out: Path, config: TrainConfig, card: Mapping[str, Any], device: torch.device) -> TrainConfig:
    """Writes `config.json`, or checks it against the one that is there; returns the config to train with.

    A run goes on only as it began: every option that shapes the weights must be equal (its length and its
    reporting may change) and the data the same. `auto` precision means what it meant at the beginning.
    """
    path = out / CONFIG_FILE
    if path.exists():
        config = _as_begun(path, config, card)
    else:
        config = dataclasses.replace(config, precision=resolve_precision(config.precision, device))
    write_json(path, {"config": config.to_json(), "data": dict(card), **_provenance(device)})
    return config


def _as_begun(path: Path, config: TrainConfig, card: Mapping[str, Any]) -> TrainConfig:
    begun = read_json(path)
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
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    for package in ("gatefold", "numpy", "librosa"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"versions": versions, "device": device.type, "git_commit": _git_commit()}


def _git_commit() -> str | None:
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
