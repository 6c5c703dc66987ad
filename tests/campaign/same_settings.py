"""The settings that `same_results.py` runs: a minute or two each, and together every kind of run that there is."""

from typing import NamedTuple

STEPS = 300
GAME_TESTS = ("testchannel", "testmessage", "testinput", "testtopsim", "testlanguage", "examplegames")
NAMING_TESTS = ("testnaming", "testtopsim", "testlanguage")
TRANSFER_TESTS = ("test",)
# What makes tests short: two numbers of candidates, one pass.
TEST_PARAMS = {
    "testchannel": ("TestChannel.candidates=(4, 16)", "TestChannel.passes=1"),
    "testmessage": ("TestMessage.candidates=(4, 16)", "TestMessage.passes=1"),
    "testinput": ("TestInput.candidates=(4, 16)", "TestInput.passes=1"),
    "testnaming": ("TestNaming.passes=1",),
    "test": ("Test.candidates=(4, 16)", "Test.passes=1"),
}

_CORPUS = ("--noise=0.25", "--candidates=16")
_RUN = ("Log.every=50", "Checkpoint.every=150")
_GRU = (
    *("Speaker.core_cls=@speaker/GruCore", "speaker/GruCore.units=32"),
    *("Listener.core_cls=@listener/GruCore", "listener/GruCore.units=32"),
    *("nlg/Game.listener_policy=@EpsilonGreedy()", "nlg/Game.channel=@Substitution()"),
)
_POPULATION = (
    *("n_speakers=3", "n_listeners=2", "pairs_per_step=2", "Train.changes=[@ImitationOfBest(), @ResetOfPair()]"),
    *("ImitationOfBest.students=2", "ResetOfPair.every=100"),
)
_END = ("Speaker.grammar=@EndSymbol()", "LengthCost.cost=0.01", "nlg/Game.reward=@LengthCost()")
_SOFT_END = (
    *("Speaker.articulation=@StraightThrough()", "Speaker.grammar=@EndSymbol()"),
    *("lg_gumbel/Game.channel=@Erasure()", "noise=0.5"),
)
# Schedules that do not follow `steps`, so that a run made longer is one that had all steps from the start.
_RATES = (f"CosineDecay.steps={STEPS}",)
_NOISE = (f"noise/LinearRamp.steps={STEPS}",)
# The trial that chooses between XLA and graph mode takes the faster one, which may be another one each time.
_BFLOAT16 = ('precision="mixed_bfloat16"', "OneDevice.jit_compile=False")
_CONTROL = ("TransferLearner.speaker_source=@ShuffledSpeaker()",)


class Setting(NamedTuple):
    """What is run.

    Attributes:
      files: names of gin files.
      params: bindings.
      tests: the evaluations after training; the first one is also that of the export.
      steps: of training.
      speaker: the setting whose run a transfer run listens to.
      corpus: the flags of bin/messages; where there are none, neither a corpus nor an export is written.
      saved: whether agents are saved as .keras files.
      whole: the setting with all steps, where this one stops half-way.
    """

    files: tuple[str, ...]
    params: tuple[str, ...] = ()
    tests: tuple[str, ...] = GAME_TESTS
    steps: int = STEPS
    speaker: str = ""
    corpus: tuple[str, ...] = ()
    saved: bool = False
    whole: str = ""

    def train_params(self, out: str) -> list[str]:
        """All bindings of training, with the results of other settings in the folder `out`."""
        speaker = [f'checkpoint="{out}/{self.speaker}/run"'] if self.speaker else []
        return [*_RUN, f"steps={self.steps}", *self.params, *speaker]

    def test_params(self) -> list[str]:
        """All bindings of the evaluations."""
        return [param for test in self.tests for param in TEST_PARAMS.get(test, ())]


def _transfer(task: str, *params: str, corpus: tuple[str, ...] = ()) -> Setting:
    files = ("etl_shapes", f"tasks/{task}")
    return Setting(files, params, TRANSFER_TESTS, speaker="nlg_shapes", corpus=corpus)


def _half(whole: str) -> Setting:
    return SETTINGS[whole]._replace(tests=(), steps=STEPS // 2, corpus=(), saved=False, whole=whole)


SETTINGS = {
    "nlg": Setting(("nlg_digits",), (*_RATES, *_NOISE), corpus=_CORPUS, saved=True),
    "lg_s": Setting(("lg_s_digits",)),
    "lg_rl": Setting(("lg_rl_digits",)),
    "nlg_gru": Setting(("nlg_digits",), _GRU, corpus=_CORPUS, saved=True),
    "nlg_end": Setting(("nlg_digits",), _END),
    "nlg_bfloat16": Setting(("nlg_digits",), _BFLOAT16),
    "population": Setting(("lg_s_digits", "populations/imitation"), (*_POPULATION, *_RATES), corpus=_CORPUS),
    "seeds": Setting(("nlg_digits",), ("seeds=2",)),
    "naming": Setting(("naming_digits",), tests=NAMING_TESTS, corpus=("--noise=0.25",)),
    "gumbel": Setting(("lg_gumbel_digits",), saved=True, corpus=_CORPUS),
    "gumbel_end": Setting(("lg_gumbel_digits",), _SOFT_END),
    "nlg_shapes": Setting(("nlg_shapes",)),
    "transfer_discriminationdist": _transfer("discriminationdist"),
    "transfer_discrimination": _transfer("discrimination", corpus=_CORPUS),
    "transfer_classification": _transfer("classification"),
    "transfer_attribute": _transfer("attribute", "noise=0.25"),
    "transfer_reconstruction": _transfer("reconstruction"),
    "transfer_control": _transfer("classification", *_CONTROL),
}
SETTINGS |= {f"{name}_half": _half(name) for name in ("nlg", "population", "transfer_classification")}
