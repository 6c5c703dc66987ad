"""Classes outside of the package are found by name: in a folder of the user's own, and in an installed package."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests import commands

pytestmark = pytest.mark.processes

TRAINED = ("steps=2", "speaker/LstmCore.units=8", "listener/LstmCore.units=8", "Train.actions=[@Log(), @Checkpoint()]")
DIGITS = f"--gin_file={commands.ROOT / 'gin' / 'nlg_digits.gin'}"

# One class of every kind, as a user would write them.
PARTS = {
    "channels": '''
import tensorflow as tf
from tf_emcom import Channel, Message

class Whisper(Channel):
    """Erases the symbol at one place of a message with a probability."""

    def __init__(self, place: int = 0, probability: float = 0.5) -> None:
        self.place = place
        self.probability = probability

    def __call__(self, message, vocab_size, step, stream):
        length = message.symbols.shape[1]
        erased = (tf.range(length) == self.place) & (stream.uniform(length) < self.probability)
        return Message(tf.where(erased, vocab_size, message.symbols))

    def noise(self, step):
        return tf.convert_to_tensor(self.probability, tf.float32)
''',
    "tests": '''
from tf_emcom.training.mode import Evaluation

class CountWeights(Evaluation):
    def __init__(self, times: int = 1) -> None:
        self.times = times

    def run(self, experiment, folder):
        step = self.restore(experiment, folder)
        count = self.times * sum(weight.shape.num_elements() for weight in experiment.learner.agents["speaker"])
        folder.write_evaluation("countweights", [{"step": step, "weights": count}])
''',
    "strategies": '''
from tf_emcom import OneDevice

class NearDevice(OneDevice):
    def __init__(self, jit_compile: bool | None = None) -> None:
        super().__init__(jit_compile)
        print("a strategy of somebody's own")
''',
    "formats": '''
import contextlib
import os
from tf_emcom.evaluation.corpora.formats import CorpusFormat

class Spaced(CorpusFormat):
    holds = r"messages\\.txt"

    @contextlib.contextmanager
    def writing(self):
        with open(os.path.join(self.folder, "messages.txt"), "w") as file:
            yield lambda rows: file.writelines(f"{' '.join(map(str, row))}\\n" for row in rows["symbols"].tolist())

    def read(self, names): ...
''',
    "encoders": '''
import tensorflow as tf
from tf_emcom.tools.prepare.encoders import ImageEncoder, Network

class MeanColour(ImageEncoder):
    @classmethod
    def recognises(cls, name):
        return name == "mean_colour"

    def identity(self):
        return "mean colour"

    def build(self):
        return Network(8, 8, lambda images: tf.reduce_mean(images, [1, 2]))
''',
    "sections": '''
from tf_emcom.tools.report.blocks import Text
from tf_emcom.tools.report.report import Section

class OwnRemarks(Section):
    title = "Remarks of the laboratory"
    place = 1

    def blocks(self, runs):
        return [Text(f"{len(runs)} run, looked at with care")]
''',
}


def write_package(folder, name):
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("")
    for part, text in PARTS.items():
        (folder / name / f"{part}.py").write_text(text)


@pytest.fixture
def folder_on_the_path(tmp_path):
    """A package that is only on PYTHONPATH: a gin file imports its modules, or a flag where there is no gin file."""
    write_package(tmp_path / "mine", "my_lab")
    imports = [f"import my_lab.{part}" for part in ("channels", "strategies", "formats", "tests")]
    flags = {part: [f"--plugin=my_lab.{part}"] for part in ("encoders", "sections")}
    return tmp_path / "mine", imports, {**flags, "run": ["--allow_imports=my_lab"]}


@pytest.fixture
def installed_distribution(tmp_path):
    """A distribution that pip installs, which declares its modules; nobody names them."""
    write_package(tmp_path / "source", "their_lab")
    lines = "".join(f'{part} = "their_lab.{part}"\n' for part in PARTS)
    (tmp_path / "source" / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "their-lab"\nversion = "1"\n[project.entry-points."tf_emcom.plugins"]\n{lines}'
        '[tool.setuptools]\npackages = ["their_lab"]\n'
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip, "--target", tmp_path / "site", tmp_path / "source"], check=True)
    return tmp_path / "site", [], {"encoders": [], "sections": [], "run": []}


@pytest.mark.parametrize("way", ["folder_on_the_path", "installed_distribution"])
def test_every_kind_of_plug_in_is_found(request, tmp_path, way):
    path, imports, flags = request.getfixturevalue(way)
    mine, run = tmp_path / "mine.gin", tmp_path / "run"
    mine.write_text("\n".join([*imports, "nlg/Game.channel = @Whisper()", "Whisper.place = 2", ""]))

    def start(command, *arguments, params=()):
        done = commands.start(command, *arguments, params=params, env={"PYTHONPATH": str(path)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    workdir = f"--workdir={run}"
    said = start("train", DIGITS, f"--gin_file={mine}", workdir, "--strategy=near_device", params=TRAINED)
    assert "a strategy of somebody's own" in said
    assert "nlg/Game.channel = @Whisper()" in (run / "config.gin").read_text()

    tests = ["--mode=countweights", "--mode=messages"]
    start("evaluate", workdir, *tests, *flags["run"], params=["CountWeights.times=2", "Messages.formats=['spaced']"])
    assert '"step": 2, "weights": ' in (run / "eval" / "countweights.jsonl").read_text()
    messages = (run / "corpora" / "test" / "messages.txt").read_text().splitlines()
    assert len(messages) > 100 and all(symbol.isdigit() for symbol in messages[0].split())

    start("report", run, *flags["sections"])
    page = (run / "report.html").read_text()
    assert "Remarks of the laboratory" in page and "1 run, looked at with care" in page

    (tmp_path / "images").mkdir()
    for number in range(10):
        picture = np.full((8, 8, 3), number, np.uint8)
        Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
    given = [f"--images={tmp_path / 'images'}", f"--data_dir={tmp_path / 'data'}", "--keep_images=0"]
    said = start("prepare_features", *given, "--encoder=mean_colour", *flags["encoders"])
    assert "3 features" in said


def test_a_plug_in_that_cannot_be_imported_is_one_sentence(tmp_path):
    done = commands.start("report", tmp_path, "--plugin=no_such_lab.sections")
    assert done.returncode == 2
    assert done.stderr == (
        "Error: --plugin=no_such_lab.sections does not work (ModuleNotFoundError: No module named 'no_such_lab');"
        " correct it, or set PYTHONPATH to the folder that its package is in.\n"
    )
