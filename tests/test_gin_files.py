"""Every gin file that a user types is explained on top, parses, and builds what it says."""

import pytest

from tests import commands, feature_folders
from tf_emcom.runtime import catalogue, config, config_diff
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.config import build
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import OneDevice

EXPERIMENTS = sorted((commands.ROOT / "gin").glob("*_*.gin"))
TRANSFERS = [file for file in EXPERIMENTS if file.name.startswith("etl_")]
PAIRS = [file for file in EXPERIMENTS if file not in TRANSFERS]
TASKS = sorted((commands.ROOT / "gin" / "tasks").glob("*.gin"))
POPULATIONS = sorted((commands.ROOT / "gin" / "populations").glob("*.gin"))
PRESETS = sorted((commands.ROOT / "gin" / "reproduce").glob("*.gin"))
PARTS = sorted(set((commands.ROOT / "gin").rglob("*.gin")) - set(EXPERIMENTS))
# How many classes and attributes a data set has, and which tasks it has labels for.
CLASSES = {"imagenet": 1000, "celeba": 10179, "celeba_noimg": 10179, "digits": 10, "shapes": 24}
FOLDERS = {
    "imagenet": "byol_imagenet2012",
    "celeba": "byol_celeb_a2",
    "celeba_logits": "byol_celeb_a2_logits",
    "celeba_noimg": "byol_celeb_a2_noimg",
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    counts = {"train": 1024, "valid": 8, "test": 8}
    for name in ("byol_imagenet2012", "features"):
        feature_folders.write_byol_folder(folder, name=name, examples=counts)
    for name in ("byol_celeb_a2", "byol_celeb_a2_logits", "byol_celeb_a2_noimg"):
        feature_folders.write_byol_folder(folder, name=name, examples=counts)
    return folder


@pytest.fixture(scope="module")
def speakers(tmp_path_factory, data_dir):
    """A run with a small speaker, not trained, for each number of features: features -> folder."""
    catalogue.register_components()
    runs = {}
    for data, features in (("imagenet", 2048), ("digits", 64), ("shapes", 512)):
        params = [*commands.TINY, "batch_size=16", f"ByolFolder.data_dir={str(data_dir)!r}"]
        config.load([str(commands.ROOT / "gin" / f"lg_s_{data}.gin")], params)
        learner = build("Experiment", OneDevice()).learner
        run = RunFolder(str(tmp_path_factory.mktemp("runs") / data))
        run.lock()
        run.write_config(config_diff.complete_config())
        Checkpoints(run.checkpoints, learner).save(1)
        runs[features] = run.path
    return runs


def test_there_are_experiments_for_every_game_and_data_set():
    names = {file.name for file in EXPERIMENTS}
    assert {
        f"{game}_{data}.gin" for game in ("lg_s", "lg_rl", "nlg") for data in ("imagenet", "celeba", "digits", "shapes")
    } <= names


@pytest.mark.parametrize("file", [*EXPERIMENTS, *POPULATIONS], ids=lambda file: file.name)
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


@pytest.mark.slow
@pytest.mark.parametrize("file", PAIRS, ids=lambda file: file.name)
def test_experiment_is_built_as_its_name_says(file, data_dir):
    catalogue.register_components()
    game, data = file.stem.rsplit("_", 1)
    config.load([str(file)], [f"ByolFolder.data_dir={str(data_dir)!r}"])
    with config.plain_errors():
        experiment = build("Experiment", OneDevice())
    assert experiment.data.name == FOLDERS.get(data, data)
    rules = experiment.game
    assert type(rules.channel).__name__ == ("Erasure" if game == "nlg" else "Clear")
    learns = {"lg_s": "ListenerContrastive", "lg_rl": "ListenerReinforce", "nlg": "ListenerReinforce"}
    learns |= {"lg_gumbel": "ListenerContrastive", "naming": "ListenerClassification"}
    assert type(rules.listener_loss).__name__ == learns[game]
    full = data in FOLDERS
    assert experiment.batch_size == (1024 if full else 64)
    assert experiment.learner.speaker_as(0).core.units == (256 if full else 64)
    assert experiment.learner.listener_as(0).core.units == (512 if full else 128)
    # The learning rates of NEC's code: 1e-4 for the speaker, 5e-5 for the listener.
    if full:
        assert experiment.learner.pair.speaker_optimizer.learning_rate == 1e-4
        assert experiment.learner.pair.listener_optimizer.learning_rate == 5e-5
    assert (rules.reward.win, rules.reward.lose) == ((1.0, -1.0) if game in ("lg_rl", "nlg") else (1.0, 0.0))
    soft = game == "lg_gumbel"
    assert type(experiment.learner.speaker_as(0).sampler).__name__ == ("GumbelSoftmax" if soft else "Drawn")
    assert type(rules.speaker_loss).__name__ == ("SpeakerThroughListener" if soft else "SpeakerReinforce")
    if game == "naming":
        assert rules.task.classes == experiment.learner.listener_as(0).head.classes == CLASSES[data]
    assert experiment.steps == (750_000 if full else 10_000)


@pytest.mark.parametrize("file", POPULATIONS, ids=lambda file: file.name)
def test_population_is_built_as_its_name_says(file):
    catalogue.register_components()
    config.load(["gin/lg_s_digits.gin", str(file)], [*commands.TINY, "batch_size=16"])
    with config.plain_errors():
        experiment, mode = build("Experiment", OneDevice()), build("Train")
    learner = experiment.learner
    assert (learner.speakers, learner.listeners, learner.pairs_per_step) == (10, 10, 10)
    for action in mode.actions:
        action.check(learner)
    change = mode.actions[0]
    assert type(change).__name__ == {"imitation": "ImitationOfBest", "resets": "ResetOfPair"}[file.stem]
    # The numbers of EaS's code: every ten steps, four students.
    if file.stem == "imitation":
        assert (change.every, change.students) == (10, 4)


def built_transfer(files, speakers, data_dir, data):
    catalogue.register_components()
    run = speakers[{"digits": 64, "shapes": 512}.get(data, 2048)]
    params = [f"checkpoint={run!r}", "noise=0.25", f"ByolFolder.data_dir={str(data_dir)!r}"]
    config.load([str(file) for file in files], params)
    with config.plain_errors():
        return build("Experiment", OneDevice())


@pytest.mark.parametrize("file", TRANSFERS, ids=lambda file: file.name)
def test_transfer_is_built_as_its_name_says(file, speakers, data_dir):
    data = file.stem.removeprefix("etl_")
    experiment = built_transfer([file], speakers, data_dir, data)
    assert experiment.data.name == FOLDERS.get(data, data)
    # A constant noise, and the speaker of the run, whatever size this file's own agents have.
    assert [float(experiment.game.channel.noise(step)) for step in (0, 5000)] == [0.25, 0.25]
    assert experiment.learner.speaker_as(0).core.units == 8
    assert experiment.learner.listener_as(0).core.units == (512 if data in FOLDERS else 128)
    usual = {"imagenet": "discriminationdist", "celeba_logits": "discriminationdist", "celeba": "reconstruction"}
    assert experiment.game.task.name == usual.get(data, "classification")
    if data in FOLDERS:
        assert experiment.steps == (30_000 if data == "celeba_noimg" else 10_000)
        assert experiment.batch_size == (4096 if "discrimination" in experiment.game.task.name else 1024)


@pytest.mark.parametrize("data", ["shapes", "celeba"])
@pytest.mark.parametrize("task", TASKS, ids=lambda file: file.stem)
def test_every_task_is_set_as_necs_code_has_it(task, data, speakers, data_dir):
    experiment = built_transfer([f"gin/etl_{data}.gin", task], speakers, data_dir, data)
    game, listener = experiment.game, experiment.learner.listener
    assert game.task.name == task.stem
    assert game.task.input_noise == (0.5 if "discrimination" in task.stem else 0.0)
    heads = {"discriminationdist": "Cpc", "discrimination": "DotProduct", "reconstruction": "ImageDecoder"}
    assert type(listener.head).__name__ == heads.get(task.stem, "MultiMlp")
    optimizer = experiment.learner.listener_optimizer
    if task.stem == "reconstruction":
        assert (type(optimizer).__name__, optimizer.limit) == ("ClipByGlobalNorm", 500.0)
        then = optimizer.then
        assert (then.learning_rate, then.b1, then.b2, then.weight_decay) == (3e-4, 0.9, 0.9, 0.01)
    else:
        assert (type(optimizer).__name__, optimizer.learning_rate, optimizer.b1) == ("Adam", 1e-3, 0.9)
    if task.stem == "classification":
        assert listener.head.classes == CLASSES[data]
    if data == "celeba" and task.stem == "attribute":
        assert (listener.head.labels, listener.head.classes) == (40, 2)


@pytest.mark.parametrize("file", PRESETS, ids=lambda file: file.name)
def test_preset_names_files_that_exist_and_runs_that_differ(file):
    catalogue.register_components()
    config.load([str(file)], [])
    with config.plain_errors():
        grid = build("Reproduction")
    cells = [*grid.game_cells("/runs"), *grid.transfer_cells("/runs")]
    assert len({cell.name for cell in cells}) == len(cells)
    given = {argument for cell in cells for command in cell.commands for argument in command}
    for argument in given:
        if argument.startswith("--gin_file="):
            assert (commands.ROOT / argument.removeprefix("--gin_file=")).exists()


def test_noise_rises_over_the_first_two_fifths_of_the_steps(data_dir):
    catalogue.register_components()
    config.load(["gin/nlg_digits.gin"], ["noise=0.5", "steps=1000"])
    with config.plain_errors():
        channel = build("Experiment", OneDevice()).game.channel
    for step, noise in ((0, 0.0), (200, 0.25), (400, 0.5), (999, 0.5)):
        assert float(channel.noise(step)) == pytest.approx(noise)
