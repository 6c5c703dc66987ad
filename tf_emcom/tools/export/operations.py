"""Check of a SavedModel's operations before it is loaded."""

import os
from collections.abc import Collection, Iterable, Iterator

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedObjectGraph

from tf_emcom import files
from tf_emcom.errors import UserError

# TensorFlow's families of operations that compute with tensors and do not use files, network or Python.
_FAMILIES = {
    f"tensorflow.python.ops.gen_{family}"
    for family in (
        *("array_ops", "bitwise_ops", "control_flow_ops", "functional_ops", "image_ops", "linalg_ops", "list_ops"),
        *("math_ops", "nn_ops", "random_ops", "resource_variable_ops", "special_math_ops", "spectral_ops"),
        *("stateless_random_ops", "stateless_random_ops_v2", "string_ops"),
    )
}
# Operations of other families that exports need.
_MORE = {"Assert", "DynamicPartition", "DynamicStitch"}
# Operations of those families that map a file, end the process, use another machine, or run a kernel by its name.
_LESS = {"Abort", "DebugGradientIdentity", "DebugGradientRefIdentity", "DebugIdentity", "ImmutableConst", "RemoteCall"}
# Operations of the functions that TensorFlow adds for checkpoints; no other function may call these.
_OF_SAVING = {"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename", "ShardedFilespec"}


def require_computation(folder: str) -> None:
    """UserError where an operation of a SavedModel, which is not loaded, does anything but compute with tensors.

    TensorFlow has operations that read and write files, and a SavedModel's functions may run them, some while it is
    loaded. UserError also where the SavedModel cannot be read.
    """
    fix = "export the run again, with tf-emcom export --workdir=RUN"
    if "saved_model.cpb" in files.names_in(folder):
        # TensorFlow would load that file instead, which tf-emcom export does not write.
        raise UserError(f"The SavedModel in {folder} has a saved_model.cpb, so it is not by tf-emcom export; {fix}.")
    path = os.path.join(folder, "saved_model.pb")
    model = SavedModel()
    try:
        model.ParseFromString(files.read_bytes(path, fix))
    except DecodeError as error:
        raise UserError(f"The SavedModel in {folder} is damaged ({files.reason(error)}); {fix}.") from error
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def"):
        raise UserError(f"The SavedModel in {folder} is damaged, or not written by tf-emcom export; {fix}.")
    graph = model.meta_graphs[0]
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    called = _called(functions, _roots(graph.object_graph_def))
    for function in functions.values():
        saves = function.signature.name not in called
        for node in function.node_def:
            _require(node.op, functions, saves, folder)
    for node in graph.graph_def.node:
        _require(node.op, functions, True, folder)


def _require(operation: str, functions: Collection[str], saves: bool, folder: str) -> None:
    """UserError unless it is a function, an operation that computes, or one of saving where that is allowed."""
    known = getattr(tf.raw_ops, operation, None)
    if known is None:
        allowed = operation in functions
    else:
        computes = getattr(known, "__module__", "") in _FAMILIES and operation not in _LESS
        allowed = computes or operation in _MORE or (saves and operation in _OF_SAVING)
    if not allowed:
        raise UserError(
            f"The SavedModel in {folder} has the operation {operation}, which may reach files, so it is not loaded;"
            " test the run that it comes from, with tf-emcom evaluate --workdir=RUN."
        )


def _roots(objects: SavedObjectGraph) -> set[str]:
    """Functions that users of these objects can call, or that run while the objects are loaded."""
    found = set(objects.concrete_functions)
    for node in objects.nodes:
        found.update(node.function.concrete_functions, [node.bare_concrete_function.concrete_function_name])
    return found


def _called(functions: dict[str, FunctionDef], roots: Iterable[str]) -> set[str]:
    """The roots, and all functions that they call."""
    found: set[str] = set()
    waiting = [name for name in roots if name in functions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for node in functions[name].node_def for other in _names(node) if other in functions]
    return found


def _names(node: NodeDef) -> Iterator[str]:
    """Names of functions that a node may call."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)
