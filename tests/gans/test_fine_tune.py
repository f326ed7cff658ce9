"""Beginning with another run's weights, also while it trains; and what is left of a beginning that failed."""

import itertools
import threading

import pytest
import torch

from data.errors import InputError
from data.files import write_json
from data.training_state import save_state
from gans import snapshots
from gans.conditions import layout_dim
from gans.fine_tune import Start
from gans.snapshots import find_bundle
from gans.state import STATE_FILE, TrainState
from gans.training import Surroundings, train


def test_weights_of_a_run_that_still_trains_are_those_of_one_moment(tiny_config, tiny_data, tmp_path):
    train(tiny_config(total_images=8), tiny_data, tmp_path)
    written = TrainState.build(tiny_config(), layout_dim(tiny_data.layout), torch.device("cpu")).discriminator
    over = threading.Event()

    def write(moment):
        with torch.no_grad():
            for parameter in written.parameters():
                parameter.fill_(moment)
        save_state(tmp_path / STATE_FILE, {"discriminator": written}, {"shown": moment})

    def go_on():
        for moment in itertools.count(1):
            if over.is_set():
                return
            write(moment)

    write(0)
    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        seen: set[float] = set()
        while len(seen) < 5:
            weights = Start.read(tmp_path).discriminator.values()
            moments = {float(number) for tensor in weights for number in (tensor.min(), tensor.max())}
            assert len(moments) == 1
            seen |= moments
    finally:
        over.set()
        writer.join()


def test_nothing_is_left_of_a_run_that_cannot_take_its_weights(tiny_config, tiny_data, tmp_path):
    start = Start("a bundle", "progan", {}, {})
    with pytest.raises(InputError, match="its network is progan, this recipe's dcgan"):
        train(tiny_config(), tiny_data, tmp_path / "run", Surroundings(start=start))
    assert not (tmp_path / "run").exists()


def test_a_run_may_note_a_better_snapshot_while_one_is_looked_for(tmp_path, monkeypatch):
    def snapshot(name):
        write_json(tmp_path / "snapshots" / name / "model.json", {})
        write_json(tmp_path / "best.json", {"snapshot": name, "frechet": 1.0})

    def read_late(path, read=snapshots.read_json):
        snapshot("000000002")
        return read(path)

    snapshot("000000001")
    monkeypatch.setattr(snapshots, "read_json", read_late)
    assert find_bundle(tmp_path).name == "000000002"


@pytest.mark.parametrize(
    ("lead", "with_discriminator", "warned"), [(0, False, True), (8, False, False), (0, True, False)]
)
def test_it_is_said_where_a_new_discriminator_meets_a_practised_generator(
    lead, with_discriminator, warned, tiny_config, tiny_data, tmp_path
):
    train(tiny_config(total_images=8), tiny_data, tmp_path / "first")
    start = Start.read(tmp_path / "first")
    if not with_discriminator:
        start = Start(start.bundle, start.network, start.generator, {})
    told: list[str] = []
    train(
        tiny_config(lead_images=lead, total_images=8), tiny_data, tmp_path / "second",
        Surroundings(start=start, tell=told.append),
    )  # fmt: skip
    assert any("lead_images" in line for line in told) == warned
