"""The command that writes what agents say as a corpus."""

import hashlib
import itertools
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import tqdm

from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.checks import Index, Share
from tf_emcom.data.source import Examples, names_of
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.corpus import ANALYSIS, new_corpus, older_manifest, require_free
from tf_emcom.evaluation.corpora.formats import CorpusFormat
from tf_emcom.evaluation.corpora.manifest import ColumnType, Manifest
from tf_emcom.evaluation.corpora.recorder import Recorder, Utterances
from tf_emcom.evaluation.tests.accuracy_test import Count, require_fitting
from tf_emcom.evaluation.tests.held_out import ChannelTest, listed
from tf_emcom.games.answers import Answering
from tf_emcom.runtime.catalogue import choose, plug_ins
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.trainee import Agents

_CANDIDATES = 64


def chosen_pairs(
    agents: Agents, speakers: Sequence[int] | None, listeners: Sequence[int] | None
) -> list[tuple[int, int]]:
    """Speaker and listener of each pair, as `Messages` is given them, those of one speaker beside each other.

    UserError where there is no such agent, or both are of different runs.
    """
    listeners_of = agents.listeners_of()
    chosen = list(listeners_of) if speakers is None else _known("speakers", speakers, agents.speakers)
    if listeners is None:
        return [(i, listeners_of.get(i, [i if agents.independent else 0])[0]) for i in chosen]
    heard_by = _known("listeners", listeners, agents.listeners)
    if agents.independent and any([i] != heard_by for i in chosen):
        raise UserError(
            f"Messages.listeners is {heard_by}, but pairs are independent runs, in which speaker i plays with listener"
            " i only; leave it out."
        )
    return [(speaker, listener) for speaker in chosen for listener in heard_by]


def _known(name: str, numbers: Sequence[int], count: int) -> list[int]:
    found = listed(f"Messages.{name}", numbers, "[0, 2]")
    if max(numbers) >= count:
        raise UserError(f"Messages.{name} is {numbers!r}, but the run has {count}; name some from 0 to {count - 1}.")
    return found


