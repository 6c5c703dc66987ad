"""examples/tpu.sky.yaml: SkyPilot itself is not among the tests' packages, so they run its commands with stand-ins."""

import json
import os
import re
import subprocess

import pytest

from tests import commands
from tests.tools import train_flags

PATH = commands.ROOT / "examples" / "tpu.sky.yaml"
PYTHON = """#!/usr/bin/env bash
# A Python that makes environments of itself and writes down what it is called with.
if [[ "$1 $2" == "-m venv" ]]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/pip"; fi
echo "$(basename "$0") $*" >> "$HOME/calls"
if [[ "$1" == bin/train ]]; then printf '%s\\0' "$@" > "$HOME/trained"; exit 143; fi
"""


def read_yaml(lines, indent=0):
    """The part of YAML that the file uses: mappings by indentation, scalars, lists of numbers, and texts after `|`."""
    found = {}
    while lines:
        line = lines[0]
        depth = len(line) - len(line.lstrip())
        if not line.strip() or line.lstrip().startswith("#"):
            lines.pop(0)
            continue
        if depth < indent:
            break
        assert depth == indent, line
        key, colon, value = lines.pop(0).strip().partition(":")
        value = value.split(" #")[0].strip()
        assert colon and key not in found, line
        if value == "|":
            block = []
            while lines and (not lines[0].strip() or lines[0].startswith(" " * (indent + 2))):
                block.append(lines.pop(0)[indent + 2 :])
            found[key] = "\n".join(block).rstrip() + "\n"
        elif value:
            is_json = re.fullmatch(r"true|false|null|\d+|\[.*\]", value)
            found[key] = json.loads(value) if is_json else value
        else:
            found[key] = read_yaml(lines, indent + 2)
    return found


TASK = read_yaml(PATH.read_text().splitlines())


@pytest.fixture
def machine(tmp_path):
    """The environment variables of a machine with a stand-in for Python, as SkyPilot sets them for a user's job."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3.11"
    python.write_text(PYTHON)
    python.chmod(0o755)
    given = {name: str(value) for name, value in TASK["envs"].items()} | {"BUCKET": "my-bucket"}
    return {**os.environ, **given, "HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def bash(script, machine):
    return subprocess.run(["bash", "-c", script], cwd=commands.ROOT, env=machine, timeout=60).returncode


def test_the_reader_reads_what_yaml_means():
    mappings = "# no\na: 1\nb:\n  c: true  # why\n  d:\n    e: x y\n\n  f: [1, 2]\ng: null\n"
    text = "h: |\n  one\n    two # in\n\n  3\n\ni: j\n"
    assert read_yaml((mappings + text).splitlines()) == {
        **{"a": 1, "b": {"c": True, "d": {"e": "x y"}, "f": [1, 2]}, "g": None},
        **{"h": "one\n  two # in\n\n3\n", "i": "j"},
    }


def test_the_top_says_what_it_needs_costs_and_should_reach():
    header = PATH.read_text().split("\n\n")[0]
    assert all(f"\n# {word}: " in header for word in ("Needs", "Costs", "Should reach"))
    files = re.findall(r"\bgin/\w+\.gin", header)
    assert files and all((commands.ROOT / file).exists() for file in files)
    assert set(re.findall(r"--env (\w+)=", header)) <= TASK["envs"].keys()


@pytest.mark.processes
def test_it_is_a_spot_tpu_with_the_image_of_tpu_job_and_its_run_outlives_it():
    resources = TASK["resources"]
    assert resources["use_spot"] is True
    assert resources["job_recovery"] == {"strategy": "FAILOVER", "recover_on_exit_codes": [143]}
    assert TASK["file_mounts"] == {"/bucket": {"source": "gs://${BUCKET}", "mode": "MOUNT"}}
    kind = resources["accelerators"].removeprefix("tpu-")
    job = commands.start("tpu_job", "create", "--name=a", "--zone=us-central1-a", f"--accelerator_type={kind}")
    assert f"--version={resources['accelerator_args']['runtime_version']}\n" in job.stdout


def test_its_variables_are_there_and_only_the_bucket_has_to_be_named():
    used = re.findall(r"\$\{?(\w+)", TASK["run"] + TASK["setup"] + TASK["file_mounts"]["/bucket"]["source"])
    assert set(used) == TASK["envs"].keys()
    assert [name for name, value in TASK["envs"].items() if value is None] == ["BUCKET"]


@pytest.mark.processes
def test_the_setup_does_what_tpu_job_installs(machine, tmp_path):
    assert bash(TASK["setup"], machine) == 0
    assert (tmp_path / "calls").read_text().splitlines() == [
        "python3.11 -c import ensurepip",
        f"python3.11 -m venv {tmp_path}/tf_emcom_environment",
        "pip install --quiet --constraint constraints.txt --editable .[tpu]",
        "pip install --quiet --constraint constraints.txt --force-reinstall --no-deps tensorflow-tpu",
        "python -c import tensorflow",
    ]


@pytest.mark.processes
def test_the_run_is_a_command_that_bin_train_understands_and_ends_as_that_does(machine, tmp_path):
    assert bash(TASK["setup"], machine) == 0
    assert bash(TASK["run"], machine) == 143
    script, *arguments = (tmp_path / "trained").read_text().split("\0")[:-1]
    assert script == "bin/train"
    assert train_flags.parsed(arguments) == {
        "gin_file": [TASK["envs"]["GIN_FILE"]],
        "gin_param": ["seed=1"],
        "workdir": "/bucket/runs/lg_s_imagenet-1",
        "data_dir": "gs://my-bucket/data",
        "strategy": "tpu",
        "tpu": "local",
        "replicas": None,
        "allow_imports": [],
        "allow_unused": False,
    }
    assert (commands.ROOT / TASK["envs"]["GIN_FILE"]).exists()
