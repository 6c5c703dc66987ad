"""The format that needs nothing but TensorFlow."""

import tempfile

import tensorflow as tf

from tf_emcom.export.choosing_module import ChoosingModule
from tf_emcom.export.contents import Contents
from tf_emcom.export.formats.format import Format, write_texts
from tf_emcom.export.metadata import predicts
from tf_emcom.export.predicting_module import PredictingModule


class SavedModel(Format):
    """A SavedModel with the signatures `speak`, `listen`, `play` and `metadata`, and the pieces that tests need."""

    texts = "assets"
    entry = "saved_model.pb"

    def write(self, contents: Contents, folder: str) -> None:
        """Traces every function and saves it with all weights; texts become assets."""
        module_cls = PredictingModule if predicts(contents.agents) else ChoosingModule
        with tempfile.TemporaryDirectory(prefix="tf_emcom-export-") as scratch:
            module = module_cls(contents.agents, contents.metadata, write_texts(contents, scratch))
            tf.saved_model.save(module, folder, signatures=module.offered)
