"""Agents whose every size comes from a golden file, loaded with its weights, and the way back to the file's names."""

import functools

import numpy as np
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc, NormMergePolicyValue
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker

Arrays = dict[str, np.ndarray]


def speaker_weights(speaker):
    """File name → variable."""
    head = speaker.head
    return {
        **_layer("to_state", speaker.to_state),
        **_layer("policy", head.policy),
        **_layer("value", head.value),
        **_layer("dueling_value", head.dueling.value),
        **_layer("dueling_advantage", head.dueling.advantage),
        "embedding": speaker.embedding.embeddings,
        **_core(speaker.core),
    }


def listener_weights(listener):
    """File name → variable. The files' embeddings have V rows, ours V + 1: see `value_for`."""
    return {
        "embedding": listener.embedding.embeddings,
        **_core(listener.core),
        **_layer("message_projection", listener.head.message_projection),
        **_layer("candidate_projection", listener.head.candidate_projection),
    }


def rl_head_weights(head):
    """File name → variable."""
    layers = {k: v for i, layer in enumerate(head.value.layers) for k, v in _layer(f"value/{i}", layer).items()}
    return {
        **_layer("message_encoder", head.message_projection),
        **_layer("candidate_encoder", head.candidate_projection),
        **layers,
    }


def make_speaker(arrays: Arrays, prefix: str = "speaker/") -> Speaker:
    """A speaker of the file's sizes, without weights yet."""
    symbols, embedding_size = arrays[prefix + "embedding"].shape
    units = arrays[prefix + "lstm/recurrent_kernel"].shape[0]
    return Speaker(
        vocab_size=symbols - 1,
        message_length=arrays["actions"].shape[-1],
        core_cls=functools.partial(LstmCore, units),
        embedding_size=embedding_size,
    )


def build_speaker(arrays: Arrays, prefix: str = "speaker/") -> Speaker:
    """A speaker of the file's sizes with its weights."""
    speaker = make_speaker(arrays, prefix)
    speaker.build((None, arrays[prefix + "to_state/kernel"].shape[0]))
    load(speaker_weights(speaker), arrays, prefix)
    return speaker


def make_listener(arrays: Arrays, prefix: str = "listener/") -> Listener:
    """A listener of the file's sizes, without weights yet."""
    vocab_size, embedding_size = arrays[prefix + "embedding"].shape
    units = arrays[prefix + "lstm/recurrent_kernel"].shape[0]
    size = arrays[prefix + "candidate_projection/kernel"].shape[1]
    return Listener(
        vocab_size=vocab_size,
        core_cls=functools.partial(LstmCore, units),
        # EaS's head, which made these files, has no activation.
        head_cls=functools.partial(Cpc, size, activation=None),
        embedding_size=embedding_size,
    )


def build_listener(arrays: Arrays, prefix: str = "listener/") -> Listener:
    """A listener of the file's sizes with its weights; its candidates are the file's batch."""
    listener = make_listener(arrays, prefix)
    listener.build(arrays["x"].shape[-2:])
    load(listener_weights(listener), arrays, prefix)
    return listener


def build_rl_head(arrays: Arrays) -> NormMergePolicyValue:
    """A reinforcement-learning head of the file's sizes with its weights."""
    hidden, size = arrays["head/message_encoder/kernel"].shape
    head = NormMergePolicyValue(size)
    head.build((None, hidden), arrays["x"].shape)
    load(rl_head_weights(head), arrays, "head/")
    return head


def load(weights, arrays: Arrays, prefix: str) -> None:
    """Puts the file's weights into the variables; every name under `prefix` must be used."""
    names = {k[len(prefix) :] for k in arrays if k.startswith(prefix)}
    assert names == set(weights), names ^ set(weights)
    for name, variable in weights.items():
        variable.assign(value_for(variable, arrays[prefix + name]))


def value_for(variable, array: np.ndarray) -> np.ndarray:
    """The file's array, with a row of zeros for UNK where the original listener had none."""
    missing = variable.shape[0] - array.shape[0]
    assert missing == 0 or (missing == 1 and array.ndim == 2)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])


def assert_matches(weights, values, arrays: Arrays, prefix: str, tolerance: float = 1e-5) -> None:
    """Every value (a gradient or a weight, in the order of `weights`) is the file's to the tolerance."""
    names = {k[len(prefix) :] for k in arrays if k.startswith(prefix)}
    assert names == set(weights), names ^ set(weights)
    for (name, variable), value in zip(weights.items(), values, strict=True):
        expected = value_for(variable, arrays[prefix + name])
        np.testing.assert_allclose(tf.convert_to_tensor(value), expected, atol=tolerance, rtol=0, err_msg=prefix + name)


def _layer(name, layer):
    return {f"{name}/kernel": layer.kernel, f"{name}/bias": layer.bias}


def _core(core):
    return {
        "lstm/kernel": core.cell.kernel,
        "lstm/recurrent_kernel": core.cell.recurrent_kernel,
        "lstm/bias": core.cell.bias,
    }
