"""Encoders give the features that their models give."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tools.prepare.pictures import BIAS, KERNEL, save_keras, save_saved_model
from tf_emcom.errors import UserError
from tf_emcom.tools.prepare import keras_application
from tf_emcom.tools.prepare.encoders import EncoderChoice, checksum_of, encoder_for, pixel_range_of
from tf_emcom.tools.prepare.extraction import FeatureExtractor

NAME = "MobileNet"


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def mobile_net(tmp_path_factory):
    """Files of one MobileNet's weights, with and without its classifier, and the model without it at 32 pixels."""
    folder = tmp_path_factory.mktemp("weights")
    whole = keras.applications.MobileNet(weights=None)
    part = keras.applications.MobileNet(include_top=False, pooling="avg", weights=None, input_shape=(32, 32, 3))
    for layer in part.layers:
        if layer.weights:
            layer.set_weights(whole.get_layer(layer.name).get_weights())
    whole.save(folder / "whole.h5")
    whole.save_weights(folder / "whole.weights.h5")
    part.save_weights(folder / "part.weights.h5")
    return folder, part


def extracted(choice, images, batch_size=4):
    extractor = FeatureExtractor(encoder_for(choice).build(), batch_size)
    return extractor.extract(tf.constant(images))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["part.weights.h5", "whole.weights.h5", "whole.h5"])
def test_application_sees_what_the_model_sees_whichever_file_it_comes_from(mobile_net, file):
    folder, model = mobile_net
    images = np.random.default_rng(1).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    expected = model(keras.applications.mobilenet.preprocess_input(images.copy()), training=False)
    found = extracted(EncoderChoice(NAME, str(folder / file), image_size=32), images)
    assert found.shape == (3, 1024) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_application_has_its_usual_size_and_random_weights_of_the_seed():
    first, same = (encoder_for(EncoderChoice(NAME, "random", seed=1)).build() for _ in range(2))
    other = encoder_for(EncoderChoice(NAME, "random", image_size=32, seed=2)).build()
    assert (first.height, first.width, other.height, other.width) == (224, 224, 32, 32)
    images = tf.random.stateless_uniform((4, 32, 32, 3), (0, 1), maxval=255.0)
    large = tf.image.resize(images, (224, 224))
    np.testing.assert_array_equal(first.encode(large), same.encode(large))
    features = other.encode(images).numpy()
    assert features.shape == (4, 1024)
    # What differs between images is neither lost nor beyond all bounds.
    assert 0.01 < features.std(axis=0).mean() < 100


def test_every_application_has_its_own_preprocessing():
    known = keras_application.applications()
    assert {"ResNet50", "VGG16", "EfficientNetB0", "MobileNetV3Small", "ConvNeXtTiny"} <= set(known)
    for application in known.values():
        assert callable(importlib.import_module(application.__module__).preprocess_input)


def test_keras_file_gets_pixels_up_to_255_or_in_the_range_asked_for(tmp_path, images):
    path = save_keras(tmp_path / "encoder.keras")
    found = extracted(EncoderChoice(path), images)
    np.testing.assert_allclose(found, images.mean(axis=(1, 2)) @ KERNEL + BIAS, rtol=1e-4)
    found = extracted(EncoderChoice(path, pixel_range=(-1.0, 1.0)), images)
    np.testing.assert_allclose(found, (images / 127.5 - 1).mean(axis=(1, 2)) @ KERNEL + BIAS, rtol=1e-4)


def test_saved_model_gets_bytes_and_its_output_is_flattened(tmp_path, images):
    path = save_saved_model(tmp_path / "encoder")
    expected = np.round(images).mean(axis=(1, 2)) @ KERNEL + BIAS
    np.testing.assert_allclose(extracted(EncoderChoice(path), images), expected, rtol=1e-4)


def test_only_signature_of_a_saved_model_is_taken_whatever_its_name(tmp_path, images):
    path = save_saved_model(tmp_path / "encoder", see="encode")
    assert extracted(EncoderChoice(path), images).shape == (3, 2)


def test_model_that_keras_exported_is_a_saved_model(tmp_path, images):
    model = keras.saving.load_model(save_keras(tmp_path / "encoder.keras"))
    model.export(tmp_path / "exported", verbose=False)
    found = extracted(EncoderChoice(str(tmp_path / "exported")), images)
    np.testing.assert_allclose(found, images.mean(axis=(1, 2)) @ KERNEL + BIAS, rtol=1e-4)


def test_features_do_not_depend_on_how_full_a_batch_is(tmp_path, images):
    extractor = FeatureExtractor(encoder_for(EncoderChoice(save_keras(tmp_path / "encoder.keras"))).build(), 3)
    whole = extractor.extract(tf.constant(images))
    np.testing.assert_array_equal(extractor.extract(tf.constant(images[:1])), whole[:1])


