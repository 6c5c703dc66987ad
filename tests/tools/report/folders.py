"""Run folders of known numbers, written by hand: no agents are needed for a report."""

import base64
import html.parser
import io

import numpy as np
from matplotlib.image import imsave

from tf_emcom.files import json_lines

CONFIG = """
batch_size = 64
data = @Digits()
game = @nlg/Game()
message_length = 3
noise = {noise}
seed = 0
steps = 40
task = @Discrimination()
vocab_size = 5

Discrimination.distractors = 15
Log.every = 10
speaker/Adam.learning_rate = {rate}
"""
TRANSFER = CONFIG.replace("@nlg/Game()", "@etl/TransferGame()").replace("@Discrimination()", "@Classification()")
NAMING = CONFIG.replace("@Discrimination()", "@Naming()")
GRID = [(count, noise) for count in (16, 64) for noise in (0.0, 0.5)]


def png(seed, side=8):
    """An image as PNG in base64."""
    file = io.BytesIO()
    imsave(file, np.random.default_rng(seed).random((side, side, 3)), format="png")
    return base64.b64encode(file.getvalue()).decode()


def metrics(seed=0):
    """Four logged steps of numbers with many digits."""
    draws = np.random.default_rng(seed).random((4, 4)).tolist()
    return [
        {"step": 10 * (i + 1), "accuracy": a, "loss": b, "speaker_loss": c, "speaker_entropy": d, "noise": 0.1 * i}
        for i, (a, b, c, d) in enumerate(draws)
    ]


def write(path, config=CONFIG, rows=None, noise=0.5, rate=0.01, **evaluations):
    """A run's folder; each evaluation is a list of lines, or a text as it is."""
    (path / "eval").mkdir(parents=True)
    (path / "config.gin").write_text(config.format(noise=noise, rate=rate))
    (path / "metrics.jsonl").write_text(json_lines(metrics() if rows is None else rows))
    for name, lines in evaluations.items():
        (path / "eval" / f"{name}.jsonl").write_text(lines if isinstance(lines, str) else json_lines(lines))
    return path


def accuracies(mode, seed=1, labels=({"speaker": 0, "listener": 0},), **fixed):
    """Lines of an accuracy test over `GRID`, each with a random accuracy."""
    draw = np.random.default_rng(seed)
    found = []
    for label in labels:
        for count, noise in GRID:
            value = float(draw.random())
            interval = [value - 0.01, value + 0.01]
            row = {"mode": mode, "step": 40, "split": "test", "candidates": count, "noise": noise, **fixed, **label}
            found.append({**row, "accuracy": value, "interval": interval, "games": 100, "seed": 42})
    return found


def erased(seed=2):
    rows = [{**row, "erased": int(2 * row.pop("noise"))} for row in accuracies("testmessage", seed)]
    return [{**row, **({"accuracy_lost": [0.1234, 0.2345, 0.3456]} if row["erased"] else {})} for row in rows]


def noisy_inputs(seed=3):
    return accuracies("testinput", seed, input_noise=0.0) + accuracies("testinput", seed + 1, input_noise=1.0)


def language(seed=4):
    """Lines of testlanguage: two measures, and symbols of which one is never said."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(4), 3)
    common = {"mode": "testlanguage", "step": 40, "split": "test", "speaker": 0, "seed": 42, "messages": 50}
    rows = [
        {**common, "measure": "message_entropy", "value": 3.14159265},
        {**common, "measure": "unique_messages", "value": 1234},
        {**common, "measure": "context_independence", "value": None, "attributes": "factors"},
    ]
    for position, said in enumerate(shares.tolist()):
        entropy = float(-np.sum(np.array(said) * np.log(said)))
        rows.append({**common, "measure": "symbol_entropy", "position": position, "value": entropy})
        rows += [
            {**common, "measure": "symbol_use", "position": position, "symbol": symbol, "share": share}
            for symbol, share in enumerate(said)
        ]
    return rows


def similarity(value=0.271828):
    common = {"mode": "testtopsim", "split": "test", "speaker": 0, "seed": 42, "messages": 50}
    return [{**common, "meaning": "inputs", "distance": "cosine", "topsim": value, "deviation": 0.0123}]


def games(called="seven", pictures=True):
    """Two games of four candidates: one right, one wrong."""
    common = {"mode": "examplegames", "noise": 0.25, "speaker": 0, "listener": 0, "erased_symbol": 5}
    pair = [(1, 1, [4, 5, 2]), (0, 3, [5, 5, 2])]
    return [
        {
            **common,
            "game": number,
            "message": [4, 1, 2],
            "message_length": 3,
            "received": received,
            "target": target,
            "choice": choice,
            "success": int(target == choice),
            "probabilities": [0.0625, 0.625, 0.125, 0.1875],
            "candidates": [11, 12, 13, 14],
            "called": [called, "two", "three", "four"],
            **({"pictures": [png(4 * number + i) for i in range(4)]} if pictures else {}),
        }
        for number, (target, choice, received) in enumerate(pair)
    ]


def whole(path, seed=1, noise=0.5, rate=0.01):
    """A run with every evaluation of a game."""
    return write(
        path,
        noise=noise,
        rate=rate,
        rows=metrics(seed),
        testchannel=accuracies("testchannel", seed),
        testmessage=erased(seed),
        testinput=noisy_inputs(seed),
        testtopsim=similarity(),
        testlanguage=language(seed),
        examplegames=games(),
    )


class Page(html.parser.HTMLParser):
    """What a page holds: its elements with their attributes, its text, the numbers of its tables."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open[-1:]):
            self.text.append(data)

    def attributes(self, *names):
        return [attrs[name] for _, attrs in self.elements for name in names if attrs.get(name) is not None]

    @property
    def numbers(self):
        """The unrounded numbers behind cells."""
        return {float(attrs["value"]) for tag, attrs in self.elements if tag == "data"}

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())
