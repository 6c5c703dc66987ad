"""Draws folders of small pictures, and makes encoders whose features can be worked out with NumPy."""

import colorsys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

SHAPES = ("ellipse", "rectangle", "triangle")
# Three colours to two features.
KERNEL = np.array([[0.01, -0.02], [0.03, 0.005], [-0.004, 0.02]], np.float32)
BIAS = np.array([0.5, -1.0], np.float32)


def draw(path, index, size=(16, 16)):
    """One shape of one colour on another, all of them of the index alone."""
    rng = np.random.default_rng(index)
    background, colour = (colour_of(rng.random()) for _ in range(2))
    image = Image.new("RGB", size, background)
    box = (*(rng.integers(0, side // 3) for side in size), *(rng.integers(side // 2, side) for side in size))
    box = tuple(map(int, box))
    pen, shape = ImageDraw.Draw(image), SHAPES[index % len(SHAPES)]
    if shape == "triangle":
        pen.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) // 2, box[1])], fill=colour)
    else:
        getattr(pen, shape)(box, fill=colour)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def colour_of(hue):
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, 0.8))


def draw_classes(root, classes=("circle", "square"), each=10, ending="png"):
    for number, name in enumerate(classes):
        for index in range(each):
            draw(root / name / f"{index:03d}.{ending}", number * each + index)
    return root


def pixels(path):
    """uint8 [height, width, 3], as Pillow reads it."""
    return np.asarray(Image.open(path).convert("RGB"))


def mean_colour(path):
    """What the encoders below make of a picture of 16 × 16 pixels: float32 [2]."""
    return pixels(path).astype(np.float64).mean(axis=(0, 1)) @ KERNEL + BIAS


def _model(side=16):
    layer = keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((side, side, 3)), keras.layers.GlobalAveragePooling2D(), layer])
    layer.set_weights([KERNEL, BIAS])
    return model


def save_keras(path, side=16):
    _model(side).save(path)
    return str(path)


class Module(tf.Module):
    """A SavedModel's content: bytes in, the mean colour's features out, in two rows of one."""

    def __init__(self):
        super().__init__()
        self.kernel, self.bias = tf.Variable(KERNEL), tf.Variable(BIAS)

    @tf.function(input_signature=[tf.TensorSpec((None, 16, 16, 3), tf.uint8)])
    def encode(self, images):
        features = tf.reduce_mean(tf.cast(images, tf.float32), (1, 2)) @ self.kernel + self.bias
        return {"features": features[:, :, None]}

    @tf.function(input_signature=[tf.TensorSpec((None, 16, 16, 3), tf.uint8)])
    def two(self, images):
        return {"a": self.encode(images)["features"], "b": self.encode(images)["features"]}

    @tf.function(input_signature=[tf.TensorSpec((None, 5), tf.float32)])
    def words(self, words):
        return {"features": words}


def save_saved_model(path, **signatures):
    """Writes a SavedModel with the signatures given as name → method of `Module`."""
    module = Module()
    chosen = {name: getattr(module, method) for name, method in (signatures or {"serving_default": "encode"}).items()}
    tf.saved_model.save(module, str(path), signatures=chosen)
    return str(path)
