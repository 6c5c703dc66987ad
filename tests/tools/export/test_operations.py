"""The operations of a SavedModel are checked before it is loaded."""

import functools
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tests import lewis
from tests.tools.export import trainees
from tf_emcom.agents.grammar import EndSymbol
from tf_emcom.agents.heads.listener import Cpc
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp
from tf_emcom.errors import UserError
from tf_emcom.games.transfer_tasks import Classification, DiscriminationByDistance, Reconstruction
from tf_emcom.tools.export.agents import ExportedAgents
from tf_emcom.tools.export.operations import require_computation

TASKS = {
    "choosing": lambda: trainees.of_task(DiscriminationByDistance(functools.partial(Cpc, 6)), EndSymbol()),
    "naming": lambda: trainees.of_task(Classification(5, functools.partial(MultiMlp, size=6))),
    "drawing": lambda: trainees.of_task(Reconstruction(functools.partial(ImageDecoder, 4, (3,)))),
    "a population": lambda: lewis.make_population(lewis.lg_s, 8, 3, 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_exports_of_every_kind_only_compute(name, tmp_path):
    require_computation(str(trainees.saved(TASKS[name](), tmp_path / "saved")))


def write_file(path):
    return tf.io.write_file(path, "written")


def read_file(path):
    return tf.io.read_file(path)


def called_from_elsewhere(path):
    """Written by a function that a loop calls."""
    inner = tf.function(lambda i: (tf.io.write_file(path, "written"), i + 1)[1], autograph=False)
    return tf.while_loop(lambda i: i < 2, lambda i: (inner(i),), [tf.constant(0)])


OPERATIONS = {
    "WriteFile": write_file,
    "ReadFile": read_file,
    "MatchingFiles": lambda path: tf.io.matching_files(path),
    "EagerPyFunc": lambda path: tf.py_function(lambda: open(path, "w").close(), [], []),
    "PyFunc": lambda path: tf.numpy_function(lambda: open(path, "w").close(), [], []),
    "PrintV2": lambda path: tf.print("written", output_stream=f"file://{path}"),
    "SaveV2": lambda path: tf.raw_ops.SaveV2(prefix=path, tensor_names=["a"], shape_and_slices=[""], tensors=[1.0]),
    "RestoreV2": lambda path: tf.raw_ops.RestoreV2(
        prefix=path, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
    ),
    "ImmutableConst": lambda path: tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=[1], memory_region_name=path),
    "HashTableV2 from a file": lambda path: tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64),
        filename=path,
        key_index=-2,
        value_index=-1,
    ),
    "TFRecordDataset": lambda path: tf.raw_ops.TFRecordDataset(filenames=path, compression_type="", buffer_size=0),
    "DebugIdentity": lambda path: tf.raw_ops.DebugIdentity(input=1.0, debug_urls=[f"file://{path}"]),
    "WriteFile in a loop": called_from_elsewhere,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_model_that_reaches_files_is_not_loaded(name, tmp_path):
    """Its function `metadata`, which is called while the export is loaded, also runs the operation."""
    module, target = tf.Module(), tmp_path / "file"
    text = json.dumps({"features": 3, "speakers": 1, "listeners": 1, "independent": False, "seeds": [0]})

    @tf.function(input_signature=[], autograph=False)
    def metadata():
        done = OPERATIONS[name](str(target))
        with tf.control_dependencies([done] if isinstance(done, tf.Operation) else []):
            return {"json": tf.constant(text)}

    module.metadata = metadata
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"metadata": metadata})
    operation = name.split()[0]
    with pytest.raises(UserError, match=f"has the operation {operation}, which may reach files, so it is not loaded"):
        ExportedAgents(lewis.lg_s(), features=3, batch_size=1, saved_model=str(tmp_path / "saved"))
    assert not target.exists()


def test_a_function_with_the_name_of_an_operation_does_not_hide_it(tmp_path):
    path = trainees.saved(TASKS["naming"](), tmp_path / "saved") / "saved_model.pb"
    model = SavedModel()
    model.ParseFromString(path.read_bytes())
    library = model.meta_graphs[0].graph_def.library.function
    library[0].node_def.add(name="hidden", op="WriteFile")
    added = library.add()
    added.CopyFrom(library[1])
    added.signature.name = "WriteFile"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="has the operation WriteFile"):
        require_computation(str(path.parent))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """To be read only."""
    return trainees.saved(TASKS["naming"](), tmp_path_factory.mktemp("of") / "saved")


def test_another_form_that_tensorflow_prefers_is_refused(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "saved")
    (folder / "saved_model.cpb").write_bytes((folder / "saved_model.pb").read_bytes())
    with pytest.raises(UserError, match="has a saved_model.cpb, so it is not by tf-emcom export"):
        require_computation(str(folder))


def test_damage_and_a_pipe_are_reported_in_one_sentence(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "saved")
    path = folder / "saved_model.pb"
    content = path.read_bytes()
    for bad in (b"", content[:1000], b"\xff" * 100, np.random.default_rng(0).bytes(1000)):
        path.write_bytes(bad)
        with pytest.raises(UserError, match="is damaged.*export the run again, with tf-emcom export"):
            require_computation(str(folder))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="is no regular file"):
        require_computation(str(folder))


def test_a_path_with_patterns_can_be_loaded_from(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "exp[v1]")
    agents = ExportedAgents(lewis.lg_s(), features=trainees.F, batch_size=1, saved_model=str(folder))
    assert agents.speakers == 1
