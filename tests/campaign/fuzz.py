"""Bindings, gin files and data descriptions of all kinds: a command runs, or says in one sentence why not."""

import json
import random
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from phases import (
    DATA,
    LISTENER,
    PAIR,
    POPULATION,
    TESTS,
    Case,
    params,
    require_success,
    started,
    train,
    train_features,
    train_pair,
    write_data,
)
from processes import Worker
from results import ending, last_lines

VALUES = (
    *(
        "None",
        "True",
        "False",
        "0",
        "1",
        "2",
        "-1",
        "3",
        "65536",
        "1" + "0" * 12,
        "1" + "0" * 30,
        "0.0",
        "0.5",
        "-0.5",
        "1.5",
    ),
    *("1e38", "1e-300", "1e400", "-1e400", "1e400 - 1e400", "2147483648", "-9223372036854775809", "1j", "b'x'"),
    *("''", "'x'"),
    *(
        "'nan'",
        "'../x'",
        "'/dev/null'",
        "'gs://x'",
        "'a\\x00b'",
        "'test'",
        "'xxxxxxxxx'",
        "[]",
        "[1]",
        "[None]",
        "['x']",
    ),
    *("[[]]", "[0.5, 0.5]", "[1, 2, 3]", "(1,)", "()", "{}", "{'a': 1}", "{1: 2}", "[-1]", "[1e400]", "[[1, 2], [3]]"),
    *("%steps", "%nothing", "%noise", "[%steps]", "@Erasure()", "@Erasure", "@Speaker", "@Speaker()", "@Listener"),
    *("@LinearRamp()", "@noise/LinearRamp()", "@Success()", "[@Success()]", "@Nothing", "@nowhere/Adam", "@Adam"),
    *("@speaker/LstmCore", "@listener/LstmCore()", "@Digits()", "@Digits", "@Log()", "[@Log(), @Checkpoint()]"),
    *("@Experiment()", "@Train()", "@steps", "[" * 40 + "]" * 40, "(" * 300, "'", "1 2", "@", "%", "é", "-", "1_000"),
)
# Where a component of a room goes; the rest of the components are reached through the configurations of runs.
SLOTS = {
    "Channel": ("nlg/Game.channel=@{}()",),
    "Sampler": ("Speaker.sampler=@{}()",),
    "Grammar": ("Speaker.grammar=@{}()",),
    "ListenerPolicy": ("nlg/Game.listener_policy=@{}()",),
    "Reward": ("nlg/Game.reward=@{}()",),
    "Loss": ("nlg/Game.speaker_loss=@{}()", "nlg/Game.listener_loss=@{}()"),
    "Schedule": ("Erasure.probability=@{}()", "Adam.learning_rate=@{}()"),
    "Optimizer": ("Learner.speaker_optimizer_cls=@{}",),
    "SpeakerHead": ("Speaker.head_cls=@{}",),
    "ListenerHead": ("Listener.head_cls=@{}",),
    "Part": ("Speaker.core_cls=@{}", "Listener.core_cls=@{}", "Listener.torso_cls=@{}"),
    "Task": ("task=@{}()",),
    "Action": ("Train.actions=[@Log(), @{}()]", "Train.changes=[@{}()]"),
    "Feed": ("Train.feed_cls=@{}",),
    "Crowd": ("Experiment.learner_cls=@{}",),
}
DATA_SETS = ("ByolFolder", "Digits", "RandomFeatures", "Shapes", "ShapesPixels")
_TORSOS = ("SymbolEmbedding", "DiscreteLstm")
TEXTS = (
    *("a = %b\nb = %a", "steps = %steps", "import nothing", "include 'nothing.gin'", "include 'x.gin'"),
    *("\ufeffsteps = 1",),
    *("steps = ", "= 1", "steps 1", "Speaker", "Speaker.", ".units = 1", "a/b/c/Speaker.units = 1", "\x00"),
    *("steps = (1",),
    *("steps = " + "[" * 5000 + "]" * 5000, "steps = '" + "x" * 10**6 + "'", "steps = 1 if True else 2", "include 1"),
    *("steps = __import__('os')", "import os.path as", "from os import", "steps = 1;", "'''", "steps = 1\r\nseed = x"),
    *("@Speaker = 1", "%steps = 1", "Speaker.core_cls = @", "x = @gin.macro", "gin.macro.value = 1", "steps: 1", "{}"),
)


