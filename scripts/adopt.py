"""`gatefold adopt`: a StyleGAN2 that was trained elsewhere becomes a bundle of Gatefold's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from scripts.shell import print_path, run_verb


def adopt(
    network: Annotated[Path, typer.Argument(help="A pickle of StyleGAN2-ADA for PyTorch; nothing in it is run.")],
    bundle: Annotated[Path, typer.Argument(help="Where to write the bundle: a new folder.")],
) -> None:
    """Take over a pre-trained StyleGAN2, image for image; prints the bundle's folder."""
    check_new(bundle)

    from data.files import sha256_file
    from gans.adopt import NETWORK, adopt_generator
    from gans.bundle import write_bundle
    from gans.networks import count_parameters

    generator, options = adopt_generator(network)
    card = {
        "recipe": "adopted",
        "network": NETWORK,
        "resolution": options["resolution"],
        "generator": options,
        "layout": [],
        "parameters": count_parameters(generator),
        "adopted": {"file": network.name, "sha256": sha256_file(network), "training_data": "unknown"},
    }
    print_path(write_bundle(bundle, generator, card))


def check_new(folder: Path) -> None:
    """Refuses to write a bundle over anything that is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(folder, "is there already: name a new folder")


if __name__ == "__main__":
    run_verb(adopt)
