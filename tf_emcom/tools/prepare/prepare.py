"""Prepares a data set of features as the flags of the command say."""

import sys
from typing import Any

import tensorflow as tf

from tf_emcom.data import tfds_folder
from tf_emcom.errors import UserError, require_integer
from tf_emcom.tools.prepare.encoders import EncoderChoice, encoder_for, pixel_range_of
from tf_emcom.tools.prepare.image_folder import Image, ImageFolder, partition, read_folder, shares_of
from tf_emcom.tools.prepare.preparation import Preparation, Settings, require_name


def prepare(given: Any) -> str:
    """Prepares, and returns a line or two about it; `given` has a value for each flag of `prepare-features`."""
    require_name(given.name)
    require_integer("--batch_size", given.batch_size, 1, "it counts images")
    require_integer("--keep_images", given.keep_images, 0, "it counts pixels")
    require_integer("--seed", given.seed, 0, "it begins a sequence of random numbers")
    require_integer("--shard_size", given.shard_size, 1, "it counts images")
    if given.image_size is not None:
        require_integer("--image_size", given.image_size, 1, "it counts pixels")
    pixel_range = pixel_range_of(given.pixel_range) if given.pixel_range is not None else None
    encoder = encoder_for(EncoderChoice(given.encoder, given.weights, given.image_size, pixel_range, given.seed))
    folder = read_folder(given.images)
    splits = _splits_of(folder, given.splits, given.seed)
    # The same command on the same machine gives the same bits, also after interruptions.
    tf.config.experimental.enable_op_determinism()
    sizes = given.batch_size, given.keep_images, given.shard_size
    settings = Settings(*sizes, given.skip_broken, given.standardise)
    data_dir = given.data_dir or tfds_folder.default_data_dir()
    return Preparation(given.name, data_dir, folder, splits, encoder, settings).run().summary()


def _splits_of(folder: ImageFolder, shares: str | None, seed: int) -> dict[str, list[Image]]:
    """The splits that the folders make, or else drawn ones; prints notes about surprises."""
    if folder.others:
        print(f"Note: {folder.others} files in {folder.root} are no images and are left out.", file=sys.stderr)
    if folder.links:
        print(
            f"Note: links in {folder.root} that lead to images in it, or in a circle, are not followed:"
            f" {', '.join(folder.links[:3])}{f' and {len(folder.links) - 3} more' if len(folder.links) > 3 else ''}.",
            file=sys.stderr,
        )
    if not folder.splits:
        return partition(folder.images, shares_of(shares or "0.8,0.1,0.1"), seed)
    if shares is not None:
        raise UserError(f"--splits was given, but {folder.root} has folders of splits already; leave it out.")
    if missing := [split for split in ("valid", "test") if split not in folder.splits]:
        print(f"Note: {folder.root} has no {' and no '.join(missing)}; tests read the split test.", file=sys.stderr)
    return folder.splits
