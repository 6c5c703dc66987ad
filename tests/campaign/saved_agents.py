"""Saves the agents of an export as .keras files, or loads such files; `same_results.py` runs it as a process.

saved_agents.py save EXPORT FOLDER     writes speaker.keras, listener.keras, inputs.npz and outputs.npz into FOLDER
saved_agents.py load EXPORT FOLDER     writes loaded.npz there: what outputs.npz holds, computed from the stored files
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import tf_emcom


def main() -> None:
    does, export, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if does == "save":
        folder.mkdir(parents=True)
        features = json.loads((export / "metadata.json").read_text())["features"]
        inputs = np.random.default_rng(0).normal(size=(16, features)).astype(np.float32)
        np.savez(folder / "inputs.npz", inputs=inputs)
        made = saved = described(export, inputs)
        for name, agent in made.items():
            agent.save(folder / f"{name}.keras")
    else:
        with np.load(folder / "inputs.npz") as stored:
            inputs = stored["inputs"]
        saved = {name: keras.saving.load_model(folder / f"{name}.keras") for name in ("speaker", "listener")}
        made = described(export, inputs)
    ways = {"of .keras": outputs(saved, inputs), "of .h5": outputs(made, inputs)}
    found = {f"{name} {way}": value for way, values in ways.items() for name, value in values.items()}
    np.savez(folder / ("outputs.npz" if does == "save" else "loaded.npz"), **found)


def described(export: Path, inputs: np.ndarray) -> dict[str, keras.Model]:
    """The first agents of an export in the format keras, made from their descriptions and weights."""
    classes = {"speaker": tf_emcom.Speaker, "listener": tf_emcom.Listener}
    agents = {
        name: cls.from_config(json.loads((export / f"{name}.json").read_text())) for name, cls in classes.items()
    }
    # The first call builds them.
    outputs(agents, inputs)
    for name, agent in agents.items():
        agent.load_weights(export / f"{name}-0.weights.h5")
    return agents


def outputs(agents: dict[str, keras.Model], inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Messages, scores and all weights."""
    messages = np.asarray(agents["speaker"](inputs))
    found = {"messages": messages, "scores": np.asarray(agents["listener"]((messages, inputs)))}
    weights = [(name, i, value) for name, agent in agents.items() for i, value in enumerate(agent.get_weights())]
    return found | {f"{name} weight {i}": value for name, i, value in weights}


if __name__ == "__main__":
    main()
