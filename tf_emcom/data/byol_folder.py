"""Features that a BYOL network made of images, as published: folders of TensorFlow Datasets."""

import os
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.checks import Checked, Index, Least
from tf_emcom.data import tfds_folder, tfds_records
from tf_emcom.data.packed.cache import Cache
from tf_emcom.data.source import Examples
from tf_emcom.data.tfds_split import TfdsSplit
from tf_emcom.errors import UserError

_INPUTS, _LABEL = "logit", "label"
_TYPES = ("float32", "float16", "bfloat16")


class ByolFolder(Checked):
    """The data set in `data_dir/name/<highest x.y.z>`, read from the files alone; no builder code is needed.

    Known names: byol_imagenet2012 (logit, label), byol_celeb_a2 (logit, label, attributes, landmarks, image_id, image),
    byol_celeb_a2_noimg (without the images) and byol_celeb_a2_logits (only the logit). A `dataset_info.json` is not
    needed; where there is one, the number of examples is compared with it.

    A large split is decoded once, into a cache of files that are mapped from then on (`tf_emcom/data/packed`).
    """

    checks_numbers = True  # NaN and infinity are refused while records are read; a mapped cache is not read again

    def __init__(
        self,
        name: str,
        data_dir: str | None = None,
        image_side: Annotated[int, Least(1)] | None = None,
        stored_as: str = "float32",
        cache_dir: str | None = None,
        least_packed_bytes: Index = 2**28,
    ) -> None:
        """Nothing is read yet.

        Args:
          name: the data set, for example "byol_imagenet2012", or "name/config" where it has several configurations.
          data_dir: the folder of all data sets; None: `$TFDS_DATA_DIR` where set, else `~/tensorflow_datasets`.
          image_side: pixels a side that images are resized to while they are read; None: as stored, which for CelebA
            are 23 GB.
          stored_as: the type of inputs in the cache and in memory, "float32", or "bfloat16" or "float16" with half the
            bytes; agents always see float32.
          cache_dir: the folder below which the cache lies; None: beside the data, or in `~/.cache/tf_emcom` where that
            cannot be written to.
          least_packed_bytes: a split whose inputs take less is read into memory each time, and no cache is made of it.
        """
        if any(part in ("", ".", "..") for part in name.split("/")) or files.is_remote(name):
            raise UserError(f'ByolFolder.name is {name!r}; bind it to the name of a data set, as in "byol_celeb_a2".')
        if stored_as not in _TYPES:
            raise UserError(f"ByolFolder.stored_as is {stored_as!r}; bind it to one of {', '.join(_TYPES)}.")
        self.name, self._data_dir, self._cache_dir = name, data_dir, cache_dir
        self._image_side, self._stored_as, self._least_packed_bytes = image_side, stored_as, least_packed_bytes
        self._found_texts: tuple[str, np.ndarray] | None = None

    def features(self) -> int:
        """F, as features.json says; UserError where the folder is missing, or inputs are not vectors of one length."""
        folder = self._folder()
        return tfds_records.require_vectors(tfds_records.features_of(folder, [_INPUTS])[_INPUTS], _INPUTS, folder)

    def labels(self) -> list[str]:
        """Every feature besides the inputs, as features.json says."""
        return [name for name in tfds_records.declared_in(self._folder()) if name != _INPUTS]

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes of "label", in order; None where the folder does not say."""
        folder = self._folder()
        if self._label_is_text(folder):
            return [text.decode("utf-8", "replace") for text in self._texts(folder)]
        path = os.path.join(folder, "label.labels.txt")
        if not tf.io.gfile.exists(path):
            return None
        return files.read_text(path, f"{tfds_folder.COPY_AGAIN}, or delete this file").splitlines()

    @property
    def attribute_names(self) -> list[str] | None:
        """The names of the columns of "attributes", in order; None where the folder does not say."""
        declared = tfds_records.declared_in(self._folder())
        parts = declared["attributes"] if "attributes" in declared else ()
        return sorted(parts.keys()) if hasattr(parts, "keys") else None

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """The examples of one split, in the order on disk; a large split is packed first, where it is not packed yet.

        Args:
          split: "train", "valid", "test" or "test_official"; "valid" may have the name "validation" on disk.
          labels: features to load besides the inputs; None: all. Others are not decoded, so images cost nothing then.

        Returns:
          Inputs [N, F] in the type `stored_as`, and labels: integers as int64 where they are declared with 64 bits (or
          as uint32), other integers, classes and booleans as int32, floats as float32, images as uint8 [N, height,
          width, 3], texts as objects of type bytes. A "label" that is a text is int32, its place in `class_names`. A
          feature made of named parts, such as the 40 attributes, is one array [N, parts] in the order of their sorted
          names. Arrays from the cache are read-only `np.memmap`s.

        Raises:
          UserError: something is missing, damaged or too short; a number is NaN or infinite, or has more digits than
            its type; there is no room in memory, or on disk for the cache.
        """
        found = self._split(split, self.labels() if labels is None else labels)
        if found.count * self.features() * tf.as_dtype(self._stored_as).size < self._least_packed_bytes:
            arrays = found.read(found.features)
        else:
            arrays = self._cache(found).arrays([name for name in found.features if name not in found.texts])
            arrays |= found.read(found.texts) if found.texts else {}
        if _LABEL in arrays and self._label_is_text(found.folder):
            arrays[_LABEL] = np.searchsorted(self._texts(found.folder), arrays[_LABEL]).astype(np.int32)
        return Examples(arrays[_INPUTS], {name: arrays[name] for name in found.features[1:]})

    def verify(self, split: str) -> list[str]:
        """Reads the whole cache of a split and compares checksums, which `load` does only where files were written to.

        Damaged files are deleted, so that the next `load` packs them again; their paths are returned.
        """
        return self._cache(self._split(split, self.labels())).remove_damaged()

    def _split(self, split: str, labels: Sequence[str]) -> TfdsSplit:
        features, stored_as = [_INPUTS, *labels], tf.as_dtype(self._stored_as)
        return TfdsSplit(self._folder(), self.name, split, features, self._image_side, stored_as)

    def _label_is_text(self, folder: str) -> bool:
        declared = tfds_records.declared_in(folder)
        parts = tfds_records.leaves(declared[_LABEL]) if _LABEL in declared else []
        return [(part.tf_dtype, part.shape) for part in parts] == [(tf.string, ())]

    def _texts(self, folder: str) -> np.ndarray:
        """The different texts of "label" in all splits, sorted, so that each split numbers them alike."""
        if self._found_texts is None or self._found_texts[0] != folder:
            found: set[bytes] = set()
            for split in tfds_folder.splits_of(folder, self.name):
                texts = TfdsSplit(folder, self.name, split, [_INPUTS, _LABEL], None, tf.float32)
                found.update(*(batch[_LABEL] for batch in texts.batches([_LABEL])))
            self._found_texts = folder, np.array(sorted(found), object)
        return self._found_texts[1]

    def _cache(self, found: TfdsSplit) -> Cache:
        names = {name: name for name in found.features} | {_INPUTS: f"{_INPUTS}-{self._stored_as}"}
        if self._image_side is not None:
            names |= {name: f"{name}-{self._image_side}" for name in found.images}
        return Cache(found, self._cache_dir, names)

    def _folder(self) -> str:
        return tfds_folder.latest_version(self._data_dir or tfds_folder.default_data_dir(), self.name)
