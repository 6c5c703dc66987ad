"""Makes a data set of features of a folder of images."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tqdm

from tf_emcom.data import tfds_folder
from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, file_errors, is_remote, lock, names_in, read_json, write_whole
from tf_emcom.tools.prepare import shard_files
from tf_emcom.tools.prepare.encoders import ImageEncoder
from tf_emcom.tools.prepare.extraction import FeatureExtractor, encode
from tf_emcom.tools.prepare.image_folder import Image, ImageFolder
from tf_emcom.tools.prepare.images import ImageReader
from tf_emcom.tools.prepare.shard_files import Shard, schema_of, write_metadata
from tf_emcom.tools.prepare.standardisation import Standardisation

VERSION = "1.0.0"
# Games a step in gin/*_features.gin.
_BATCH = 64
_MANIFEST = "preparation.json"


class Settings(NamedTuple):
    """The settings of a preparation."""

    batch_size: int = 32  # images that are encoded at a time
    kept_side: int = 64  # pixels a side of the images that are kept, 0: none are
    shard_size: int = 2048  # images a file
    skips_broken: bool = False  # whether images that cannot be decoded are left out
    standardises: bool = True  # whether each feature gets mean 0 and standard deviation 1 over the training split


def require_name(name: str) -> None:
    """UserError unless TFDS can use a name for a data set."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise UserError(
            f"--name is {name!r}, but the name of a data set has letters, digits and underscores only and begins with a"
            " letter; give such a name, as my_birds."
        )


class FeatureSet(NamedTuple):
    """A prepared data set."""

    name: str
    path: str  # its folder, DIR/<name>/<version>
    about: dict[str, Any]  # its manifest: "images", "classes", "examples", "features", "left_out" and more

    def summary(self) -> str:
        """A line or two about it, and the command that trains on it."""
        about = self.about
        splits = ", ".join(f"{split} {count:,}" for split, count in about["examples"].items())
        classes = f", {about['classes']} classes" if about["classes"] else ""
        left_out = about["left_out"]
        missing = f"Left out, since they cannot be decoded: {', '.join(left_out)}.\n" if left_out else ""
        data_dir = os.path.dirname(os.path.dirname(self.path))
        # A batch holds no example twice.
        few = about["examples"].get("train", _BATCH) < _BATCH
        smaller = f" --gin_param=batch_size={about['examples']['train']}" if few else ""
        return (
            f"{missing}{self.path}: {splits}; {about['features']:,} features{classes}. Train on it with\n"
            f"tf-emcom train --gin_file=gin/nlg_features.gin --gin_param='data_name=\"{self.name}\"'{smaller}"
            f" --data_dir={data_dir}"
        )


