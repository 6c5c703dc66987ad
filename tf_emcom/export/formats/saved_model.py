"""The format that needs nothing but TensorFlow."""

import os
import shutil

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
    holds = r"saved_model\.pb|fingerprint\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})"
    loaded_by_tensorflow = True

    def write(self, contents: Contents, folder: str) -> None:
        """Traces every function and saves it with all weights; texts become assets."""
        module_cls = PredictingModule if predicts(contents.agents) else ChoosingModule
        # TensorFlow copies assets from elsewhere.
        scratch = os.path.join(folder, "texts")
        os.makedirs(scratch)
        module = module_cls(contents.agents, contents.metadata, write_texts(contents, scratch))
        tf.saved_model.save(module, folder, signatures=module.offered)
        shutil.rmtree(scratch)
