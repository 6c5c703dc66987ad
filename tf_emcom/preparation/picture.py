"""An image file's bytes to colours, with Pillow, whatever the file's format."""

import contextlib
import io

import numpy as np
from PIL import Image, ImageOps

# What a file may be, whatever its name ends with; other formats of Pillow are rarer, and some are programs.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")
_WHITE = (255, 255, 255, 255)


class UndecodableError(Exception):
    """These bytes are no image that can be decoded; it says why."""


def decode(content: bytes) -> np.ndarray:
    """The colours of an image file, as a viewer shows them on a white page.

    An orientation in EXIF is applied. Palettes, grey levels, black and white, and CMYK become red, green and blue; of
    16 bits the upper 8 are used; colour profiles are not. Transparent parts show the white page. Of an animation the
    first picture counts.

    Args:
      content: a JPEG, PNG, BMP, GIF or WebP file.

    Returns:
      uint8 [H, W, 3].

    Raises:
      UndecodableError: the file is none of these, is damaged, or has more pixels than Pillow thinks safe.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            image.load()
            return np.asarray(_in_colour(_upright(image), image.format == "BMP"))
    except Image.UnidentifiedImageError as error:
        raise UndecodableError("it is no JPEG, PNG, BMP, GIF or WebP file") from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds for files that are damaged.
        raise UndecodableError(" ".join(str(error).split()) or type(error).__name__) from error


def _upright(image: Image.Image) -> Image.Image:
    """The image as EXIF orients it; where its EXIF cannot be read, as it is stored."""
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image


def _in_colour(image: Image.Image, is_bmp: bool) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits of grey, which Pillow would cut off at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if is_bmp and image.getchannel("A").getbbox() is None:
        # Many programs leave the fourth byte of a BMP's pixels 0 and mean nothing by it.
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image).convert("RGB")
