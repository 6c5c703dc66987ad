"""Reads event files back, each event on its own."""

import collections

import tensorflow as tf


def read(folder):
    """Tag -> list of (step, value), in the order of files and of events; values are arrays, texts or PNG bytes."""
    found = collections.defaultdict(list)
    for name in sorted(tf.io.gfile.listdir(str(folder))):
        for event in tf.compat.v1.train.summary_iterator(f"{folder}/{name}"):
            for value in event.summary.value:
                array = tf.make_ndarray(value.tensor)
                is_image = value.metadata.plugin_data.plugin_name == "images"
                found[value.tag].append((event.step, list(array[2:]) if is_image else array))
    return dict(found)


def scalars(folder):
    """Tag -> {step: value} of what stands alone; a step that is there twice is an error."""
    found = {}
    for tag, points in read(folder).items():
        if getattr(points[0][1], "shape", None) == () and points[0][1].dtype.kind == "f":
            assert len({step for step, _ in points}) == len(points), f"{tag} has a step twice"
            found[tag] = {step: float(value) for step, value in points}
    return found
