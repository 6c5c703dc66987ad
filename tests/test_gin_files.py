"""Every gin file that a user types is explained on top, parses, and builds what it says."""

import pytest

from tests import commands, feature_folders
from tf_emcom.runtime import catalogue, config
from tf_emcom.runtime.build import build
from tf_emcom.runtime.strategies.one_device import OneDevice

EXPERIMENTS = sorted((commands.ROOT / "gin").glob("*_*.gin"))
PARTS = sorted(set((commands.ROOT / "gin").rglob("*.gin")) - set(EXPERIMENTS))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    counts = {"train": 1024, "valid": 8, "test": 8}
    feature_folders.write_byol_folder(folder, examples=counts)
    feature_folders.write_byol_folder(folder, name="byol_celeb_a2", examples=counts)
    return folder


def test_there_are_experiments_for_every_game_and_data_set():
    names = {file.name for file in EXPERIMENTS}
    assert {
        f"{game}_{data}.gin" for game in ("lg_s", "lg_rl", "nlg") for data in ("imagenet", "celeba", "digits", "shapes")
    } <= names


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.name)
def test_experiment_says_on_top_what_it_needs_costs_and_should_reach(file):
    header = []
    for line in file.read_text().splitlines():
        if not line.startswith("#"):
            break
        header.append(line)
    for word in ("Needs:", "Costs:", "Should reach:"):
        assert any(word in line for line in header), f"{file.name} does not say what it {word.lower()}"


@pytest.mark.parametrize("file", PARTS, ids=lambda file: str(file.relative_to(commands.ROOT)))
def test_part_says_on_top_what_it_is(file):
    assert file.read_text().startswith("# ")


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.name)
def test_experiment_is_built_as_its_name_says(file, data_dir):
    catalogue.register_components()
    game, data = file.stem.rsplit("_", 1)
    config.load([str(file)], [f"ByolFolder.data_dir={str(data_dir)!r}"])
    with config.plain_errors():
        experiment = build("Experiment", OneDevice())
    folders = {"imagenet": "byol_imagenet2012", "celeba": "byol_celeb_a2"}
    assert experiment.data.name == folders.get(data, data)
    rules = experiment.game
    assert type(rules.channel).__name__ == ("Erasure" if game == "nlg" else "Clear")
    learns = {"lg_s": "ListenerContrastive", "lg_rl": "ListenerReinforce", "nlg": "ListenerReinforce"}
    assert type(rules.listener_loss).__name__ == learns[game]
    full = data in folders
    assert experiment.batch_size == (1024 if full else 64)
    assert experiment.learner.speaker.core.units == (256 if full else 64)
    assert experiment.learner.listener.core.units == (512 if full else 128)
    # The paper's learning rates: 1e-4 for the speaker, 5e-5 for the listener.
    if full:
        assert experiment.learner.speaker_optimizer.learning_rate == 1e-4
        assert experiment.learner.listener_optimizer.learning_rate == 5e-5
    assert (rules.reward.win, rules.reward.lose) == ((1.0, 0.0) if game == "lg_s" else (1.0, -1.0))
    assert experiment.steps == (750_000 if full else 10_000)


def test_noise_rises_over_the_first_two_fifths_of_the_steps(data_dir):
    catalogue.register_components()
    config.load(["gin/nlg_digits.gin"], ["noise=0.5", "steps=1000"])
    with config.plain_errors():
        channel = build("Experiment", OneDevice()).game.channel
    for step, noise in ((0, 0.0), (200, 0.25), (400, 0.5), (999, 0.5)):
        assert float(channel.noise(step)) == pytest.approx(noise)
