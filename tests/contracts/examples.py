"""How to build and call every plug-in, and what it gives: the table behind the contract test.

A key is the name of the plug-in's class, e.g. "Erasure".
"""

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tests.games import plays
from tf_emcom.agents.grammar import AnySymbol, EndSymbol
from tf_emcom.agents.heads.listener import (
    Cpc,
    DistPolicyValue,
    DotProduct,
    MergePolicyValue,
    NormMergePolicyQValue,
    NormMergePolicyValue,
)
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp
from tf_emcom.agents.heads.speaker import (
    Dueling,
    Policy,
    PolicyMlpCritics,
    PolicyQValue,
    PolicyQValueDueling,
    PolicyValue,
)
from tf_emcom.agents.nets.attention import AttentionCore, LstmAttentionCore, PositionEmbedding, SelfAttention
from tf_emcom.agents.nets.layers import Identity, Linear, Mlp, SymbolEmbedding
from tf_emcom.agents.nets.recurrent import DiscreteLstm, GruCore, IdentityCore, LstmCore
from tf_emcom.agents.nets.transformer import Transformer, TransformerBlock, TransformerCore, TransformerReader
from tf_emcom.agents.sampling import Drawn, GumbelSoftmax, StraightThrough
from tf_emcom.games.channels import Clear, Erasure, FixedErasure, Substitution
from tf_emcom.games.losses import (
    ListenerAdvantageReinforce,
    ListenerClassification,
    ListenerContrastive,
    ListenerReinforce,
    ListenerReinforceWithoutBaseline,
    SpeakerPolicyGradient,
    SpeakerReinforce,
    SpeakerReinforceWithoutBaseline,
    SpeakerThroughListener,
)
from tf_emcom.games.policies import EpsilonGreedy, Greedy, Sampled
from tf_emcom.games.rewards import LengthCost, LogProbability, Success
from tf_emcom.games.tasks import Discrimination, DiscriminationDrawnPerGame, Naming
from tf_emcom.games.transfer_tasks import (
    Attribute,
    Classification,
    DiscriminationByDistance,
    DiscriminationByDotProduct,
    Reconstruction,
)
from tf_emcom.ops import categorical
from tf_emcom.schedules import Constant, CosineDecay, ExponentialDecay, Joined, LinearRamp, Varied
from tf_emcom.seeds import step_stream
from tf_emcom.training.optimizers import Adam, ClipByGlobalNorm, Lamb, RmsProp, Sgd, SkipAboveGlobalNorm
from tf_emcom.types import Batch, Candidates, Hearing, Message, Speech

B, T, V, F, H, E, C = 4, 3, 5, 6, 8, 7, 4
Arguments = dict[str, Any]
STEP = {"step": np.int64(3)}


class Example(NamedTuple):
    """How one plug-in is put through its paces.

    Attributes:
      make: builds it, with its variables, from nothing.
      call: plug-in and arguments ↦ named tensors.
      arguments: what `call` gets, as tensors.
      gives: name ↦ dtype and shape of everything that `call` returns, from the docstrings.
      learns: the arguments that gradients must reach, beside the plug-in's own variables.
    """

    make: Callable[[], Any]
    call: Callable[[Any, Arguments], dict[str, tf.Tensor]]
    arguments: Arguments
    gives: dict[str, str]
    learns: tuple[str, ...] = ()


