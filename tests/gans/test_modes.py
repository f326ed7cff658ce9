"""Do the losses find the modes? Small players on 25 Gaussians; chance is 0 modes and 2 % of the samples."""

import json
import subprocess
import sys

import pytest

from gans.losses import LOSSES
from scripts.modes import SETTINGS, coverage, trained_samples

AT_LEAST = {"bce": 4, "logistic": 8, "hinge": 8, "wasserstein": 5, "relativistic": 12}
"""Of 25. Unregularised cross-entropy forgets modes, which is what the others are for."""


def test_every_loss_has_its_setting():
    assert SETTINGS.keys() == AT_LEAST.keys() == LOSSES.keys()


@pytest.mark.slow
@pytest.mark.parametrize("loss", SETTINGS)
def test_the_loss_reaches_modes(loss):
    found = coverage(trained_samples(loss))
    print(f"{loss}: {found.reached} of 25 modes, {found.near:.0%} of the samples near one")
    assert found.reached >= AT_LEAST[loss]
    assert found.near > 0.1


def test_the_command_names_an_unknown_loss():
    done = subprocess.run([sys.executable, "-m", "scripts.modes", "least-squares"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "least-squares: no such loss; known: bce" in done.stderr


def test_the_command_prints_one_object_a_loss(monkeypatch, capsys):
    from scripts import modes

    monkeypatch.setitem(modes.SETTINGS, "hinge", modes.Setting(steps=2))
    modes.modes(["hinge"], seeds=2)
    (line,) = capsys.readouterr().out.splitlines()
    figure = json.loads(line)
    assert figure["name"] == "hinge"
    assert figure["chance"] == 0
    assert figure["interval"] == [0, 0]
    modes.modes(["hinge"], table=True, seeds=1)
    assert "| hinge | 0 of 25 modes |" in capsys.readouterr().out
