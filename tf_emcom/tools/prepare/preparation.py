"""Data sets of features, from folders of images."""

import contextlib
import os
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple, Self

import tensorflow as tf
import tqdm

from tf_emcom.data import tfds_folder
from tf_emcom.errors import UserError
from tf_emcom.files import file_errors
from tf_emcom.tools.prepare import disk, shard_files, standardisation
from tf_emcom.tools.prepare.encoders import ImageEncoder
from tf_emcom.tools.prepare.image_folder import Image, ImageFolder
from tf_emcom.tools.prepare.images import ImageReader
from tf_emcom.tools.prepare.shard_files import FeatureSet, Shard, Written, schema_of, write_metadata
from tf_emcom.tools.prepare.shard_maker import FeatureExtractor, ShardMaker
from tf_emcom.tools.prepare.standardisation import Standardisation


class EncodingProgress:
    """How many images are done: a bar on a terminal, a line after each file elsewhere."""

    def __init__(self, done: int, total: int) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=total, initial=done, unit="image", dynamic_ncols=True, disable=not self._is_terminal
        )
        self._done, self._total = done, total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self, images: int, ends_file: bool) -> None:
        """So many more images are done, and perhaps a file with them."""
        self._done += images
        self._bar.update(images)
        if ends_file and not self._is_terminal:
            print(f"{self._done:,} of {self._total:,} images", flush=True)


VERSION = "1.0.0"


class Settings(NamedTuple):
    """How to go about it.

    Attributes:
      batch_size: images that are encoded at a time.
      kept_side: pixels a side of the images that are kept, 0: none are.
      shard_size: images a file.
      skips_broken: whether images that cannot be decoded are left out.
      standardises: whether each feature gets mean 0 and standard deviation 1 over the training split.
    """

    batch_size: int = 32
    kept_side: int = 64
    shard_size: int = 2048
    skips_broken: bool = False
    standardises: bool = True