class Preparation:
    """Makes one data set of images in `DIR/<name>/1.0.0`.

    Everything is written below `DIR/<name>/.unfinished-1.0.0`: first what is encoded, a file for each shard, which is
    written as a whole. After a kill, the same command resumes with the shards that are missing. When all are there, the
    records are written, with standardised features. The last step renames their folder, so that nobody reads an
    unfinished data set. The files are a function of images, encoder and settings.

    `data_dir` is the folder of all data sets, `~` the home folder; `splits` is split → its images, in the order that
    they are written in. UserError where TFDS cannot use the name.
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
        require_name(name)
        self._root = os.path.join(os.path.expanduser(data_dir), name)
        self._path = os.path.join(self._root, VERSION)
        self._unfinished = os.path.join(self._root, f"{tfds_folder.UNFINISHED}{VERSION}")
        self._encoded, self._ready = (os.path.join(self._unfinished, part) for part in ("encoded", "ready"))
        self._another_name = f"choose another --name, or delete {self._path} to prepare it again"
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
            "images_by_split": _checksum_of(splits),
        }

    def run(self) -> FeatureSet:
        """Makes what is not there yet; returns the data set.

        UserError where a data set of that name was made otherwise, an image cannot be decoded, or a file not written.
        """
        fix = "fix that or name another --data_dir, then run the same command again to resume"
        with file_errors(self._root, "cannot be prepared", fix):
            if tf.io.gfile.exists(self._path):
                about = self._manifest_there()
                print(f"{self._path} is prepared already.", flush=True)
            else:
                tf.io.gfile.makedirs(self._unfinished)
                busy = f"Another process is preparing {self._root}; wait until it ends, or choose another --name."
                path = os.path.join(self._unfinished, ".lock")
                # Cloud storage has no locks.
                with contextlib.nullcontext() if is_remote(path) else lock(path, busy):
                    if not tf.io.gfile.exists(self._path):
                        self._make()
                about = self._manifest_there()
            # The data set is finished; unfinished files beside it do no harm.
            with contextlib.suppress(*FILE_ERRORS):
                _remove_folder(self._unfinished)
            return FeatureSet(self._name, self._path, about)

    def _manifest_there(self) -> dict[str, Any]:
        """That of the finished data set; UserError where it was not made by this command, or otherwise."""
        stored = _read_manifest(self._path, self._another_name)
        if stored is None:
            raise UserError(
                f"{self._path} is there, but was not made by this command; choose another --name or --data_dir."
            )
        if differing := _differences(stored, self._manifest):
            raise UserError(f"{self._path} was prepared otherwise ({'; '.join(differing[:3])}); {self._another_name}.")
        if not {"examples", "features", "left_out"} <= stored.keys():
            path = os.path.join(self._path, _MANIFEST)
            raise UserError(f"{path} is damaged (the results of the preparation are missing); {self._another_name}.")
        return stored

    def _make(self) -> None:
        self._claim()
        shards = shard_files.shards_of(self._name, self._splits, self._settings.shard_size, self._encoded)
        missing = [shard for shard in shards if not shard.is_encoded(self._folder.root)]
        if missing:
            if len(missing) < len(shards):
                print(f"Resuming: {len(shards) - len(missing)} of {len(shards)} files are done.", flush=True)
            self._encode(missing)
        self._write_records(shards)
        tf.io.gfile.rename(self._ready, self._path)

    def _claim(self) -> None:
        """Makes the folder and writes the manifest, unless another data set is half prepared here."""
        stored = None
        with contextlib.suppress(UserError):
            stored = _read_manifest(self._unfinished, "")
        differing = _differences(stored or {}, self._manifest)
        if differing:
            if stored and any(name.endswith(".npz") for name in names_in(self._encoded)):
                raise UserError(
                    f"{self._root} is half prepared otherwise ({'; '.join(differing[:3])}); give the same flags again,"
                    f" choose another --name, or delete {self._unfinished} to start again."
                )
            # What is encoded without a manifest that can be read may not fit.
            _remove_folder(self._encoded)
        tf.io.gfile.makedirs(self._encoded)
        _write_manifest(self._unfinished, self._manifest)

    def _encode(self, missing: Sequence[Shard]) -> None:
        """Encodes the shards that are missing."""
        settings, root = self._settings, self._folder.root
        network = self._encoder.build()
        extractor = FeatureExtractor(network, settings.batch_size)
        reader = ImageReader(root, network.height, network.width, settings.kept_side, settings.batch_size)
        left, total = sum(len(shard.images) for shard in missing), self._manifest["images"]
        # What is encoded stays until all records are written.
        shard_files.require_room(self._unfinished, 2 * left * (4 * extractor.features + 2 * settings.kept_side**2))
        done = total - left
        with tqdm.tqdm(total=total, initial=done, unit="image", dynamic_ncols=True, disable=None) as bar:
            for shard in missing:
                encode(shard, root, reader, extractor, settings.skips_broken, bar.update)
                done += len(shard.images)
                if bar.disable:
                    print(f"{done:,} of {total:,} images", flush=True)

    def _write_records(self, shards: Sequence[Shard]) -> None:
        """Writes the data set of what is encoded, in a folder of its own."""
        left_out, examples = [], dict.fromkeys(self._splits, 0)
        for shard in shards:
            broken = shard.read("left_out").tolist()
            examples[shard.split] += len(shard.images) - len(broken)
            left_out += broken
        if empty := [split for split, count in examples.items() if not count]:
            raise UserError(f"No image of the split {empty[0]!r} can be decoded; repair some of them in place.")
        _remove_folder(self._ready)
        tf.io.gfile.makedirs(self._ready)
        measured = None
        if self._settings.standardises:
            print("Standardising the features.", flush=True)
            measured = Standardisation.of(shard.read("features") for shard in shards if shard.split == "train")
            measured.write(self._ready)
        made: dict[str, list[tuple[int, int]]] = {split: [] for split in self._splits}
        for shard in shards:
            features = shard.read("features")
            schema = schema_of(self._folder.classes, features.shape[1], self._settings.kept_side)
            size = shard.write_records(self._ready, schema, measured.apply(features) if measured else features)
            made[shard.split].append((len(features), size))
        write_metadata(self._ready, schema, VERSION, made)
        results = {"examples": examples, "features": features.shape[1], "left_out": sorted(left_out)}
        _write_manifest(self._ready, {**self._manifest, **results})


def _remove_folder(path: str) -> None:
    if tf.io.gfile.exists(path):
        tf.io.gfile.rmtree(path)


def _read_manifest(folder: str, fix: str) -> dict[str, Any] | None:
    """The manifest in a folder, None where there is none; UserError where it is damaged, `fix` says what to do then."""
    path = os.path.join(folder, _MANIFEST)
    return read_json(path, fix) if tf.io.gfile.exists(path) else None


def _write_manifest(folder: str, content: Mapping[str, Any]) -> None:
    write_whole(os.path.join(folder, _MANIFEST), json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The entries of `given` that differ in `stored`, each in a few words; entries of `stored` alone do not matter."""
    entries = [(name, stored.get(name), value) for name, value in given.items()]
    return [f"{name} was {old!r:.90}, is {new!r:.90}" for name, old, new in entries if old != new]


def _checksum_of(splits: Mapping[str, Sequence[Image]]) -> str:
    """A checksum of which images are in which split, in which order and of which class."""
    total = hashlib.sha256()
    for split, images in splits.items():
        for image in images:
            total.update(f"{split}\0{image.path}\0{image.label}\n".encode())
    return f"sha256:{total.hexdigest()}"
