"""Counting the operations of a traced function."""

import math

import tensorflow as tf

from tf_emcom.benchmarks.peak import operations_of_product

_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")


def operations_of_products(graph: tf.Graph) -> int:
    """The operations of all matrix products that a function's results need.

    A multiplication and an addition count as two. Everything else is left out: it is few operations, whatever time it
    takes. What is inside a loop counts once.

    Args:
      graph: of a `ConcreteFunction`, all shapes static.
    """
    return sum(_operations(product) for product in _needed(graph) if product.type in _PRODUCTS)


def _needed(graph: tf.Graph) -> list[tf.Operation]:
    """The operations that results or side effects depend on: what is dropped before running is no work."""
    left = [output.op for output in graph.outputs] + list(graph.control_outputs)
    seen: dict[str, tf.Operation] = {}
    while left:
        found = left.pop()
        if found.name not in seen:
            seen[found.name] = found
            left += [tensor.op for tensor in found.inputs] + list(found.control_inputs)
    return list(seen.values())


def _operations(product: tf.Operation) -> int:
    transposed = product.get_attr("transpose_a" if product.type == "MatMul" else "adj_x")
    inner = product.inputs[0].shape[-2 if transposed else -1]
    *batch, rows, columns = product.outputs[0].shape
    return math.prod(batch) * operations_of_product(rows, inner, columns)
