"""Emergent communication in TensorFlow: speakers, listeners, noisy channels and their compiled training.

Every public class can be imported from here by its name, as in `from tf_emcom import Speaker`.
"""

import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# The agents are TensorFlow's, whatever keras.json and the environment say; Keras reads that once, when it is imported.
os.environ["KERAS_BACKEND"] = "tensorflow"
if (_backend := getattr(sys.modules.get("keras"), "config", None)) and _backend.backend() != "tensorflow":
    raise ImportError(
        f"tf_emcom needs Keras with TensorFlow, but Keras was imported with {_backend.backend()}; import tf_emcom"
        " first, or set the environment variable KERAS_BACKEND to tensorflow."
    )

__version__ = "0.1.0"

# Module → the names that it offers; each is imported once it is asked for, so that importing the package costs nothing.
_OFFERED = {
    "types": "Batch Candidates Choice Hearing LossTerms Message Outcome Play Speech",
    "errors": "UserError",
    "checks": "Checked",
    "seeds": "Stream",
    "schedules": "Constant CosineDecay ExponentialDecay Joined LinearRamp Schedule Varied",
    "agents.speaker": "Speaker",
    "agents.listener": "Listener",
    "agents.rows": "Rows",
    "agents.transcriber": "Transcriber",
    "agents.sampling": "Sampler Drawn GumbelSoftmax StraightThrough",
    "agents.grammar": "AnySymbol EndSymbol Grammar",
    "agents.nets.layers": "Identity Linear Mlp Part SymbolEmbedding",
    "agents.nets.recurrent": "Core DiscreteLstm GruCore IdentityCore LstmCore",
    "agents.nets.attention": "AttentionCore LstmAttentionCore MessageReader PositionEmbedding SelfAttention",
    "agents.nets.transformer": "Transformer TransformerBlock TransformerCore TransformerReader",
    "agents.heads.speaker": "Dueling Policy PolicyMlpCritics PolicyQValue PolicyQValueDueling PolicyValue SpeakerHead",
    "agents.heads.listener": (
        "Cpc DistPolicyValue DotProduct ListenerHead MergePolicyValue NormMergePolicyQValue "
        "NormMergePolicyValue"
    ),
    "agents.heads.prediction": "ImageDecoder MultiMlp PredictionHead",
    "games.lewis": "Game Rules",
    "games.transfer": "TransferGame",
    "games.channels": "Channel Clear Erasure FixedErasure NoisyChannel SteadyChannel Substitution",
    "games.answers": "Answer Answering ChosenInput NamedClasses",
    "games.tasks": "Discrimination DiscriminationDrawnPerGame Naming Task",
    "games.transfer_tasks": (
        "Attribute CandidateTask Classification DiscriminationByDistance DiscriminationByDotProduct LabelTask "
        "Reconstruction TransferTask"
    ),
    "games.policies": "EpsilonGreedy Greedy ListenerPolicy Sampled",
    "games.rewards": "LengthCost LogProbability Reward Success",
    "games.losses": (
        "ListenerAdvantageReinforce ListenerClassification ListenerContrastive ListenerReinforce "
        "ListenerReinforceWithoutBaseline Loss SpeakerPolicyGradient SpeakerReinforce SpeakerReinforceWithoutBaseline "
        "SpeakerThroughListener"
    ),
    "data.source": "Examples Source",
    "data.generated": "Digits RandomFeatures",
    "data.shapes": "Scenes Shapes ShapesPixels",
    "data.byol_folder": "ByolFolder",
    "data.pipeline": "Order Pipeline",
    "data.feeds": "Feed HostFeed ResidentFeed",
    "runtime.strategies": "Distribution Mirrored MultiWorker OneDevice Tpu",
    "runtime.checkpoints": "Checkpoints",
    "runtime.run_folder": "RunFolder",
    "training.trainee": "Agents Trainee Turn",
    "training.learner": "Learner",
    "training.transfer_learner": "TransferLearner",
    "training.trained_speaker": "ShuffledSpeaker TrainedSpeaker",
    "training.optimizers": "Adam ClipByGlobalNorm Lamb Optimizer RmsProp Sgd SkipAboveGlobalNorm",
    "training.trainer": "Trainer",
    "training.experiment": "Experiment",
    "training.mode": "Evaluation Mode",
    "training.train": "Train",
    "training.populations.population": "Crowd Population",
    "training.populations.members": "Members RunningSuccess",
    "training.populations.independent_pairs": "IndependentPairs",
    "training.populations.imitator": "Imitator",
    "training.actions.action": "Action AgentAction",
    "training.actions.checkpoint": "Checkpoint",
    "training.actions.ease_of_learning": "EaseOfLearning",
    "training.actions.imitation": "Imitation ImitationOfBest ImitationOfRandom ImitationOfWorst SelfImitation",
    "training.actions.logs": "Log Progress StopOnNan",
    "training.actions.reset": (
        "Reset ResetOfListener ResetOfListenerOptimizer ResetOfOptimizers ResetOfPair ResetOfSpeaker "
        "ResetOfSpeakerOptimizer"
    ),
    "training.actions.showcase": "Showcase",
    "training.actions.tensor_board": "TensorBoard",
    "training.actions.validation": "Examiner Validation",
    "evaluation.evaluator": "Condition Evaluator",
    "evaluation.player": "GreedyPlayer",
    "evaluation.results": "evaluate",
    "evaluation.transfer_evaluator": "TransferEvaluator",
    "evaluation.tests.accuracy_test": "AccuracyTest TestChannel TestInput",
    "evaluation.tests.held_out": "ChannelTest HeldOutTest",
    "evaluation.tests.test": "Test",
    "evaluation.tests.test_language": "TestLanguage TestTopsim",
    "evaluation.tests.test_message": "TestMessage",
    "evaluation.tests.test_naming": "TestNaming",
    "evaluation.metrics.measures": (
        "MessageEntropy MessageMeasure Sample SampleMean SymbolUse UniqueMessageShare "
        "UniqueMessages"
    ),
    "evaluation.metrics.attributes": (
        "AttributeMeasure BagOfSymbolsDisentanglement ContextIndependence PositionalDisentanglement"
    ),
    "evaluation.metrics.distances": "CosineDistance EuclideanDistance HammingDistance PairwiseDistance",
    "evaluation.metrics.edit_distances": "EditDistance EditDistanceBetweenSpeakers MeanEditDistance",
    "evaluation.metrics.similarity": "TopographicSimilarity",
    "evaluation.metrics.success": "SuccessRate Wins",
    "evaluation.corpora.corpus": "Corpus",
    "evaluation.corpora.formats": "CorpusFormat Jsonl Numpy Parquet",
    "evaluation.corpora.language": "Language TopographicSimilarities",
    "evaluation.corpora.recorder": "Recorder Utterances",
    "tools.export.agents": "ExportedAgents",
    "tools.export.export": "Export",
    "tools.export.example_games": "ExampleGames",
    "tools.export.messages": "Messages",
    "tools.export.folder": "ExportFolder",
    "tools.export.formats": "Format Keras SavedModel",
    "tools.prepare.encoders": "ImageEncoder",
    "tools.report.report": "Section",
    "tools.reproduce.claims": "Claim Statement",
    "tools.reproduce.correlations": "Correlation Quantity",
    "tools.reproduce.grid": "Reproduction",
    "tools.reproduce.published": "Published",
}
_MODULE_OF = {name: f"{__name__}.{module}" for module, names in _OFFERED.items() for name in names.split()}
__all__ = sorted(_MODULE_OF)

_REGISTRY = "keras.src.saving.object_registration"


def __getattr__(name: str) -> Any:
    """The class called `name`; an attribute error where there is none."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    """What a user may use."""
    return ["__version__", *__all__]


class _Registered(dict):
    """Keras' table of classes that files can name, which imports one of ours once a file names it."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a class of that name, such as `tf_emcom>Speaker`."""
        package, _, cls = str(name).partition(">")
        if package == __name__ and not super().__contains__(name) and cls in _MODULE_OF:
            importlib.import_module(_MODULE_OF[cls])  # It registers itself.
        return super().__contains__(name)


class _Watch:
    """Waits for Keras to be imported, so that importing this package imports nothing of it."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """None for all modules but one, which is found as usual, and changed once it has run."""
        if name != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec: Any = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_change(module: ModuleType) -> None:
            run(module)
            _register_lazily(module)

        spec.loader.exec_module = run_and_change
        return spec


def _register_lazily(registry: Any) -> None:
    registry.GLOBAL_CUSTOM_OBJECTS = _Registered(registry.GLOBAL_CUSTOM_OBJECTS)


if _REGISTRY in sys.modules:
    _register_lazily(sys.modules[_REGISTRY])
else:
    sys.meta_path.insert(0, _Watch())
