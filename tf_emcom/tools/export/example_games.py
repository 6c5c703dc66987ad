"""The mode that plays a few games to look at."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Repeats, Share
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.evaluation.player import GreedyPlayer
from tf_emcom.evaluation.results import text_table
from tf_emcom.evaluation.tests.accuracy_test import Count, require_fitting
from tf_emcom.evaluation.tests.held_out import ChannelTest
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.seeds import named_generator, step_stream
from tf_emcom.training.experiment import Experiment

_LABELS = ("label", "factors", "attributes", "image")  # those of them that a data set has
_PICTURE = "image"
_MOST_PIXELS = 96  # a side of a picture


class ExampleGames(ChannelTest):
    """A few games on a held-out split, from the candidates to the choice, with pictures where the data has them.

    The first speaker plays with the first listener. Candidates are drawn uniformly, so that the games are examples and
    not the best ones; with the same data, split and seed any run is shown the same candidates.
    """

    def __init__(
        self,
        games: Repeats = 6,
        candidates: Count = 6,
        noise: Share = 0.25,
        labels: Sequence[str] = _LABELS,
        **shared: Any,
    ) -> None:
        """Checks the numbers.

        Args:
          games: how many.
          candidates: in each, C.
          noise: the channel's.
          labels: what is said of candidates, as far as the data set has it; without "image" no images are read.
          **shared: what all `ChannelTest` have.
        """
        super().__init__(**shared)
        self.games, self.candidates, self.noise, self.labels = games, candidates, noise, labels

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Plays, prints the messages, writes eval/examplegames.jsonl."""
        game = experiment.game
        self.require_suited(game, game.task.chooses_inputs, "whose listener chooses among inputs")
        common = self.start(experiment, folder) | {"noise": self.noise}
        data = self.data_under_test(experiment)
        examples = data.load(self.split, [name for name in self.labels if name in data.labels()])
        rows, targets = self._drawn(len(examples.inputs))
        agents = experiment.learner
        speaker, listener = agents.pairs()[0]
        inputs = np.stack([np.asarray(examples.inputs[row], np.float32) for row in rows])
        channel = self.channel_under_test(game.channel)
        models = agents.speaker_as(speaker), agents.listener_as(listener)
        player = GreedyPlayer(*models, game.task.answer, channel, jit_compile=False)
        names = getattr(data, "class_names", None)
        common["channel"] = type(channel).__name__
        common |= {"speaker": speaker, "listener": listener, **agents.named_run(speaker)}
        common["erased_symbol"] = player.speaker.vocab_size
        lines = [
            {**common, **game, **_candidates(examples, candidates, names), "seed": self.seed}
            for game, candidates in zip(self._games(player, inputs, targets), rows, strict=True)
        ]
        path = folder.write_evaluation(self.kept_in, lines)
        print(_table(lines))
        right = sum(line["success"] for line in lines)
        noise = f"noise {self.noise:g} ({common['channel']})"
        print(f"{self._on}, step {common['step']:,}, {noise}; {right} of {len(lines)} right; all in {path}")

    def _drawn(self, examples: int) -> tuple[np.ndarray, np.ndarray]:
        """The candidates of each game, int [G, C], all of a game different, and which one is right, int32 [G]."""
        require_fitting("ExampleGames.candidates", self.candidates, examples, self.split)
        generator = named_generator(self.seed, "example games")
        rows = [generator.choice(examples, self.candidates, replace=False) for _ in range(self.games)]
        return np.stack(rows), generator.integers(self.candidates, size=self.games).astype(np.int32)

    def _games(self, player: GreedyPlayer, inputs: np.ndarray, targets: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yields what is said, heard and chosen in games with inputs float32 [G, C, F], about the targets int32 [G]."""
        games, count, features = inputs.shape
        speech = player.speaker.greedy(tf.constant(inputs[np.arange(games), targets]))
        stream = step_stream(self.seed, tf.constant(0), tf.constant(0), games, games).stage("example games")
        message = player.arrive(speech.symbols, self.noise, stream)
        read = player.answer.read(player.listener, message)
        seen = player.answer.look(player.listener, tf.constant(inputs.reshape(-1, features)))
        shown = tf.reshape(tf.range(games * count), [games, count])
        scores = tf.cast(player.answer.compare(player.listener, read, seen, shown), tf.float32).numpy()
        if not np.isfinite(scores).all():
            raise UserError(
                "The listener's scores in an example game are not finite numbers: the data or the weights hold NaN"
                " or infinity; correct the data, or restore an earlier checkpoint."
            )
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        for game, (target, choice) in enumerate(zip(targets.tolist(), scores.argmax(axis=1).tolist(), strict=True)):
            yield {
                "game": game,
                "message": speech.symbols[game].numpy().tolist(),
                "message_length": int(speech.lengths[game]),
                "received": message.symbols[game].numpy().tolist(),
                "target": target,
                "choice": choice,
                "success": int(choice == target),
                "scores": scores[game].tolist(),
                "probabilities": probabilities[game].tolist(),
            }


def _candidates(examples: Examples, rows: np.ndarray, names: Sequence[str] | None) -> dict[str, Any]:
    """The candidates of a game: their places in the split, labels, what to call them, and pictures as PNG in base64."""
    labels = {name: values[rows] for name, values in examples.labels.items() if name != _PICTURE}
    called = [f"#{row}" for row in rows.tolist()]
    if "label" in labels and labels["label"].ndim == 1:
        called = [names[value] if names else str(value) for value in labels["label"].tolist()]
    images = examples.labels.get(_PICTURE)
    drawn = images is not None and images.dtype == np.uint8 and images.ndim == 4
    return {
        "candidates": rows.tolist(),
        "labels": {name: values.tolist() for name, values in labels.items() if values.dtype != object},
        "called": called,
        **({"pictures": [_png(images[row]) for row in rows]} if drawn else {}),
    }


def _png(image: np.ndarray) -> str:
    """An image uint8 [height, width, 1 or 3], made smaller where it is large."""
    shrink = _MOST_PIXELS / max(image.shape[:2])
    if shrink < 1:
        size = [max(1, round(side * shrink)) for side in image.shape[:2]]
        small = tf.image.resize(image, size, method="area")
        image = tf.cast(tf.round(small), tf.uint8)
    return base64.b64encode(tf.io.encode_png(image).numpy()).decode()


def _table(lines: Sequence[dict[str, Any]]) -> str:
    """One line a game: candidates by number, with what they are called; an erased symbol is a dot."""
    width = len(str(lines[0]["erased_symbol"]))

    def symbols(line: dict[str, Any], name: str) -> str:
        return " ".join(f"{'·' if s == line['erased_symbol'] else s:>{width}}" for s in line[name])

    cells = [
        (
            *(symbols(line, name) for name in ("message", "received")),
            *(f"{line[name] + 1} ({line['called'][line[name]]})" for name in ("target", "choice")),
            "success" if line["success"] else "failure",
        )
        for line in lines
    ]
    heads = ("said", "arrived", "right", "chosen", "outcome")
    return text_table(heads, cells, left=heads)
