import numpy as np
import pytest

from tests import naming
from tf_emcom.agents.transcriber import Transcriber

MANY = np.random.default_rng(0).integers(0, len(naming.NAMES), 2500)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 2500])
def test_every_message_is_written_down_whatever_fills_the_last_block(count, jit_compile):
    messages = Transcriber(naming.Speller(), jit_compile).messages(naming.INPUTS[MANY[:count]])
    np.testing.assert_array_equal(messages, naming.NAMES[MANY[:count]])


def test_rows_can_be_asked_for_in_any_order():
    messages = Transcriber(naming.Speller(), False).messages(naming.INPUTS, MANY)
    np.testing.assert_array_equal(messages, naming.NAMES[MANY])
