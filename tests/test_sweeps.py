"""A sweep from the command to the report: each of its runs is the one that its number and seed give alone."""

import numpy as np
import pytest
import tensorflow as tf

from tests import commands, event_files
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.analysis import analyse
from tf_emcom.files import read_json_lines
from tf_emcom.tools.report.report import write_report

GIN = [str(commands.ROOT / "gin" / "nlg_digits.gin")]
TINY = [*commands.TINY, "batch_size=16", "Discrimination.distractors=3", "steps=20", "Log.every=10"]
ACTIONS = "@StopOnNan(), @Log(), @TensorBoard(), @Validation(), @EaseOfLearning(), @Checkpoint(), @Progress()"
TINY += ["Checkpoint.every=10", f"Train.actions=[{ACTIONS}]"]
TINY += ["Validation.every=10", "Validation.batches=2"]
NOISES, SEEDS = (0.2, 0.6), (5, 6)
RUNS = [(noise, seed) for noise in NOISES for seed in SEEDS]
VARIED = [{"noise": noise} for noise, _ in RUNS]
SWEEP = ["noise=@noise/Varied()", "noise/Varied.name='noise'", f"noise/Varied.values={list(NOISES)}"]
TEST = ["TestChannel.passes=1", "TestChannel.candidates=(16,)", "TestChannel.noises=(0.0, 0.5)"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "sweep"
    cli.run(GIN, [*TINY, *SWEEP, "seed=5", "seeds=2"], str(run))
    return run


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Row ↦ the folder of its run alone; of two rows that differ in noise and seed."""
    folder = tmp_path_factory.mktemp("alone")
    for row in (0, 3):
        noise, seed = RUNS[row]
        cli.run(GIN, [*TINY, f"noise={noise}", f"seed={seed}"], str(folder / str(row)))
    return {row: folder / str(row) for row in (0, 3)}


def lines(run, name):
    return read_json_lines(str(run / name), "")


def weights(run):
    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    names = [name for name in reader.get_variable_to_shape_map() if "/weights/" in name]
    return {name: reader.get_tensor(name) for name in names}


@pytest.mark.slow
def test_each_run_ends_with_the_weights_and_metrics_that_it_has_alone(sweep, alone):
    ours = weights(sweep)
    logged, validated = lines(sweep, "metrics.jsonl"), lines(sweep, "validation.jsonl")
    assert [row["step"] for row in logged] == [10, 20]
    assert all(row["varied"] == VARIED for row in (*logged, *validated))
    assert [row["accuracy"] for row in lines(sweep, "eval/ease_of_learning.jsonl")] == [r["accuracy"] for r in logged]
    for i, run in alone.items():
        theirs = weights(run)
        assert len(theirs) > 30 and theirs.keys() <= ours.keys()
        for name, value in theirs.items():
            np.testing.assert_allclose(ours[name][i], value, atol=1e-5, err_msg=name)
        for found, file in ((logged, "metrics.jsonl"), (validated, "validation.jsonl")):
            for ours_then, theirs_then in zip(found, lines(run, file), strict=True):
                measured = theirs_then.keys() - {"step", "games", "games_per_second"}
                assert measured == ours_then["by_seed"].keys()
                for name in measured:
                    assert ours_then["by_seed"][name][i] == pytest.approx(theirs_then[name], abs=1e-5), name


@pytest.mark.slow
def test_tests_have_the_rows_of_each_run_and_say_which_it_is(sweep, alone, capsys):
    cli.evaluate(str(sweep), ["testchannel", "testlanguage", "testtopsim", "examplegames", "testmessage"], TEST)
    said = capsys.readouterr().out
    assert "noise 0.2" in said and "noise 0.6" in said
    rows = lines(sweep, "eval/testchannel.jsonl")
    assert [(row["varied"]["noise"], row["training_seed"]) for row in rows[::2]] == RUNS
    for i, run in alone.items():
        cli.evaluate(str(run), ["testchannel"], TEST)
        own = [row for row in rows if row["speaker"] == i]
        assert [row["accuracy"] for row in own] == [row["accuracy"] for row in lines(run, "eval/testchannel.jsonl")]
    for name in ("testlanguage", "testtopsim"):
        found = lines(sweep, f"eval/{name}.jsonl")
        assert {row["speaker"]: row["varied"] for row in found} == dict(enumerate(VARIED))


@pytest.mark.slow
def test_curves_are_those_of_each_setting_too(sweep):
    scalars = event_files.scalars(sweep / "tensorboard")
    for tag, file in (("game/accuracy", "metrics.jsonl"), ("game/validation_accuracy", "validation.jsonl")):
        for row in lines(sweep, file):
            accuracies = row["by_seed"]["accuracy"]
            assert scalars[tag][row["step"]] == pytest.approx(np.mean(accuracies))
            for setting, own in (("noise 0.2", accuracies[:2]), ("noise 0.6", accuracies[2:])):
                assert scalars[f"{tag}, {setting}"][row["step"]] == pytest.approx(np.mean(own))


@pytest.mark.slow
def test_a_corpus_says_of_which_run_a_speaker_is(sweep, tmp_path, capsys):
    cli.evaluate(str(sweep), ["messages"], [f"Messages.out='{tmp_path / 'corpus'}'"])
    found = read_json_lines(analyse(str(tmp_path / "corpus")), "")
    own = {row["speaker"]: (row["varied"]["noise"], row["training_seed"]) for row in found if "speaker" in row}
    assert own == dict(enumerate(RUNS))
    said = capsys.readouterr().out
    for noise in NOISES:
        values = [row["value"] for row in found if row.get("varied") == {"noise": noise} and "listener" in row]
        (mean,) = (row["value"] for row in found if row.get("varied") == {"noise": noise} and "pairs" in row)
        assert len(values) == 2 and mean == pytest.approx(np.mean(values))
        assert f"accuracy {mean:.4f} ± " in said and f"of 2 pairs, noise {noise}" in said


@pytest.mark.slow
def test_an_export_tests_as_the_run_does(sweep):
    cli.evaluate(str(sweep), ["testchannel", "export"], TEST)
    exported = sweep / "export" / "saved_model"
    cli.evaluate(None, ["testchannel"], TEST, saved_model=str(exported))
    ours, theirs = lines(sweep, "eval/testchannel.jsonl"), lines(exported, "eval/testchannel.jsonl")
    assert len(theirs) == 8
    for name in ("varied", "training_seed", "accuracy"):
        assert [row[name] for row in theirs] == [row[name] for row in ours]


@pytest.mark.slow
def test_the_report_compares_the_settings(sweep, tmp_path):
    text = open(write_report([str(sweep)], str(tmp_path / "report.html"))).read()
    assert "sweep: noise 0.2" in text and "sweep: noise 0.6" in text


@pytest.mark.slow
def test_a_transfer_run_may_listen_to_a_speaker_of_a_sweep_but_varies_nothing(sweep, tmp_path):
    gin = [str(commands.ROOT / "gin" / "etl_digits.gin")]
    given = [*commands.TINY[1:2], "steps=2", f"checkpoint='{sweep}'", "speaker_index=3", "games=16"]
    cli.run(gin, given, str(tmp_path / "transfer"))
    assert lines(tmp_path / "transfer", "metrics.jsonl")[-1]["step"] == 2
    with pytest.raises(UserError, match="'noise' is Varied, but a transfer run trains one listener"):
        cli.run(gin, [*given, *SWEEP], str(tmp_path / "refused"))


@pytest.mark.slow
def test_one_seed_is_enough_for_a_sweep_and_one_pair_for_each_run(tmp_path):
    cli.run(GIN, [*TINY, *SWEEP, "steps=2"], str(tmp_path / "run"))
    (row,) = lines(tmp_path / "run", "metrics.jsonl")
    assert row["varied"] == [{"noise": noise} for noise in NOISES]
    with pytest.raises(UserError, match="n_speakers is 2, but where numbers are Varied"):
        cli.run(GIN, [*TINY, *SWEEP, "n_speakers=2"], str(tmp_path / "refused"))


@pytest.mark.slow
def test_another_number_is_refused_in_a_test(sweep):
    with pytest.raises(UserError) as raised:
        cli.evaluate(str(sweep), ["testchannel"], [*TEST, "noise/Varied.values=[0.2, 0.7]"])
    assert "\n" not in str(raised.value)
    with pytest.raises(UserError) as raised:
        cli.evaluate(str(sweep), ["testchannel"], [*TEST, "noise=0.5"])
    assert "\n" not in str(raised.value)
