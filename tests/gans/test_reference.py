"""Adopted networks beside StyleGAN2-ADA's own code, where `STYLEGAN2_ADA` names a folder that it was cloned into."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gans.adopt import adopt_generator

REFERENCE = os.environ.get("STYLEGAN2_ADA", "")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not REFERENCE, reason="STYLEGAN2_ADA names no clone of it")]

THEIRS = """
import pickle, sys
import numpy as np, torch
from training.networks import Generator
folder, resolution, channels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
sizes = dict(channel_base=channels * resolution, channel_max=4 * channels)
network = Generator(64, 0, 64, resolution, 3, mapping_kwargs=dict(num_layers=8), synthesis_kwargs=sizes)
with torch.no_grad():
    for name, parameter in network.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            parameter.add_(0.1 * torch.randn_like(parameter))
network.eval().requires_grad_(False)
z = torch.randn(4, 64)
np.savez(folder + "/images.npz", z=z, images=network(z, torch.zeros(4, 0), noise_mode="const"))
with open(folder + "/network.pkl", "wb") as file:
    pickle.dump({"G_ema": network}, file)
"""


@pytest.mark.parametrize(("resolution", "channels"), [(64, 32), (128, 16)])
def test_the_same_latents_give_the_references_images(resolution, channels, tmp_path):
    words = [sys.executable, "-c", THEIRS, str(tmp_path), str(resolution), str(channels)]
    subprocess.run(words, cwd=Path(REFERENCE).resolve(), check=True, capture_output=True, timeout=300)
    with np.load(tmp_path / "images.npz") as theirs:
        z, images = torch.from_numpy(theirs["z"]), theirs["images"]
    with torch.no_grad():
        ours = adopt_generator(tmp_path / "network.pkl")[0](z, torch.zeros(4, 0)).numpy()
    apart = np.abs(ours - images).max()
    print(f"{resolution} px: at most {apart:.1e} apart, of a deviation of {images.std():.2f}")
    assert images.std() > 0.1
    assert apart < 1e-3