def _bound(text: str) -> list[str]:
    return re.findall(r"^([\w./]+) = ", text, re.MULTILINE)


class Fuzz:
    """The inputs, and the commands that get them."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        case = worker.case
        self.pair = self._in_file(train("nlg_digits", case, *PAIR, "steps=1", "TensorBoard.every=1"))
        self.population = self._in_file(train("lg_s_digits", case, *POPULATION, "steps=2"))
        self.transfer = self._in_file(train("etl_digits", case, *LISTENER, "steps=1", f'checkpoint="{case}/start"'))
        self.features = self._in_file(train_features(case, "steps=1"))
        self.trained = started(worker, "fuzz", (train_pair,))
        self.data = started(worker, "fuzz data", (write_data,))
        (self.trained / "start").exists() or (self.trained / "run").rename(self.trained / "start")

    def _in_file(self, command: list[str]) -> list[str]:
        """The same command with its bindings in a file, where nobody minds that a component is not used any more."""
        flag = "--gin_param="
        bound = [argument.removeprefix(flag) for argument in command if argument.startswith(flag)]
        file = self.worker.folder / f"small{len(list(self.worker.folder.glob('small*')))}.gin"
        file.write_text("".join(f"{binding}\n" for binding in bound))
        return [*(argument for argument in command if not argument.startswith(flag)), f"--gin_file={file}"]

    def groups(self) -> dict[str, list[tuple]]:
        """Phase ↦ its possible cases, as arguments of `attempt`."""
        found: dict[str, list[tuple]] = {}
        for name, command, start in (
            ("bindings of a pair", self.pair, None),
            ("bindings of a population", self.population, None),
            ("bindings of a transfer", self.transfer, self.trained),
            ("bindings of a data folder", self.features, self.data),
        ):
            self.worker.begin(start)
            ended = self.worker.run([*command])
            require_success(ended)
            keys = _bound((self.worker.case / "run" / "config.gin").read_text())
            keys = [key for key in keys if not key.startswith("Test")]  # training does not look at them
            if start is self.data:
                keys = [key for key in keys if key.startswith(("ByolFolder", "data"))]
            found[name] = [(name, command, start, [f"{key}={value}"], None) for key in keys for value in VALUES]
        config = (self.trained / "start" / "config.gin").read_text()
        found["bindings of components"] = [
            ("bindings of components", self.pair, None, [*slot, f"{key}={value}"], None)
            for slot, key in self._components()
            for value in VALUES
        ]
        found["bindings of tests"] = [
            ("bindings of tests", command, self.trained, [f"{key}={value}"], None)
            for command, key in self._tests()
            for value in VALUES
        ]
        texts = [*TEXTS, *(_broken(config, random.Random(number)) for number in range(400))]
        found["gin files"] = [("gin files", self.pair, None, [], ("x.gin", text)) for text in texts]
        found["data descriptions"] = [
            ("data descriptions", self.features, self.data, [], (name, text))
            for name in ("features.json", "dataset_info.json")
            for text in self._descriptions(f"data/{DATA}/1.0.0/{name}")
        ]
        return found

    def _components(self) -> Iterator[tuple[list[str], str]]:
        """The slots that a component can take, and each of its parameters."""
        import tf_emcom
        from tf_emcom.runtime import catalogue, gin_tables

        families = {base: catalogue.names_below(getattr(tf_emcom, base)) for base in SLOTS}
        for base, slots in [*SLOTS.items(), ("Source", ("data=@{}()",))]:
            for name in sorted(families.get(base, DATA_SETS)):
                for slot in slots if base != "Part" else _suitable(name, slots):
                    for parameter in catalogue.parameters(gin_tables.matching(name)[0].wrapped)[0]:
                        yield [slot.format(name)], f"{name}.{parameter}"

    def _tests(self) -> Iterator[tuple[list[str], str]]:
        from tf_emcom.runtime import catalogue
        from tf_emcom.runtime.catalogue import plug_ins
        from tf_emcom.training.mode import Evaluation

        for mode, cls in sorted(plug_ins(Evaluation).items()):
            known = catalogue.parameters(cls)[0]
            small = [f"{cls.__name__}.{n}={v}" for n, v in (("candidates", "[4]"), ("passes", "1")) if n in known]
            small = [text for text in small if not text.startswith("Messages.candidates")]
            command = ["evaluate", f"--workdir={self.worker.case}/start", f"--mode={mode}", *params(*TESTS, *small)]
            for parameter in [*known, "mode", "checkpoint", "split"]:
                yield command, parameter if parameter in ("mode", "checkpoint") else f"{cls.__name__}.{parameter}"

    def _descriptions(self, path: str) -> list[str]:
        whole = (self.data / path).read_text()
        broken = [_broken(whole, random.Random(number)) for number in range(120)]
        return [*broken, *(_changed(json.loads(whole), random.Random(number)) for number in range(280))]

    def attempt(self, phase: str, command: list[str], start: Path | None, bound: list[str], text: Any) -> dict:
        """Runs a command with the bindings or with the text in a file."""
        self.worker.begin(start)
        command = [*command, *params(*bound)]
        shown = " ".join(bound)
        if text:
            name, content = text
            folder = self.worker.case / (f"data/{DATA}/1.0.0" if start else "")
            (folder / name).write_bytes(content.encode("utf-8", "surrogateescape"))
            command += [f"--gin_file={folder / name}"] if not start else []
            shown = f"{name}: {content if len(content) < 600 else _difference(content, self, name, start)}"
        ended = self.worker.run(command)
        how = ending(ended)
        return {
            **{"phase": phase, "what": " ".join(command[:1]), "at": shown[:800], "seconds": round(ended.seconds, 2)},
            **{"outcome": "runs" if how == "ok" else how, "stderr": last_lines(ended.stderr)},
        }


def _suitable(net: str, slots: tuple[str, ...]) -> tuple[str, ...]:
    """A core goes where cores go, what embeds symbols where torsos go, and other nets nowhere."""
    kind = "core_cls" if net.endswith(("Core", "Reader")) else "torso_cls"
    return tuple(slot for slot in slots if kind in slot) if kind == "core_cls" or net in _TORSOS else ()


def _difference(content: str, fuzz: Fuzz, name: str, start: Path | None) -> str:
    """Around the first place where a text is another one than the whole file."""
    path = start / f"data/{DATA}/1.0.0/{name}" if start else fuzz.trained / "start" / "config.gin"
    whole = path.read_text()
    shorter = min(len(whole), len(content))
    place = next((i for i in range(shorter) if content[i] != whole[i]), shorter)
    return f"… {content[max(0, place - 60) : place + 120]} …"


def _broken(text: str, rng: random.Random) -> str:
    """The text with a piece cut, doubled, replaced or inserted."""
    place = rng.randrange(len(text))
    size = rng.choice((1, 1, 2, 5, 30, len(text)))
    piece = rng.choice(("", "", "(", "]", "'", '"', "{", "\x00", "\udcff", "\ufeff", "é", "-", "1e9", "@", "%"))
    return rng.choice(
        (
            text[:place] + piece + text[place + size :],
            text[:place] + piece + text[place:],
            text[:place] + text[place : place + size] * 2 + text[place + size :],
            piece + text,
        )
    )


def _changed(tree: Any, rng: random.Random) -> str:
    """The JSON tree with one value changed, removed or renamed."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])

    walk(tree)
    node, key = rng.choice(places)
    values: tuple[Any, ...] = (
        *(None, True, 0, -1, 10**30, 1e308, float("nan"), "", "x", "float32", "int64", [], [[]], {}, {"a": 1}),
        *("tensorflow_datasets.core.features.text_feature.Text", "os.system", "../..", ["1", "2"], "-1", "9" * 30),
    )
    way = rng.randrange(6)
    if way == 0:
        del node[key]
    elif way == 1 and isinstance(node, dict):
        node[rng.choice(("x", "", "type", key + "x"))] = node.pop(key)
    else:
        node[key] = rng.choice(values)
    return json.dumps(tree, indent=4)


def cases(worker: Worker, kind: str, budget: int, only: str) -> list[Case]:
    """So many, drawn from all phases by their sizes, yet at least a fifteenth of them from each."""
    fuzz = Fuzz(worker)
    groups = {name: found for name, found in fuzz.groups().items() if only in ("", name)}
    least = min(budget // len(groups), max(1, budget // 15))
    total = sum(map(len, groups.values()))
    rest = budget - least * len(groups)
    found: list[Case] = []
    for name, possible in groups.items():
        wanted = min(len(possible), least + rest * len(possible) // total)
        found += [partial(fuzz.attempt, *each) for each in random.Random(name).sample(possible, wanted)]
    return found
