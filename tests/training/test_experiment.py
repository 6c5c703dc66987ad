"""Who compiles the steps of a run on a CPU in half precision."""

import json
import types

import pytest
import tensorflow as tf

from tests import commands
from tf_emcom import cli
from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training import experiment
from tf_emcom.training.experiment import settle_compiler

GIN = [str(commands.ROOT / "gin" / "lg_s_digits.gin")]
TINY = [*commands.TINY, "batch_size=8"]
HALF = 'precision="mixed_bfloat16"'


@pytest.mark.slow
def test_half_precision_tries_both_says_so_and_goes_on_as_it_began(tmp_path, capsys):
    run = tmp_path / "run"
    cli.run(GIN, [*TINY, HALF], str(run))
    said = capsys.readouterr().out
    measured = json.loads((run / "compiler.json").read_text())
    way = "compiled by XLA" if measured["xla"] < measured["graph"] else "in graph mode"
    assert "ms compiled by XLA and" in said and f"1 replica, {way}." in said

    # The other way, as if this had been another machine.
    other = {"graph": measured["xla"], "xla": measured["graph"]}
    (run / "compiler.json").write_text(json.dumps(other))
    for path in (run / "checkpoints").glob("*4*"):
        path.unlink()
    cli.run(GIN, [*TINY, HALF], str(run))
    said = capsys.readouterr().out
    way = "in graph mode" if way == "compiled by XLA" else "compiled by XLA"
    assert "Going on from step 2 of 4" in said and f"1 replica, {way}." in said
    assert json.loads((run / "compiler.json").read_text()) == other


@pytest.mark.parametrize("content", [b"", b"[]", b'{"graph": 1}', b'{"graph": "a", "xla": 1}', b"\xff"])
def test_damaged_measurements_are_told_in_a_sentence(tmp_path, content):
    (tmp_path / "compiler.json").write_bytes(content)
    open_choice = types.SimpleNamespace(may_choose_compiler=True)
    with pytest.raises(UserError, match="compiler.json is damaged"):
        settle_compiler(open_choice, None, RunFolder(str(tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "way"), [([], "in graph mode"), ([HALF, "OneDevice.jit_compile=True"], "compiled by XLA")]
)
def test_nothing_is_tried_in_full_precision_or_where_it_was_said(tmp_path, capsys, params, way):
    cli.run(GIN, [*TINY, *params], str(tmp_path / "run"))
    assert not (tmp_path / "run" / "compiler.json").exists()
    assert f"1 replica, {way}." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("weights", "enough", "may_choose", "suggested"),
    [(10**6, 0.0, True, True), (10**6 - 1, 0.0, True, False), (10**6, 1e9, True, False), (10**6, 0.0, False, False)],
    ids=["large agents", "small agents", "a processor that is not faster", "a device that is no processor"],
)
def test_bfloat16_is_suggested_for_large_agents_where_products_are_faster(
    capsys, monkeypatch, weights, enough, may_choose, suggested
):
    monkeypatch.setattr(experiment, "_MUCH_FASTER", enough)
    open_choice = types.SimpleNamespace(
        may_choose_compiler=False,
        distribution=types.SimpleNamespace(may_choose=may_choose),
        learner=types.SimpleNamespace(agents={"listener": [tf.TensorSpec([weights])]}),
    )
    settle_compiler(open_choice, None, None)
    assert ('precision="mixed_bfloat16"' in capsys.readouterr().out) == suggested