class Messages(ChannelTest):
    """Writes a corpus: what greedy speakers say of every example of a split, what arrives, and what is chosen.

    Each example has one row for each pair. Where listeners choose among inputs, a permutation of the split is cut into
    groups of C candidates; where they name labels, these are the choice. In a transfer run whose task is no
    choice, there is none. Inputs are clear. In a control, whose messages are about inputs that are set aside, these
    have no rows.
    """

    def __init__(
        self,
        formats: Sequence[str] = ("parquet", "jsonl", "numpy"),
        noise: Share = 0.0,
        candidates: Count | None = None,
        speakers: Sequence[Index] | None = None,
        listeners: Sequence[Index] | None = None,
        labels: Sequence[str] | None = None,
        out: str = "",
        **shared: Any,
    ) -> None:
        """Checks the settings.

        Args:
          formats: by the names of the classes in `corpora/formats`.
          noise: the channel's.
          candidates: C; None: 64, or all of a split that has fewer examples.
          speakers: which; None: those that tests test, the first ten at most.
          listeners: which each speaker plays with, one after the other; None: the first one.
          labels: which labels of the data set are kept; None: all but images.
          out: the folder of the corpus; where it is empty, RUN/corpora/<split>, or <data set>.<split> of other data.
          **shared: what all `ChannelTest` have.
        """
        super().__init__(**shared)
        known = plug_ins(CorpusFormat)
        if not formats:
            raise UserError(f"Messages.formats is {formats!r}; bind it to a list, as in ['parquet', 'jsonl'].")
        self.formats = {name: choose(name, known, "format of corpora") for name in formats}
        self.noise, self.candidates, self.out = noise, candidates, out
        self.speakers, self.listeners, self.labels = speakers, listeners, labels

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Writes the corpus; what is there in other formats stays, where it is of the same messages."""
        # As files of results: what is not about the run's own data has a name of its own.
        name = ".".join([*self.kept_in.split(".", 1)[1:], self.split])
        out = os.path.expanduser(self.out) or os.path.join(folder.path, "corpora", name)
        require_free(out)
        out = os.path.normpath(out)
        for form in self.formats.values():
            form.check()
        pairs = chosen_pairs(experiment.learner, self.speakers, self.listeners)
        step = self.restore(experiment, folder)
        channel = self.channel_under_test(experiment.game.channel)
        examples, agents = self._examples(experiment), experiment.learner
        subjects = agents.subjects(len(examples.inputs))
        task, compiled = experiment.game.task, experiment.distribution.jit_compile
        size = self._group(task, len(examples.inputs if subjects is None else subjects))
        recorder = Recorder(agents, pairs, examples, task.answer, size, channel, self.noise, self.seed, compiled)
        blocks = recorder.blocks()
        # The first block says what columns there are.
        first = next(blocks)
        manifest = self._manifest(experiment, folder, recorder, pairs, first, size, step)
        older = older_manifest(out)
        if older is not None and older.config != manifest.config and older.run != manifest.run:
            raise UserError(
                f"{out} holds the corpus of another run, {older.run}; name another folder with --out, or remove it."
            )
        same = older is not None and older.is_of_the_same_messages(manifest)
        formats = self._with_those_of(older, out) if same else self.formats
        command = self._command(folder.path, list(formats))
        manifest = manifest._replace(formats=list(formats), command=command)
        won, bar = 0.0, tqdm.tqdm(total=manifest.count, unit="message", disable=not sys.stderr.isatty())
        with new_corpus(out, manifest, list(formats.values()), [ANALYSIS] if same else []) as append, bar:
            for block in itertools.chain([first], blocks):
                append(block.columns())
                won += 0.0 if block.success is None else float(block.success.sum())
                bar.update(len(block.id))
        print(self._summary(manifest, won, out))
        if older is not None and not same:
            print(
                f"It takes the place of a corpus of other messages: step {older.step:,}, noise {older.noise:g}, as"
                f" {', '.join(older.formats)}; with another --out, both are kept."
            )

    def _with_those_of(self, older: Manifest, out: str) -> dict[str, type[CorpusFormat]]:
        """The formats that are asked for, and those in which the same messages are there already."""
        known = plug_ins(CorpusFormat)
        kept = {name: choose(name, known, "format of corpora") for name in older.formats if name not in self.formats}
        for name, form in kept.items():
            try:
                form.check()
            except UserError as error:
                raise UserError(f"{out} holds these messages as {name}, too, which would be lost; {error}") from error
        return {name: form for name, form in known.items() if name in kept} | self.formats

    def _examples(self, experiment: Experiment) -> Examples:
        """The split, with the labels asked for, or with all that hold one number, text or row of numbers an example."""
        data, task = self.data_under_test(experiment), experiment.game.task
        # Images are not even read.
        wanted = [name for name in data.labels() if name != "image"] if self.labels is None else self.labels
        needed = task.answer.labels if task.answer else ()
        inputs, labels = data.load(self.split, list(dict.fromkeys([*wanted, *needed])))
        if self.labels is None:
            labels = {name: each for name, each in labels.items() if each.ndim <= 2 and 0 not in each.shape[1:]}
        for name in labels:
            if name in Utterances._fields and name != "labels":
                raise UserError(
                    f"The data set {data.name} has a label {name!r}, which is also a column of every corpus; bind"
                    " Messages.labels to the others."
                )
        if needed:
            task.check_labels(labels, data.name)
        return Examples(inputs, labels)

    def _group(self, task: Answering, examples: int) -> int:
        """How many examples are played together: C for tasks that choose; UserError where that cannot be."""
        if not task.chooses_inputs and self.candidates is not None:
            raise UserError(
                f"Messages.candidates is {self.candidates}, but the task of this run, {type(task).__name__}, is no"
                " choice among inputs; leave it out."
            )
        require_fitting("Messages.candidates", self.candidates or 0, examples, self.split)
        return (self.candidates or min(_CANDIDATES, examples)) if task.chooses_inputs else 1

    def _manifest(
        self,
        experiment: Experiment,
        folder: RunFolder,
        recorder: Recorder,
        pairs: list[tuple[int, int]],
        first: Utterances,
        size: int,
        step: int,
    ) -> Manifest:
        agents, data, examples = experiment.learner, self.data_under_test(experiment), recorder.examples
        speaker, run = agents.speaker_as(pairs[0][0]), RunFolder(self.checkpoint or folder.path)
        grammar, seeds, varied = speaker.grammar, agents.seeds(), agents.varied()
        config = run.read_document("config.gin") if run.has_document("config.gin") else ""
        # A block does not show how long texts are elsewhere.
        whole = {**first.columns(), **examples.labels}
        return Manifest(
            data=data.name,
            split=self.split,
            examples=len(examples.inputs),
            count=len(examples.inputs) * len(pairs),
            pairs=[list(pair) for pair in pairs],
            columns={name: ColumnType.of(name, values) for name, values in whole.items()},
            names=names_of(data, examples.labels),
            formats=[],
            vocab_size=speaker.vocab_size,
            message_length=speaker.message_length,
            unknown=speaker.vocab_size,
            end_symbol=grammar.symbol if isinstance(grammar, EndSymbol) else None,
            noise=self.noise,
            channel=type(recorder.player.channel).__name__,
            candidates=size if experiment.game.task.chooses_inputs else None,
            seed=self.seed,
            run=os.path.abspath(run.path) if "://" not in run.path else run.path,
            config=hashlib.sha256(config.encode()).hexdigest(),
            step=step,
            training_seeds={str(i): seeds[i] for i, _ in pairs} if agents.independent else None,
            varied={str(i): varied[i] for i, _ in pairs} if any(varied) else None,
            command="",
        )

    def _command(self, workdir: str, formats: Sequence[str]) -> str:
        given = [f"--workdir={workdir}", f"--split={self.split}", *(f"--format={name}" for name in formats)]
        for name in ("noise", "candidates", "out"):
            given += [f"--{name}={getattr(self, name)}"] if getattr(self, name) else []
        for name in ("channel", "data"):
            given += [f"--gin_param=Messages.{name}=@{type(part).__name__}()"] if (part := getattr(self, name)) else []
        for name, default in (("kept_as", ""), ("seed", 42), ("speakers", None), ("listeners", None), ("labels", None)):
            if (value := getattr(self, name)) != default:
                given.append(f"--gin_param=Messages.{name}={value!r}")
        return shlex.join(["tf-emcom", "messages", *given])

    def _summary(self, about: Manifest, won: float, out: str) -> str:
        among = "" if about.candidates is None else f" among {about.candidates} candidates"
        right = f"; accuracy {won / about.count:.4f}{among}" if "success" in about.columns else ""
        whose = "" if len(about.pairs) == 1 else f" of {len(about.pairs)} pairs"
        return (
            f"{about.count:,} messages{whose} about the {about.split} split, step {about.step:,}, noise"
            f" {about.noise:g} ({about.channel}){right}; written as {', '.join(about.formats)} to {out}"
        )
