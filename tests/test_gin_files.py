"""Every gin file that a user types is explained on top, parses, and builds what it says."""

import keras
import pytest

from tests import commands, feature_folders
from tf_emcom.runtime import catalogue, config, config_diff
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.config import build
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import OneDevice
from tf_emcom.training.actions.action import AgentAction

EXPERIMENTS = sorted((commands.ROOT / "gin").glob("*_*.gin"))
TRANSFERS = [file for file in EXPERIMENTS if file.name.startswith("etl_")]
SWEEPS = [file for file in EXPERIMENTS if file.name.startswith("sweep_")]
PAIRS = [file for file in EXPERIMENTS if file not in (*TRANSFERS, *SWEEPS)]
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
    of_eas, game = game.endswith("_eas"), game.removesuffix("_eas")
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
    # The learning rates of NEC's code are 1e-4 for the speaker, 5e-5 for the listener; of EaS's paper, 1e-4 for both.
    if full:
        assert experiment.learner.pair.speaker_optimizer.learning_rate == 1e-4
        assert experiment.learner.pair.listener_optimizer.learning_rate == (1e-4 if of_eas else 5e-5)
    assert (rules.reward.win, rules.reward.lose) == ((1.0, -1.0) if game in ("lg_rl", "nlg") else (1.0, 0.0))
    soft = game == "lg_gumbel"
    assert type(experiment.learner.speaker_as(0).sampler).__name__ == ("GumbelSoftmax" if soft else "Drawn")
    assert type(rules.speaker_loss).__name__ == ("SpeakerThroughListener" if soft else "SpeakerReinforce")
    if game == "naming":
        assert rules.task.classes == experiment.learner.listener_as(0).head.classes == CLASSES[data]
    of_eas_paper = {"imagenet": 900_000, "celeba": 300_000, "shapes": 5_000}
    assert experiment.steps == (of_eas_paper[data] if of_eas else 750_000 if full else 10_000)


