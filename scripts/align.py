"""`gatefold align`: a generator that hears nothing is given ears: each track its own point in the latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import InputError
from scripts.adopt import check_new
from scripts.making import MAX_SEED
from scripts.shell import complain, print_path, run_verb, stages

if TYPE_CHECKING:
    import numpy as np

    from data.shards import Dataset
    from encoders.base import Encoder
    from gans.align import Alignment
    from gans.bundle import Bundle
    from gans.generator import GeneratorNetwork

OWN = 0.9
MOST_TRACKS = 50_000
MOST_PAIRED = 2_000
SAMPLES = 2_000


def align(
    bundle: Annotated[Path, typer.Argument(help="A bundle without conditions, from `gatefold adopt`, say.")],
    dataset: Annotated[Path, typer.Argument(help="A dataset with audio: what music there is.")],
    out: Annotated[Path | None, typer.Option(help="The new bundle's folder; default: BUNDLE-aligned.")] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="An encoder of the bundle or of the shipped model, or a folder; default: the best of them."),
    ] = None,
    own: Annotated[
        float, typer.Option(min=0.1, max=1.0, help="The track's share of a latent; the rest is the seed's.")
    ] = OWN,
    covers: Annotated[
        bool, typer.Option("--covers", help="Also learn from the dataset's covers which latents look like a track's.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Another number, another way round.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes that listen to the clips; −1: one a core.")] = 1,
) -> None:
    """Give every track its own point in a generator's latent space; prints the new bundle's folder."""
    folder = out or bundle.with_name(f"{bundle.name}-aligned")
    check_new(folder)
    if jobs == 0:
        raise InputError("--jobs", "is not 0")

    import numpy as np

    from data.shards import Dataset
    from encoders.schema import make_schema
    from gans.align import AlignedGenerator, fit_alignment
    from gans.bundle import write_bundle
    from scripts.ears import bundle_extras
    from scripts.pipeline import Listener

    listener = Listener.open(bundle)
    generator = _without_conditions(listener.bundle)
    ears = _ears(listener, encoder)
    opened = Dataset(dataset)
    codes = _codes(opened, ears, jobs)
    schema = make_schema(code_dim=ears.code_dim)
    codes = schema.assemble(audio=codes)[:, 1:]  # [N, d], as generation will see them
    heard = np.flatnonzero(np.any(codes != 0, axis=1))
    rows, held_out = (np.intersect1d(opened.indices(split), heard) for split in ("train", "validation"))
    rows = _at_most(rows, MOST_TRACKS)
    try:
        alignment = fit_alignment(codes[rows], generator.z_dim, own, seed)
    except InputError as error:
        raise InputError(dataset, error.reason) from error
    if covers:
        _pull(alignment, generator, opened, codes, rows)
    figures = _figures(alignment, codes, held_out if len(held_out) > 1 else rows)
    complain(
        f"{len(rows):,} tracks on {figures['axes']} axes; {figures['tracks']:,} "
        f"{'held-out ' if len(held_out) > 1 else ''}tracks lie {figures['ks_distance']:.3f} from N(0, 1) "
        f"(Kolmogorov–Smirnov, mean of all axes of z; as many normal numbers: {figures['ks_of_normal_numbers']:.3f})"
    )
    model, tensors = bundle_extras(schema, ears)
    before = {key: value for key, value in listener.bundle.model.items() if key != "format_version"}
    card = {
        **before,
        **model,
        "layout": [list(block) for block in schema.layout],
        "alignment": alignment.config(),
        "aligned": {"dataset": dataset.resolve().name, "fingerprint": opened.fingerprint, "covers": covers, **figures},
    }
    print_path(write_bundle(folder, AlignedGenerator(generator, alignment), card, tensors))


def _without_conditions(bundle: Bundle) -> GeneratorNetwork:
    """The bundle's generator, or the one behind its alignment, which is made anew."""
    from gans.align import AlignedGenerator

    generator = bundle.generator
    if isinstance(generator, AlignedGenerator):
        return generator.network
    if generator.c_dim:
        raise InputError(bundle.folder, "hears conditions already; only a generator without any can be aligned")
    return generator


def _ears(listener: Any, wish: str | None) -> Encoder:
    """The encoder `wish` of the bundle or of the shipped model, or in a folder; by default the best there is."""
    from gans.bundle import SHIPPED, load_bundle
    from scripts.ears import pick, read_ears

    has = {**read_ears(load_bundle(SHIPPED)), **listener.encoders}
    return pick(has, wish or next(iter(listener.encoders or has)), listener.bundle.folder)


def _codes(dataset: Dataset, encoder: Encoder, jobs: int) -> np.ndarray:
    """Codes `[N, d]` of all tracks, NaN where nothing can be heard."""
    from encoders.heard import dataset_codes
    from scripts.prepare import hear_dataset

    with stages() as told:
        heard = hear_dataset(dataset, lambda done, total: told("listening", done, total), jobs, encoder=encoder)
    if heard is None:
        raise InputError(dataset.folder, "has no audio to align to")
    return dataset_codes(dataset, encoder, heard, jobs=jobs)


def _pull(
    alignment: Alignment, generator: GeneratorNetwork, dataset: Dataset, codes: np.ndarray, rows: np.ndarray
) -> None:
    """Turns `alignment` so that covers at the tracks' points resemble the tracks' own."""
    import numpy as np

    from analysis.descriptors import compute_descriptors
    from data.cache import cover_cache, has_cover
    from data.transport import transport_cost, transport_plan
    from gans.align import pull_to_targets
    from gans.sampling import generate_cover, latent_of_seed

    rows = _at_most(rows[has_cover(dataset)[rows]], MOST_PAIRED)
    if len(rows) < 2:
        raise InputError(dataset.folder, "has no covers to learn from; leave out --covers")
    with stages() as told:
        images = cover_cache(dataset, generator.resolution, progress=lambda done, total: told("covers", done, total))
        wanted = compute_descriptors(np.asarray(images[rows]))
        made = []
        for number in range(SAMPLES):
            made.append(compute_descriptors(generate_cover(generator, None, number)[None])[0])
            told("drawing", number + 1, SAMPLES)
    latents = np.stack([latent_of_seed(number, generator.z_dim).numpy() for number in range(SAMPLES)])
    plan = transport_plan(transport_cost(wanted, np.stack(made)), iterations=200)
    pull_to_targets(alignment, codes[rows], plan @ latents / plan.sum(axis=1, keepdims=True))


def _figures(alignment: Alignment, codes: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    """How near the latents of tracks `rows`, each under a seed of its own, come to N(0, 1)."""
    import numpy as np

    from gans.gaussianise import normal_distances

    rows = _at_most(rows, MOST_PAIRED)
    z = np.concatenate([alignment.encode(codes[row : row + 1], seed) for seed, row in enumerate(rows)])
    normal = np.random.default_rng(0).standard_normal(z.shape)
    return {
        "tracks": len(rows),
        "axes": alignment.spread.shape[1],
        "ks_distance": float(normal_distances(z).mean()),
        "ks_of_normal_numbers": float(normal_distances(normal).mean()),
        "variance": float(z.var()),
    }


def _at_most(rows: np.ndarray, n: int) -> np.ndarray:
    """At most `n` of `rows`, spread evenly."""
    import numpy as np

    return rows[np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int))]


if __name__ == "__main__":
    run_verb(align)
