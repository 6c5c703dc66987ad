import inspect

import pytest
import tensorflow as tf

from tf_emcom.tools.preflight.compiler import TpuCompiler
from tf_emcom.tools.preflight.findings import Refused, SourceLines
from tf_emcom.tools.preflight.hlo import Program
from tf_emcom.tools.preflight.traffic import Traffic

pytestmark = pytest.mark.tpu_compiler


def exported(function, *shapes):
    lines = SourceLines()

    def traced(*given):
        made = function(*given)
        lines.note(tf.compat.v1.get_default_graph())
        return made

    export = tf.function(traced, jit_compile=True, autograph=False).experimental_get_compiler_ir(
        *(tf.TensorSpec(shape) for shape in shapes)
    )
    return export(stage="hlo_serialized", platform_name="CPU"), lines


def spectrum(x):
    return tf.signal.fft(tf.cast(x, tf.complex128))  # in twice the precision that TPUs have


def test_what_only_the_tpu_compiler_refuses_is_reported_with_the_line_that_made_it():
    text, first = inspect.getsourcelines(spectrum)
    line = first + next(i for i, each in enumerate(text) if "twice" in each)
    with pytest.raises(Refused, match=f"tests/tools/preflight/test_compiler.py:{line}: .*FFT"):
        TpuCompiler("v5e:2x2").compile(*exported(spectrum, (8, 8)))


def test_a_loop_of_products_is_counted_as_often_as_it_runs():
    def powers(x, w):
        return tf.while_loop(lambda i, _: i < 10, lambda i, y: (i + 1, tf.tanh(y @ w)), (0, x))[1]

    made = TpuCompiler("v5e:2x2").compile(*exported(powers, (512, 512), (512, 512)))
    traffic = Traffic(Program(made.program))
    assert traffic.work.products == 10 * 2 * 512**3
    assert not traffic.unknown_loops
    # The compiler's own count has its body once.
    assert made.operations == pytest.approx(2 * 512**3, rel=0.03)
    # Between the rounds everything stays on the chip: two matrices in, one out, and a few scalars.
    assert traffic.moved == pytest.approx(3 * 4 * 512**2, rel=0.02)


def test_a_product_moves_its_matrices_once():
    made = TpuCompiler("v5e:2x2").compile(*exported(lambda x, w: x @ w, (256, 1024), (1024, 512)))
    traffic = Traffic(Program(made.program))
    assert traffic.work.products == 2 * 256 * 1024 * 512
    assert traffic.moved == 4 * (256 * 1024 + 1024 * 512 + 256 * 512)
    assert made.arguments == 4 * (256 * 1024 + 1024 * 512)
