"""Made-up utterances, with labels of every kind that a data set can have."""

import numpy as np

from tf_emcom.evaluation.corpora.manifest import ColumnType, Manifest
from tf_emcom.evaluation.corpora.recorder import Utterances

V, T = 7, 5


def utterances(count, seed=0, ends=False):
    """So many of them; where messages end, their end symbol is the last of the vocabulary."""
    rng = np.random.default_rng(seed)
    symbols = rng.integers(0, V - 1, (count, T), np.int32)
    length = rng.integers(0, T + 1, count, np.int32) if ends else np.full(count, T, np.int32)
    symbols[np.arange(T) >= length[:, np.newaxis]] = V - 1
    texts = [f"{'é' * (i % 4)}{i}.jpg" for i in range(count)]
    return Utterances(
        id=rng.permutation(count).astype(np.int32),
        speaker=np.zeros(count, np.int32),
        listener=np.ones(count, np.int32),
        symbols=symbols,
        length=length,
        log_probability=rng.normal(size=count).astype(np.float32),
        received=np.where(rng.random((count, T)) < 0.3, V, symbols).astype(np.int32),
        choice=rng.integers(0, count, count, np.int32),
        success=rng.integers(0, 2, count).astype(np.float32),
        labels={
            "label": rng.integers(-(2**62), 2**62, count),
            "hash": rng.integers(2**63, 2**64, count, np.uint64, endpoint=False),
            "attributes": rng.integers(0, 2, (count, 40), np.int32),
            "flags": rng.random((count, 3)) < 0.5,
            "bytes": rng.integers(0, 256, (count, 2), np.uint8),
            "halves": rng.normal(size=(count, 2)).astype(np.float16),
            "doubles": np.where(rng.random(count) < 0.2, np.nan, rng.normal(size=count)),
            "grid": rng.integers(0, 9, (count, 2, 3), np.int16),
            "image_id": np.array([text.encode("latin-1") for text in texts], object),
            "title": np.array(texts, object),
        },
    )


def manifest(said, formats=("parquet", "jsonl", "numpy"), pairs=((0, 1),), complete=True):
    """What describes them."""
    count = len(said.id)
    return Manifest(
        data="made up",
        split="test",
        examples=count // len(pairs),
        count=count,
        pairs=[list(pair) for pair in pairs],
        columns={name: ColumnType.of(name, values) for name, values in said.columns().items()},
        names={"attributes": [f"Flag_{i:02d}" for i in range(40)]},
        formats=list(formats),
        vocab_size=V,
        message_length=T,
        unknown=V,
        end_symbol=None,
        noise=0.25,
        candidates=4,
        seed=3,
        run="/runs/made-up",
        config="0" * 64,
        step=12,
        training_seeds=None,
        command="tf-emcom messages --workdir=/runs/made-up --split=test",
        complete=complete,
    )


def cut(said, rows):
    """Those of some rows."""
    labels = {name: values[rows] for name, values in said.labels.items()}
    own = {name: values[rows] for name, values in said._replace(labels={}).columns().items()}
    return said._replace(**own, labels=labels)