def floats(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def symbols(seed, most=V):
    return np.random.default_rng(seed).integers(0, most, (B, T)).astype(np.int32)


def present(record):
    """The fields of a record that are there."""
    return {name: value for name, value in record._asdict().items() if value is not None}


def stream(step):
    return step_stream(5, step, tf.constant(0), B, B)


def schedule(make):
    return Example(make, lambda schedule, given: {"value": schedule(given["step"])}, STEP, {"value": "float32 []"})


def of_a_sweep(varied):
    varied.prepare()
    return varied


def channel(make):
    def call(channel, given):
        arrived = channel(Message(given["symbols"]), V, given["step"], stream(given["step"]))
        return {"symbols": arrived.symbols, "noise": channel.noise(given["step"])}

    gives = {"symbols": f"int32 [{B}, {T}]", "noise": "float32 []"}
    return Example(make, call, {"symbols": symbols(0), **STEP}, gives)


def sampler(make, *parts):
    def call(sampler, given):
        uniform = stream(given["step"]).uniform(*sampler.draws(V))
        symbols, relaxed = sampler(given["logits"], uniform, given["step"])
        said = {"symbols": symbols, "log_probs": categorical.log_prob(given["logits"], symbols)}
        return said if relaxed is None else {**said, "relaxed": relaxed}

    gives = {"symbols": f"int32 [{B}]", "log_probs": f"float32 [{B}]", "relaxed": f"float32 [{B}, {V}]"}
    gives = {name: form for name, form in gives.items() if name in ("symbols", "log_probs", *parts)}
    return Example(make, call, {"logits": floats(25, B, V), **STEP}, gives, ("logits",))


def grammar(make):
    def call(grammar, given):
        grammar = grammar.for_vocabulary(V)
        return {
            "logits": grammar.allowed(given["logits"], given["previous"]),
            "lengths": grammar.lengths(given["sent"]),
            "kept": grammar.mask_after_end(given["sent"], given["received"]),
        }

    arguments = {
        "logits": floats(25, B, V),
        "previous": np.array([V, V - 1, 0, V - 1], np.int32),
        "sent": symbols(26),
        "received": symbols(27, V + 1),
    }
    gives = {"logits": f"float32 [{B}, {V}]", "lengths": f"int32 [{B}]", "kept": f"int32 [{B}, {T}]"}
    return Example(make, call, arguments, gives, ("logits",))


def policy(make):
    def call(policy, given):
        return present(policy(given["scores"], given["step"], stream(given["step"])))

    gives = {"candidates": f"int32 [{B}]", "log_probs": f"float32 [{B}]", "entropy": f"float32 [{B}]"}
    return Example(make, call, {"scores": floats(1, B, C), **STEP}, gives, ("scores",))


def reward(make):
    def call(reward, given):
        candidates = Candidates(None, None, given["target"])
        speech = Speech(*[None] * 6, lengths=given["lengths"])
        return {"reward": reward(given["success"], speech, Hearing(given["scores"], None, None), candidates)}

    arguments = {
        "success": np.array([0, 1, 1, 0], np.float32),
        "lengths": np.array([T, 0, 1, 2], np.int32),
        "scores": floats(1, B, C),
        "target": np.arange(B, dtype=np.int32),
    }
    return Example(make, call, arguments, {"reward": f"float32 [{B}]"})


def task(make, told, gives):
    """`told` is the shape of what the listener gives."""

    def call(task, given):
        batch = Batch(given["inputs"], {name: given[name] for name in task.labels})
        candidates = task.candidates(batch, given["inputs"], stream(given["step"]))
        hearing = task.hear(Reader(given["told"], side=None), None, candidates)
        choice = Greedy()(hearing.scores, given["step"], stream(given["step"]))
        return {**present(candidates), **present(hearing), "success": task.success(choice, candidates)}

    arguments = {"inputs": floats(2, B, F), "told": floats(1, *told), "label": symbols(28, 3), **STEP}
    return Example(make, call, arguments, {**gives, "scores": f"float32 {list(told)}"}, ("told",))


def loss(make, play, arguments, learns, terms):
    def call(loss, given):
        result = loss(play(given), given["step"])
        return {"loss": result.loss, **result.terms}

    return Example(make, call, {**arguments, **STEP}, {name: f"float32 [{B}]" for name in ("loss", *terms)}, learns)


def speaker_loss(make, learns, terms):
    def play(given):
        names = ("symbols", "log_probs", "entropy", "logits", "value", "q_values", "relaxed")
        speech = plays.speech(*(given[name] for name in names))
        return plays.speaker_play(speech, given["target_logits"], given["reward"])

    arguments = {
        "symbols": symbols(3),
        "log_probs": -np.abs(floats(4, B, T)),
        "entropy": np.abs(floats(5, B, T)),
        "logits": floats(6, B, T, V),
        "value": floats(7, B, T),
        "q_values": floats(8, B, T, V),
        "relaxed": floats(29, B, T, V),
        "target_logits": floats(9, B, T, V),
        "reward": floats(10, B),
    }
    return loss(make, play, arguments, learns, [f"speaker_{term}" for term in terms.split()])


def listener_loss(make, learns, terms):
    def play(given):
        choice = given["choice"], given["log_probs"], given["entropy"]
        return plays.listener_play(
            *(given["scores"], given["target"], given["value"], given["q_values"], choice),
            *(given["reward"], given["success"]),
        )

    arguments = {
        "scores": floats(11, B, C),
        "target": np.arange(B, dtype=np.int32),
        "value": floats(12, B),
        "q_values": floats(13, B, C),
        "choice": np.array([0, 3, 2, 1], np.int32),
        "log_probs": -np.abs(floats(14, B)),
        "entropy": np.abs(floats(15, B)),
        "reward": floats(16, B),
        "success": np.array([1, 0, 1, 0], np.float32),
    }
    return loss(make, play, arguments, learns, [f"listener_{term}" for term in terms.split()])


def built(layer, *shapes):
    layer.build(*shapes)
    return layer


def speaker_head(cls, *critics):
    def call(head, given):
        return {"logits": head.policy_logits(given["outputs"]), **present(head.values(given["outputs"]))}

    gives = {
        "logits": f"float32 [{B}, {T}, {V}]",
        "value": f"float32 [{B}, {T}]",
        "q_values": f"float32 [{B}, {T}, {V}]",
    }
    gives = {name: form for name, form in gives.items() if name in ("logits", *critics)}
    return Example(lambda: built(cls(V), (None, H)), call, {"outputs": floats(17, B, T, H)}, gives, ("outputs",))


def listener_head(cls, *critics):
    def call(head, given):
        scores = head.scores(given["representation"], given["candidates"])
        return {"scores": scores, **present(head.values(scores))}

    gives = {"scores": f"float32 [{B}, {C}]", "value": f"float32 [{B}]", "q_values": f"float32 [{B}, {C}]"}
    gives = {name: form for name, form in gives.items() if name in ("scores", *critics)}
    arguments = {"representation": floats(18, B, H), "candidates": floats(19, C, F)}
    return Example(lambda: built(cls(E), (None, H), (C, F)), call, arguments, gives, tuple(arguments))


def prediction_head(make, gives):
    def call(head, given):
        return {"predictions": head.predictions(given["representation"])}

    arguments = {"representation": floats(18, B, H)}
    return Example(lambda: built(make(), (None, H), None), call, arguments, {"predictions": gives}, tuple(arguments))


class Reader:
    """A listener that gives what it is told to give."""

    def __init__(self, told, side):
        self.told, self.head = told, types.SimpleNamespace(side=side)

    def predictions(self, message):
        return self.told

    def scores(self, message, candidates):
        return self.told

    def hear(self, message, candidates):
        return Hearing(self.told, None, None)


def transfer_task(make, told, metrics):
    """`told` is the shape of what the listener gives."""

    def call(task, given):
        batch = Batch(given["inputs"], {name: given[name] for name in task.labels})
        reader = Reader(given["told"], side=told[1])
        terms = task.lesson(reader, None, batch, given["inputs"], stream(given["step"]))
        return {"loss": terms.loss, **terms.terms}

    arguments = {
        "told": floats(18, *told),
        "inputs": floats(19, B, F),
        "label": np.array([0, 5, 2, 2], np.int32),
        "attributes": np.array([[0, 1], [1, 1], [0, 0], [1, 0]], np.int32),
        "image": np.random.default_rng(20).integers(0, 256, (B, 10, 12, 3)).astype(np.uint8),
        **STEP,
    }
    gives = {name: f"float32 [{B}]" for name in ("loss", *metrics.split())}
    return Example(make, call, arguments, gives, ("told",))


def layer(make, inputs, gives):
    learns = ("inputs",) if inputs.dtype == np.float32 else ()
    return Example(make, lambda layer, given: {"outputs": layer(given["inputs"])}, {"inputs": inputs}, gives, learns)


def core(make, units=H):
    def call(core, given):
        return {"outputs": core.read(given["embedded"])}

    gives = {"outputs": f"float32 [{B}, {units}]"}
    return Example(lambda: built(make(), (None, E)), call, {"embedded": floats(20, B, T, E)}, gives, ("embedded",))


class Trained:
    """Two variables and the optimiser that moves them."""

    def __init__(self, optimizer_cls):
        self.places = [keras.Variable(floats(21, 3)), keras.Variable(floats(22, 2, 2))]
        self.optimizer = optimizer_cls(self.places)


def optimizer(optimizer_cls):
    """Three updates down a quadratic whose lowest place is given."""

    def call(trained, given):
        for step in range(3):
            gradients = [2.0 * (v.value - given["lowest"]) for v in trained.places]
            trained.optimizer.apply(gradients, given["step"] + step)
        return {f"place {i}": tf.identity(v.value) for i, v in enumerate(trained.places)}

    gives = {"place 0": "float32 [3]", "place 1": "float32 [2, 2]"}
    return Example(lambda: Trained(optimizer_cls), call, {"lowest": np.float32(0.3), **STEP}, gives)


SPEAKER_TERMS = "loss policy_loss value_loss entropy_loss entropy value"
ENTROPIES = "entropy entropy_success entropy_failure"
LISTENER_TERMS = f"loss policy_loss value_loss entropy_loss value {ENTROPIES}"
IN_BATCH = {"inputs": f"float32 [{B}, {F}]", "target": f"int32 [{B}]", "success": f"float32 [{B}]"}

EXAMPLES = {
    "Constant": schedule(lambda: Constant(0.3)),
    "CosineDecay": schedule(lambda: CosineDecay(1.0, 10, end=0.1)),
    "ExponentialDecay": schedule(lambda: ExponentialDecay(1.0, 0.5, 2)),
    "Joined": schedule(lambda: Joined([LinearRamp(0.0, 1.0, 2), 0.5], [2])),
    "LinearRamp": schedule(lambda: LinearRamp(0.0, 1.0, 10, fraction=0.4)),
    "Varied": schedule(lambda: of_a_sweep(Varied("noise", [0.25, 0.5]))),
    "Drawn": sampler(Drawn),
    "GumbelSoftmax": sampler(lambda: GumbelSoftmax(LinearRamp(2.0, 1.0, 6)), "relaxed"),
    "StraightThrough": sampler(lambda: StraightThrough(LinearRamp(2.0, 1.0, 6)), "relaxed"),
    "AnySymbol": grammar(AnySymbol),
    "EndSymbol": grammar(EndSymbol),
    "Clear": channel(Clear),
    "Erasure": channel(lambda: Erasure(LinearRamp(0.0, 1.0, 6))),
    "FixedErasure": channel(lambda: FixedErasure([0, 2])),
    "Substitution": channel(lambda: Substitution(0.5)),
    "EpsilonGreedy": policy(lambda: EpsilonGreedy(LinearRamp(0.4, 0.1, 6), LinearRamp(2.0, 1.0, 6))),
    "Greedy": policy(Greedy),
    "Sampled": policy(lambda: Sampled(LinearRamp(2.0, 1.0, 6))),
    "LengthCost": reward(lambda: LengthCost(Success(1.0, -1.0), 0.1)),
    "LogProbability": reward(LogProbability),
    "Success": reward(lambda: Success(1.0, -1.0)),
    "Discrimination": task(lambda: Discrimination(2), (B, 3), {**IN_BATCH, "shown": f"int32 [{B}, 3]"}),
    "DiscriminationDrawnPerGame": task(
        lambda: DiscriminationDrawnPerGame(2), (B, 3), {**IN_BATCH, "shown": f"int32 [{B}, 3]"}
    ),
    "Naming": task(
        lambda: Naming(5), (B, T, 5), {"target": f"int32 [{B}, {T}]", "success": f"float32 [{B}]"}
    ),
    "SpeakerReinforce": speaker_loss(
        SpeakerReinforce, ("log_probs", "entropy", "logits", "value"), SPEAKER_TERMS + " kl_loss"
    ),
    "SpeakerPolicyGradient": speaker_loss(
        SpeakerPolicyGradient,
        ("log_probs", "entropy", "value", "q_values"),
        SPEAKER_TERMS + " action_value_loss q_value",
    ),
    "SpeakerReinforceWithoutBaseline": speaker_loss(
        lambda: SpeakerReinforceWithoutBaseline(0.1, 0.5),
        ("log_probs", "entropy", "logits"),
        "loss policy_loss entropy_loss kl_loss entropy",
    ),
    "SpeakerThroughListener": speaker_loss(
        lambda: SpeakerThroughListener(kl_coefficient=0.5), ("entropy", "logits"), "loss entropy_loss kl_loss entropy"
    ),
    "ListenerClassification": loss(
        ListenerClassification,
        lambda given: plays.listener_play(given["scores"], given["target"]),
        {"scores": floats(30, B, T, 7), "target": symbols(31, 7)},
        ("scores",),
        ["listener_loss", "listener_top5"],
    ),
    "ListenerContrastive": listener_loss(ListenerContrastive, ("scores",), "loss"),
    "ListenerReinforce": listener_loss(ListenerReinforce, ("log_probs", "entropy", "value"), LISTENER_TERMS),
    "ListenerReinforceWithoutBaseline": listener_loss(
        ListenerReinforceWithoutBaseline, ("log_probs", "entropy"), f"loss policy_loss entropy_loss {ENTROPIES}"
    ),
    "ListenerAdvantageReinforce": listener_loss(
        ListenerAdvantageReinforce,
        ("log_probs", "entropy", "value", "q_values"),
        LISTENER_TERMS + " action_value_loss q_value",
    ),
    "Dueling": Example(
        lambda: built(Dueling(V), (None, H)),
        lambda net, given: present(net(given["outputs"])),
        {"outputs": floats(17, B, T, H)},
        {"value": f"float32 [{B}, {T}]", "q_values": f"float32 [{B}, {T}, {V}]"},
        ("outputs",),
    ),
    "Policy": speaker_head(Policy),
    "PolicyValue": speaker_head(PolicyValue, "value"),
    "PolicyQValue": speaker_head(PolicyQValue, "value", "q_values"),
    "PolicyQValueDueling": speaker_head(PolicyQValueDueling, "value", "q_values"),
    "PolicyMlpCritics": speaker_head(PolicyMlpCritics, "value", "q_values"),
    "Cpc": listener_head(Cpc),
    "DistPolicyValue": listener_head(DistPolicyValue, "value"),
    "MergePolicyValue": listener_head(MergePolicyValue, "value"),
    "NormMergePolicyValue": listener_head(NormMergePolicyValue, "value"),
    "NormMergePolicyQValue": listener_head(NormMergePolicyQValue, "value", "q_values"),
    "DotProduct": listener_head(DotProduct),
    "MultiMlp": prediction_head(lambda: MultiMlp(2, 3, E), f"float32 [{B}, 2, 3]"),
    "ImageDecoder": prediction_head(lambda: ImageDecoder(4, (3, 2)), f"float32 [{B}, 16, 16, 3]"),
    "Attribute": transfer_task(lambda: Attribute(2), (B, 2, 2), "accuracy"),
    "Classification": transfer_task(lambda: Classification(6), (B, 1, 6), "accuracy top5"),
    "DiscriminationByDistance": transfer_task(DiscriminationByDistance, (B, B), "accuracy"),
    "DiscriminationByDotProduct": transfer_task(DiscriminationByDotProduct, (B, B), "accuracy"),
    "Reconstruction": transfer_task(Reconstruction, (B, 16, 16, 3), "squared_error"),
    "Identity": layer(Identity, floats(23, B, F), {"outputs": f"float32 [{B}, {F}]"}),
    "Linear": layer(lambda: built(Linear(H), (None, F)), floats(23, B, F), {"outputs": f"float32 [{B}, {H}]"}),
    "Mlp": layer(lambda: built(Mlp((H, E)), (None, F)), floats(23, B, F), {"outputs": f"float32 [{B}, {E}]"}),
    "SymbolEmbedding": layer(
        lambda: built(SymbolEmbedding(V + 1, E)), symbols(24, V + 1), {"outputs": f"float32 [{B}, {T}, {E}]"}
    ),
    "DiscreteLstm": layer(
        lambda: built(DiscreteLstm(V + 1, E, H)), symbols(24, V + 1), {"outputs": f"float32 [{B}, {T}, {H}]"}
    ),
    "PositionEmbedding": Example(
        lambda: built(PositionEmbedding(T, E)),
        lambda net, _: {"vectors": net.at(0, T)},
        {},
        {"vectors": f"float32 [{T}, {E}]"},
    ),
    "SelfAttention": layer(
        lambda: built(SelfAttention(H, 2), (None, E)), floats(20, B, T, E), {"outputs": f"float32 [{B}, {T}, {H}]"}
    ),
    "TransformerBlock": layer(
        lambda: built(TransformerBlock(H, 2), (None, H)), floats(17, B, T, H), {"outputs": f"float32 [{B}, {T}, {H}]"}
    ),
    "Transformer": Example(
        lambda: built(Transformer(H, 2, 2, T), (None, E)),
        lambda net, given: {"outputs": net.extend(net.tokens(given["embedded"], 0), ())[0]},
        {"embedded": floats(20, B, T, E)},
        {"outputs": f"float32 [{B}, {T}, {H}]"},
        ("embedded",),
    ),
    "LstmCore": core(lambda: LstmCore(H)),
    "GruCore": core(lambda: GruCore(H)),
    "IdentityCore": core(IdentityCore, E),
    "AttentionCore": core(lambda: AttentionCore(H, 2, longest=T)),
    "LstmAttentionCore": core(lambda: LstmAttentionCore(H)),
    "TransformerCore": core(lambda: TransformerCore(H, 2, longest=T)),
    "TransformerReader": core(lambda: TransformerReader(H, 2, longest=T)),
    "Adam": optimizer(lambda v: Adam(v, LinearRamp(0.1, 0.2, 4), weight_decay=0.1)),
    "ClipByGlobalNorm": optimizer(lambda v: ClipByGlobalNorm(v, 0.5, lambda v: Adam(v, 0.1))),
    "SkipAboveGlobalNorm": optimizer(lambda v: SkipAboveGlobalNorm(v, 100.0, lambda v: Adam(v, 0.1))),
    "Sgd": optimizer(lambda v: Sgd(v, 0.1, momentum=0.5)),
    "RmsProp": optimizer(lambda v: RmsProp(v, 0.1, momentum=0.5)),
    "Lamb": optimizer(lambda v: Lamb(v, 0.1, weight_decay=0.1)),
}