def test_the_sweep_is_four_noises_with_eight_seeds_each():
    catalogue.register_components()
    config.load([str(file) for file in SWEEPS], commands.TINY)
    with config.plain_errors():
        learner = build("Experiment", OneDevice()).learner
    noises = [run["noise"] for run in learner.varied()]
    assert list(zip(noises, learner.seeds(), strict=True)) == [
        (noise, seed) for noise in (0.0, 0.25, 0.5, 0.75) for seed in range(8)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("file", POPULATIONS, ids=lambda file: file.name)
def test_population_is_built_as_its_name_says(file):
    catalogue.register_components()
    config.load(["gin/lg_s_digits.gin", str(file)], [*commands.TINY, "batch_size=16"])
    with config.plain_errors():
        experiment, mode = build("Experiment", OneDevice()), build("Train")
    learner = experiment.learner
    agents, pairs = {"eas_imitation_50": (50, 10), "eas_resets": (1, 1)}.get(file.stem, (10, 10))
    assert (learner.speakers, learner.listeners, learner.pairs_per_step) == (agents, agents, pairs)
    for action in mode.actions:
        action.check(learner)
    changes = [action for action in mode.actions if isinstance(action, AgentAction)]
    given = [(type(change).__name__, change.every, getattr(change, "students", None)) for change in changes]
    assert given == CHANGES[file.stem]


def test_a_population_of_eas_may_have_fifty_agents():
    catalogue.register_components()
    config.load(["gin/lg_s_eas_celeba.gin", "gin/populations/eas.gin"], ["population=50"])
    assert [config.macro(name) for name in ("n_speakers", "n_listeners", "pairs_per_step")] == [50, 50, 10]


@pytest.mark.parametrize("candidates", [None, 16])
def test_games_of_eas_are_set_as_its_appendix_says(candidates, data_dir):
    catalogue.register_components()
    fewer = [f"Discrimination.distractors={candidates - 1}"] if candidates else []
    config.load(["gin/lg_s_eas_celeba.gin"], [f"ByolFolder.data_dir={str(data_dir)!r}", *fewer])
    with config.plain_errors():
        experiment = build("Experiment", OneDevice())
    pair, loss = experiment.learner.pair, experiment.game.speaker_loss
    for optimizer in (pair.speaker_optimizer, pair.listener_optimizer):
        numbers = optimizer.learning_rate, optimizer.b1, optimizer.b2, optimizer.epsilon, optimizer.weight_decay
        assert numbers == (1e-4, 0.9, 0.999, 1e-8, 0.0)
    assert (loss.entropy_coefficient, loss.kl_coefficient, pair.target_decay) == (1e-4, 0.5, 0.99)
    assert (pair.speaker.vocab_size, pair.speaker.message_length) == (20, 10)
    head = pair.listener.head
    for projection in (head.message_projection, head.candidate_projection):
        assert (projection.units, projection.activation) == (256, keras.activations.linear)
    assert type(head).__name__ == "Cpc"
    assert experiment.batch_size == 1024
    assert experiment.game.task.candidates_per_game(1024) == (candidates or 1024)
    assert (experiment.learner.speakers, experiment.learner.pairs_per_step) == (1, 1)


# The changes of a population, with their periods and students: EaS's paper has its own numbers, and its code others.
CHANGES = {
    "imitation": [("ImitationOfBest", 10, 4)],
    "resets": [("ResetOfPair", 1000, None)],
    "eas": [],
    "eas_imitation_celeba": [("ImitationOfBest", 10, 1)],
    "eas_imitation_imagenet": [("ImitationOfBest", 100, 1)],
    "eas_imitation_50": [("ImitationOfBest", 10, 9)],
    "eas_resets": [("ResetOfListener", 51_000, None)],
}


def built_transfer(files, speakers, data_dir, data):
    catalogue.register_components()
    run = speakers[{"digits": 64, "shapes": 512}.get(data, 2048)]
    params = [f"checkpoint={run!r}", "noise=0.25", f"ByolFolder.data_dir={str(data_dir)!r}"]
    config.load([str(file) for file in files], params)
    with config.plain_errors():
        return build("Experiment", OneDevice())


@pytest.mark.parametrize("file", TRANSFERS, ids=lambda file: file.name)
def test_transfer_is_built_as_its_name_says(file, speakers, data_dir):
    of_eas, data = "etl_eas_" in file.stem, file.stem.removeprefix("etl_").removeprefix("eas_")
    experiment = built_transfer([file], speakers, data_dir, data)
    assert experiment.data.name == FOLDERS.get(data, data)
    # A constant noise, and the speaker of the run, whatever size this file's own agents have.
    assert [float(experiment.game.channel.noise(step)) for step in (0, 5000)] == [0.25, 0.25]
    assert experiment.learner.speaker_as(0).core.units == 8
    assert experiment.learner.listener_as(0).core.units == (512 if data in FOLDERS else 128)
    usual = {"imagenet": "discriminationdist", "celeba_logits": "discriminationdist", "celeba": "reconstruction"}
    assert experiment.game.task.name == ("discriminationdist" if of_eas else usual.get(data, "classification"))
    if data in FOLDERS:
        assert experiment.steps == (30_000 if data == "celeba_noimg" else 10_000)
        assert experiment.batch_size == (4096 if "discrimination" in experiment.game.task.name else 128)


@pytest.mark.parametrize("task", TASKS, ids=lambda file: file.stem)
def test_every_task_is_set_as_eas_has_it(task, speakers, data_dir):
    experiment = built_transfer(["gin/etl_eas_celeba.gin", task], speakers, data_dir, "celeba")
    game, learner = experiment.game, experiment.learner
    assert (game.task.name, game.task.input_noise) == (task.stem, 0.0)
    assert experiment.steps == 10_000
    assert experiment.batch_size == (128 if task.stem == "reconstruction" else 4096)
    optimizer = learner.listener_optimizer
    if task.stem == "reconstruction":
        assert (type(optimizer).__name__, optimizer.limit) == ("SkipAboveGlobalNorm", 2000.0)
        clip = optimizer.then
        assert (type(clip).__name__, clip.limit) == ("ClipByGlobalNorm", 500.0)
        then = clip.then
        numbers = then.learning_rate, then.b1, then.b2, then.epsilon, then.weight_decay
        assert numbers == (3e-4, 0.9, 0.9, 1e-8, 0.01)
    else:
        assert (type(optimizer).__name__, optimizer.learning_rate) == ("Adam", 1e-3)
    if task.stem == "discriminationdist":
        head = learner.listener.head
        assert head.message_projection.activation == head.candidate_projection.activation == keras.activations.linear


@pytest.mark.parametrize("data", ["shapes", "celeba"])
@pytest.mark.parametrize("task", TASKS, ids=lambda file: file.stem)
def test_every_task_is_set_as_necs_code_has_it(task, data, speakers, data_dir):
    experiment = built_transfer([f"gin/etl_{data}.gin", task], speakers, data_dir, data)
    game, listener = experiment.game, experiment.learner.listener
    assert game.task.name == task.stem
    assert game.task.input_noise == (0.5 if "discrimination" in task.stem else 0.0)
    heads = {"discriminationdist": "Cpc", "discrimination": "DotProduct", "reconstruction": "ImageDecoder"}
    assert type(listener.head).__name__ == heads.get(task.stem, "MultiMlp")
    batches = {
        "shapes": {"discriminationdist": 256},
        "celeba": {"discriminationdist": 4096, "discrimination": 4096},
    }
    assert experiment.batch_size == batches[data].get(task.stem, {"shapes": 64, "celeba": 128}[data])
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
