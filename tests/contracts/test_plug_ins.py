"""Every plug-in does the same in eager mode, in a graph, under XLA and on two replicas."""

import numpy as np
import pytest

from tests.contracts.discovery import FAMILIES, plug_ins, public_classes
from tests.contracts.environments import ENVIRONMENTS, eager, run
from tests.contracts.examples import EXAMPLES

FOUND = plug_ins()
COVERED = [key for key in EXAMPLES if key in FOUND]


def form(value):
    return f"{value.dtype} {list(value.shape)}"


@pytest.mark.parametrize("key", FOUND)
def test_plug_in_has_an_example(key):
    assert key in EXAMPLES, (
        f"{key} ({FOUND[key].__module__}) has no example arguments: add an entry {key!r} to EXAMPLES in"
        " tests/contracts/examples.py, made with the helper of its family, which says how to build and call it and"
        " which shapes it gives."
    )


@pytest.mark.parametrize("key", EXAMPLES)
def test_example_belongs_to_a_plug_in(key):
    assert key in FOUND, f"{key} is in EXAMPLES of tests/contracts/examples.py, but no such class exists: remove it."


@pytest.mark.parametrize("family", FAMILIES)
def test_plug_ins_of_every_family_are_found(family):
    assert len([cls for cls in FOUND.values() if issubclass(cls, family)]) >= 2


@pytest.mark.parametrize("key", sorted(public_classes().keys() - FOUND.keys()))
def test_base_has_subclasses(key):
    assert any(issubclass(cls, public_classes()[key]) for cls in FOUND.values())


@pytest.mark.parametrize("key", COVERED)
def test_example_makes_the_class_it_is_named_after(key):
    made = EXAMPLES[key].make()
    assert type(getattr(made, "optimizer", made)) is FOUND[key]


@pytest.mark.parametrize("key", COVERED)
def test_plug_in_gives_the_shapes_it_promises(key):
    outputs, _ = eager(key)
    assert {name: form(value) for name, value in outputs.items()} == EXAMPLES[key].gives


@pytest.mark.parametrize("key", COVERED)
def test_outputs_and_gradients_are_finite_and_every_gradient_moves(key):
    outputs, gradients = eager(key)
    for name, value in {**outputs, **gradients}.items():
        assert np.isfinite(value).all(), name
    assert {name for name, gradient in gradients.items() if not gradient.any()} == set()


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "eager"])
@pytest.mark.parametrize("key", COVERED)
def test_plug_in_does_the_same_everywhere(key, environment):
    outputs, gradients = eager(key)
    results = run(key, environment)
    assert len(results) == (2 if environment == "mirrored" else 1)
    for there_outputs, there_gradients in results:
        assert set(there_outputs) == set(outputs)
        assert {name: form(value) for name, value in there_outputs.items()} == EXAMPLES[key].gives
        for name, value in outputs.items():
            np.testing.assert_allclose(there_outputs[name], value, rtol=1e-6, atol=1e-5, err_msg=name)
        assert set(there_gradients) == set(gradients)
        for name, value in gradients.items():
            # Sums of thousands of large terms differ in their own last digits.
            limit = 1e-5 * max(1.0, np.abs(value).max())
            np.testing.assert_allclose(there_gradients[name], value, rtol=0, atol=limit, err_msg=f"gradient of {name}")
