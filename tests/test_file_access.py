"""Runs and data may lie on cloud storage, so files are reached through tf.io.gfile; this reads every call."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tf_emcom").rglob("*.py"))

# What sees this machine's disk only.
LOCAL_MODULES = ("glob", "mmap", "pathlib", "shutil", "tempfile")
LOCAL_CALL = re.compile(
    r"open|io\.open|os\.(access|listdir|makedirs|mkdir|open|remove|rename|replace|rmdir|scandir|stat|unlink|utime|walk)"
    r"|os\.path\.(exists|getmtime|getsize|isdir|isfile|islink|lexists|samefile)"
    r"|np\.(fromfile|load|loadtxt|memmap|save|savetxt|savez|savez_compressed)"
    r"|(?!files\.).*\.(tofile|savefig|read_text|read_bytes|write_text|write_bytes|iterdir|rglob|unlink)"
)

# Where that is right, and why.
LOCAL = {
    "cli.py": "finds the presets that are installed with it",
    "data/packed/": "a cache on the local disk, rebuilt where it is missing, of data that may lie anywhere",
    "evaluation/corpora/": "libraries that know the local disk alone write corpora; a remote --out is refused",
    "files.py": "locks, links and atomic renames, which the local disk alone has; other paths go to gfile",
    "plots.py": "draws into memory, from where gfile writes",
    "runtime/checkpoint_files.py": "renames what is on the local disk; TensorFlow writes remote checkpoints by itself",
    "runtime/config_file.py": "lists the gin files that are installed, and local ones, for suggestions",
    "runtime/launch.py": "finds an environment before there is a TensorFlow",
    "data/generated.py": "reads a file of the package",
    "runtime/early_checks.py": "reads the package's source, and local gin files; others are left to config_file",
    "runtime/provenance.py": "asks this machine about itself",
    "runtime/run_folder.py": "tries a local file; processes beside the chief write to a temporary folder",
    "tools/export/contents.py": "a local folder is renamed as a whole; a remote one is filled from a local one",
    "tools/export/formats.py": "TensorFlow and Keras write to a local folder, which is then brought to its place",
    "tools/prepare/shard_files.py": "asks the local disk how much room it has",
    "tools/prepare/images.py": "sees links and pipes of the local disk, which cloud storage has not",
    "tools/report/drawing.py": "draws into memory, from where gfile writes",
    "tools/tpu_job.py": "runs on the user's own machine: it finds gcloud, and an archive that is to be uploaded",
    "tools/reproduce/": "grids are made on the local disk; a remote --out is refused",
}


def local_accesses(source):
    """Line and text of everything in a module that sees the local disk only."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, a.name) for a in node.names if a.name.split(".")[0] in LOCAL_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LOCAL_MODULES:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Call) and LOCAL_CALL.fullmatch(name := ast.unparse(node.func)):
            found.append((node.lineno, name))
    return found


def reason_for(path):
    name = str(path.relative_to(ROOT / "tf_emcom"))
    return next((place for place in LOCAL if name == place or place.endswith("/") and name.startswith(place)), None)


def test_files_are_reached_through_gfile():
    found = {str(path.relative_to(ROOT)): local_accesses(path.read_text()) for path in FILES if not reason_for(path)}
    assert {path: accesses for path, accesses in found.items() if accesses} == {}


def test_every_exception_is_still_needed():
    needed = {reason_for(path) for path in FILES if reason_for(path) and local_accesses(path.read_text())}
    assert set(LOCAL) - needed == set()


@pytest.mark.parametrize(
    "source",
    [
        "open('a')",
        "import shutil",
        "from pathlib import Path",
        "import os\nos.path.exists(path)",
        "os.replace(a, b)",
        "figure.savefig(path)",
        "(folder / 'a').write_text('')",
        "np.load(file)",
        "files[0].read_text()",
    ],
)
def test_a_planted_access_is_found(source):
    assert len(local_accesses(source)) == 1


@pytest.mark.parametrize(
    "source", ["tf.io.gfile.exists(path)", "os.path.join(a, b)", "tf.io.gfile.GFile(a)", "files.read_text(a, b)"]
)
def test_what_is_right_passes(source):
    assert local_accesses(source) == []