def require_name(name: str) -> None:
    """Raises a UserError unless TFDS can call a data set so."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise UserError(
            f"--name is {name!r}, but the name of a data set has letters, digits and underscores only and begins with a"
            " letter; give such a name, as my_birds."
        )


class Preparation:
    """One data set on its way from images to `DIR/<name>/1.0.0`.

    Everything is written below `DIR/<name>/.unfinished-1.0.0`: each shard under a new name first, then a note that it
    is whole. A killed preparation goes on with the shards that have no note. When all are there, their features are
    standardised, again file by file. The last step renames the folder, so that nobody reads a data set that is half
    there. What is written is a function of images, encoder and settings.
    """

    def __init__(
        self,
        name: str,
        data_dir: str,
        folder: ImageFolder,
        splits: dict[str, list[Image]],
        encoder: ImageEncoder,
        settings: Settings,
    ) -> None:
        """Says what to prepare; nothing is written yet.

        Args:
          name: the data set.
          data_dir: the folder of all data sets; `~` is the home folder.
          folder: the images.
          splits: split → its images, in the order that they are written in.
          encoder: what makes features of them.
          settings: how to go about it.

        Raises:
          UserError: the name is none, or a file that is needed is not there.
        """
        require_name(name)
        self._root = os.path.join(os.path.expanduser(data_dir), name)
        self.path = os.path.join(self._root, VERSION)
        self._unfinished = os.path.join(self._root, f"{tfds_folder.UNFINISHED}{VERSION}")
        self._encoded, self._notes = (os.path.join(self._unfinished, part) for part in ("encoded", "notes"))
        self._standardised = os.path.join(self._unfinished, "standardised")
        self._ready = self._standardised if settings.standardises else self._encoded
        self._another_name = f"choose another --name, or delete {self.path} to prepare it again"
        self._name, self._folder, self._splits = name, folder, splits
        self._encoder, self._settings = encoder, settings
        self._manifest = {
            "encoder": encoder.identity(),
            # Data sets without this were decoded by TensorFlow, which read palettes as grey levels.
            "decoder": "Pillow",
            "image_size": encoder.choice.image_size,
            "pixel_range": encoder.choice.pixel_range and list(encoder.choice.pixel_range),
            "images": sum(map(len, splits.values())),
            "classes": len(folder.classes),
            "splits": {split: len(images) for split, images in splits.items()},
            "standardise": settings.standardises,
            "keep_images": settings.kept_side,
            "batch_size": settings.batch_size,
            "shard_size": settings.shard_size,
            "seed": encoder.choice.seed,
            "images_by_split": standardisation.checksum_of_images(splits),
        }

    def run(self) -> FeatureSet:
        """Makes what is not there yet.

        Returns:
          What lies in `path` now.

        Raises:
          UserError: there is a data set of that name that was made otherwise, an image cannot be decoded, or something
            cannot be written.
        """
        fix = "when that is settled, start the same command again, which goes on"
        with file_errors(self._root, "cannot be prepared", fix), disk.locked(self._root) as is_locked:
            if tf.io.gfile.exists(self.path):
                self._refuse_another()
                print(f"{self.path} is prepared already.", flush=True)
            else:
                self._finish(self._write_shards(is_locked))
            # The data set is there; what is left besides it does no harm.
            with contextlib.suppress(UserError):
                disk.remove_folder(self._unfinished)
            return FeatureSet(self._name, self.path, standardisation.read_manifest(self.path, self._another_name))

    def _refuse_another(self) -> None:
        stored = standardisation.read_manifest(self.path, self._another_name)
        if stored is None:
            raise UserError(
                f"{self.path} is there, but was not made by this command; choose another --name or --data_dir."
            )
        if differing := standardisation.differences(stored, self._manifest):
            raise UserError(f"{self.path} was prepared otherwise ({'; '.join(differing[:3])}); {self._another_name}.")
        standardisation.require_results(self.path, stored, self._another_name)

    def _write_shards(self, is_locked: bool) -> list[tuple[Shard, Written]]:
        self._claim(is_locked)
        shards = shard_files.shards_of(self._name, self._splits, self._settings.shard_size, self._encoded, self._notes)
        done = {each.path: found for each in shards if (found := each.written(self._folder.root)) is not None}
        missing = [each for each in shards if each.path not in done]
        if missing:
            # What was made of other files is of no use any more.
            disk.remove_folder(self._standardised)
            if done:
                print(f"Going on: {len(done)} of {len(shards)} files are done.", flush=True)
            done |= self._make(missing, sum(len(each.images) for each in shards if each.path in done))
        return [(each, done[each.path]) for each in shards]

    def _claim(self, is_locked: bool) -> None:
        """Makes the folders and notes what is being made in them, unless something else is half made here."""
        disk.make_folder(self._notes)
        if is_locked:
            for folder in (self._unfinished, self._notes, self._encoded, self._standardised):
                disk.remove_unfinished(folder)
        stored = None
        with contextlib.suppress(UserError):
            stored = standardisation.read_manifest(self._unfinished, "")
        differing = standardisation.differences(stored, self._manifest) if stored is not None else []
        if differing and tf.io.gfile.listdir(self._notes):
            raise UserError(
                f"{self._root} is half prepared otherwise ({'; '.join(differing[:3])}); give the same flags again,"
                f" choose another --name, or delete {self._unfinished} to begin anew."
            )
        if stored is None or differing:
            # Files that a kill left whole, but without a note, would be strangers.
            disk.remove_folder(self._encoded)
        disk.make_folder(self._encoded)
        standardisation.write_manifest(self._unfinished, self._manifest)

    def _make(self, missing: Sequence[Shard], behind: int) -> dict[str, Written]:
        """Encodes and writes the shards that are missing; path → what is known of it then."""
        settings = self._settings
        network = self._encoder.build()
        extractor = FeatureExtractor(network, settings.batch_size)
        reader = ImageReader(self._folder.root, network.height, network.width, settings.kept_side, settings.batch_size)
        left = sum(len(each.images) for each in missing)
        needed = left * (4 * extractor.features + 2 * settings.kept_side**2)
        # The last standardised file is written before the first one that is not goes.
        disk.require_room(self._unfinished, 2 * needed if settings.standardises else needed)
        maker = ShardMaker(self._folder, reader, extractor, settings.kept_side, settings.skips_broken)
        found = {}
        with EncodingProgress(behind, behind + left) as progress:
            for each in missing:
                found[each.path] = maker.make(each, progress.advance)
        return found

    def _finish(self, made: list[tuple[Shard, Written]]) -> None:
        features = made[0][1].features
        examples = {split: 0 for split in self._splits}
        for each, written in made:
            examples[each.split] += written.examples
        if empty := [split for split, count in examples.items() if not count]:
            raise UserError(f"No image of the split {empty[0]!r} can be decoded; repair some of them in place.")
        if self._settings.standardises:
            self._standardise(made)
        disk.remove_unfinished(self._ready)
        schema = schema_of(self._folder.classes, features, self._settings.kept_side)
        write_metadata(self._ready, schema, VERSION, made)
        left_out = sorted(path for _, written in made for path in written.left_out)
        results = {"examples": examples, "features": features, "left_out": left_out}
        standardisation.write_manifest(self._ready, {**self._manifest, **results})
        with shard_files.writing(self.path):
            tf.io.gfile.rename(self._ready, self.path)

    def _standardise(self, made: Sequence[tuple[Shard, Written]]) -> None:
        """Writes the files with standardised features that are not there yet."""
        disk.make_folder(self._ready)
        print("Standardising the features.", flush=True)
        standardisation = Standardisation.of([each for each, _ in made if each.split == "train"])
        standardisation.write(self._ready)
        for each, written in made:
            path = os.path.join(self._ready, os.path.basename(each.path))
            # Other numbers take the same room.
            if not tf.io.gfile.exists(path) or tf.io.gfile.stat(path).length != written.bytes:
                standardisation.apply(each, path)