def test_convolutional_model_of_any_size_needs_an_image_size(tmp_path, images):
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    model.save(tmp_path / "any.keras")
    with pytest.raises(UserError, match="--image_size"):
        encoder_for(EncoderChoice(str(tmp_path / "any.keras"))).build()
    found = extracted(EncoderChoice(str(tmp_path / "any.keras"), image_size=16), images)
    np.testing.assert_allclose(found, images.mean(axis=(1, 2)), rtol=1e-4)


def test_other_weights_are_another_identity(tmp_path):
    keras_file, saved_model = save_keras(tmp_path / "a.keras"), save_saved_model(tmp_path / "b")
    assert checksum_of(keras_file) != checksum_of(saved_model)
    before = encoder_for(EncoderChoice(saved_model)).identity()
    assert encoder_for(EncoderChoice(f"{saved_model}/")).identity() == before
    with open(tmp_path / "b" / "saved_model.pb", "ab") as file:
        file.write(b" ")
    assert encoder_for(EncoderChoice(saved_model)).identity() != before


CHOICE_MISTAKES = {
    "no weights": (EncoderChoice("ResNet50"), "needs a file with its weights.*storage.googleapis.*--weights=random"),
    "no such weights": (EncoderChoice("ResNet50", "none.h5"), "there is no such file"),
    "a misspelt model": (EncoderChoice("Resnet5O", "random"), "did you mean .*ResNet50"),
    "a range for an application": (EncoderChoice("ResNet50", "random", pixel_range=(0.0, 1.0)), "leave it out"),
    "no such file": (EncoderChoice("none.keras"), "no such file"),
    "no such folder": (EncoderChoice("no/where"), "saved_model.pb"),
    "weights for a file": (EncoderChoice("none.keras", "random"), "holds its own weights"),
    "weights for a folder": (EncoderChoice("no/where", "random"), "holds its own weights"),
}


@pytest.mark.parametrize("mistake", CHOICE_MISTAKES)
def test_mistake_is_reported_before_anything_is_built(mistake):
    choice, expected = CHOICE_MISTAKES[mistake]
    with pytest.raises(UserError, match=expected):
        encoder_for(choice)


def build_mistakes(folder):
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save(folder / "words.keras")
    keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Lambda(lambda x: x)]).save(folder / "code.keras")
    (folder / "text.keras").write_text("no model")
    (folder / "text.weights.h5").write_text("no weights")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save_weights(folder / "other.weights.h5")
    square = save_keras(folder / "square.keras")
    return {
        "an input of words": (EncoderChoice(str(folder / "words.keras")), r"\(None, 5\).*\(None, height, width, 3\)"),
        "code in the file": (EncoderChoice(str(folder / "code.keras")), "without Lambda layers"),
        "no model in the file": (EncoderChoice(str(folder / "text.keras")), "Keras cannot load"),
        "another size": (EncoderChoice(square, image_size=20), "takes 16 × 16 pixels; leave --image_size out"),
        "another model's weights": (EncoderChoice(NAME, str(folder / "other.weights.h5")), "does not hold the weights"),
        "no weights in the file": (EncoderChoice(NAME, str(folder / "text.weights.h5")), "does not hold the weights"),
        "too few pixels": (EncoderChoice(NAME, "random", image_size=8), "cannot see 8 × 8 pixels.*is 224"),
        "two outputs": (EncoderChoice(save_saved_model(folder / "two", serving_default="two")), "2 outputs"),
        "two signatures": (EncoderChoice(save_saved_model(folder / "both", a="encode", b="two")), "only a, b"),
        "a signature of words": (EncoderChoice(save_saved_model(folder / "words", see="words")), r"\(None, 5\)"),
        "a range for bytes": (
            EncoderChoice(save_saved_model(folder / "bytes"), pixel_range=(0.0, 1.0)),
            "takes bytes, 0 to 255",
        ),
    }


@pytest.mark.slow
def test_model_that_does_not_fit_is_reported_in_one_line(tmp_path):
    for mistake, (choice, expected) in build_mistakes(tmp_path).items():
        with pytest.raises(UserError, match=expected) as caught:
            encoder_for(choice).build()
        assert "\n" not in str(caught.value), mistake


@pytest.mark.parametrize("text", ["", "1", "0,0", "0,nan", "0,inf", "a,b", "0,1,2"])
def test_range_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="black and white"):
        pixel_range_of(text)


def test_range_is_read():
    assert pixel_range_of("-1,1") == (-1.0, 1.0)
