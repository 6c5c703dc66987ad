"""The commands that are attacked, each with what it starts from; agents and data as small as they can be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from processes import Ended, Worker

Case = Callable[[], dict[str, Any]]  # runs one case, and returns what is to be written down
AGENTS = (
    *("speaker/LstmCore.units=4", "listener/LstmCore.units=4", "message_length=2", "vocab_size=4"),
    *("Log.every=1", "Checkpoint.every=1", "Train.keep=1", "TensorBoard.examples=8", "TensorBoard.games=2"),
)
GAME = ("batch_size=8", "Discrimination.distractors=1")
PAIR = (*AGENTS, *GAME, "NormMergePolicyValue.size=4", "steps=2", "TensorBoard.every=2")
CONTRASTIVE = (*AGENTS, *GAME, "Cpc.size=4", "steps=3", "TensorBoard.every=3")
POPULATION = (
    *CONTRASTIVE,
    *("n_speakers=2", "n_listeners=2", "pairs_per_step=2", "Train.changes=[@ImitationOfBest(), @ResetOfPair()]"),
    *("ImitationOfBest.every=1", "ImitationOfBest.students=1", "ResetOfPair.every=2"),
)
LISTENER = (
    *("listener/LstmCore.units=4", "MultiMlp.size=4", "batch_size=8", "steps=2", "Log.every=1", "Checkpoint.every=1"),
    *("Train.keep=1", "TensorBoard.every=2", "TensorBoard.examples=8", "TensorBoard.games=2"),
)
TESTS = ("TestChannel.candidates=[4]", "TestChannel.noises=[0.0, 0.5]", "TestChannel.passes=1")
DATA = "byol_imagenet2012"
PACKED = ("ByolFolder.least_packed_bytes=0",)


def params(*bindings: str) -> list[str]:
    return [f"--gin_param={binding}" for binding in bindings]


def train(file: str, case: Path, *bindings: str) -> list[str]:
    return ["train", f"--gin_file=gin/{file}.gin", f"--workdir={case}/run", *params(*bindings)]


def train_pair(case: Path) -> list[str]:
    return train("nlg_digits", case, *PAIR)


def train_features(case: Path, *bindings: str) -> list[str]:
    named = f'data_name="{DATA}"', f'ByolFolder.cache_dir="{case}/cache"'
    return [*train("nlg_features", case, *PAIR, *named, *bindings), f"--data_dir={case}/data"]


def evaluate(case: Path) -> list[str]:
    return ["evaluate", f"--workdir={case}/run", "--mode=testchannel", "--mode=testlanguage", *params(*TESTS)]


def messages(case: Path) -> list[str]:
    return ["messages", f"--workdir={case}/run", "--candidates=4"]


def export(case: Path) -> list[str]:
    return ["export", f"--workdir={case}/run"]


def test_of_export(case: Path) -> list[str]:
    chosen = "--mode=testchannel", *params(*TESTS)
    return ["evaluate", f"--saved_model={case}/run/export/saved_model", f"--workdir={case}/results", *chosen]


def prepare_features(case: Path) -> list[str]:
    where = f"--images={case}/images", f"--encoder={case}/encoder.keras", f"--data_dir={case}/data", "--name=birds"
    return ["prepare_features", *where, "--batch_size=4", "--shard_size=4", "--keep_images=8"]


def reproduce(case: Path) -> list[str]:
    pair = ["--gin_file=gin/nlg_digits.gin", *params(*PAIR)]
    transfer = ["--gin_file=gin/etl_digits.gin", *params(*LISTENER)]
    grid = {
        "games": {"nlg": pair},
        "seeds": [0],
        "tests": ["testchannel"],
        "test_arguments": params(*TESTS),
        "tasks": {"classification": transfer},
        "speakers": {"nlg": ["nlg"]},
        "transfer_test_arguments": params("Test.passes=1"),
    }
    bound = params(*(f"Reproduction.{name}={value!r}" for name, value in grid.items()))
    return ["reproduce", "--preset=offline", f"--out={case}/grid", "--jobs=1", *bound]


def pack(case: Path) -> Callable[[], None]:
    """The packing alone, as training does it."""

    def load() -> None:
        from tf_emcom.commands import ended_plainly
        from tf_emcom.data.byol_folder import ByolFolder

        folder = ByolFolder(DATA, f"{case}/data", cache_dir=f"{case}/cache", least_packed_bytes=0)
        ended_plainly(lambda: folder.load("train"))

    return load


def write_data(case: Path) -> Callable[[], None]:
    def write() -> None:
        from tests.feature_folders import write_byol_folder

        sizes = {"train": 16, "valid": 8, "test": 8}
        write_byol_folder(case / "data", DATA, sizes, features=8, classes=4)

    return write


def draw_images(case: Path) -> Callable[[], None]:
    def draw() -> None:
        from tests.tools.prepare.pictures import draw_classes, save_keras

        draw_classes(case / "images", each=6)
        save_keras(case / "encoder.keras")

    return draw


class Phase(NamedTuple):
    """`before` are commands that make the start; each takes the case's folder."""

    command: Callable[[Path], list[str] | Callable[[], None]]
    before: tuple[Callable, ...] = ()
    eager: bool = True
    folder: str = "run"  # what is compared


def _speaker(case: Path) -> list[str]:
    return [*train("nlg_digits", case, *PAIR, "steps=1")[:2], f"--workdir={case}/speaker", *params(*PAIR, "steps=1")]


PHASES = {
    "train_pair": Phase(train_pair),
    "train_population": Phase(lambda case: train("lg_s_digits", case, *POPULATION)),
    "train_seeds": Phase(lambda case: train("lg_s_digits", case, *CONTRASTIVE, "seeds=2", "steps=2")),
    "train_transfer": Phase(
        lambda case: train("etl_digits", case, *LISTENER, f'checkpoint="{case}/speaker"'), (_speaker,)
    ),
    "pack": Phase(pack, (write_data,), folder="cache"),
    "train_packed": Phase(lambda case: train_features(case, *PACKED), (write_data,), folder="."),
    "evaluate": Phase(evaluate, (train_pair,)),
    "messages": Phase(messages, (train_pair,)),
    "export": Phase(export, (train_pair,), eager=False),
    "report": Phase(lambda case: ["report", f"{case}/run"], (train_pair, evaluate)),
    "prepare_features": Phase(prepare_features, (draw_images,), folder="data"),
    "reproduce": Phase(reproduce, folder="grid"),
}


def started(worker: Worker, name: str, before: tuple[Callable, ...], eager: bool = True) -> Path:
    """The folder that a case starts from: what the commands make, made once a worker."""
    start = worker.folder / "starts" / name
    if not start.exists():
        worker.begin(None)
        for make in before:
            require_success(worker.run(make(worker.case), eager=eager and make is not export))
        start.parent.mkdir(exist_ok=True)
        worker.case.rename(start)
    return start


def require_success(ended: Ended) -> Ended:
    """RuntimeError where an undisturbed command fails: then there is nothing to compare with."""
    if ended.status != 0:
        raise RuntimeError(f"An undisturbed command ended with {ended.status}: {ended.stdout}{ended.stderr}")
    return ended


def broken(phase: str, error: Exception) -> dict[str, Any]:
    """In place of the cases of a phase that does not even run undisturbed."""
    return {"phase": phase, "what": "", "at": "", "outcome": "no undisturbed run", "stderr": str(error)[-2000:]}
