"""Codecs through Pillow, judged on the bytes that it writes; JPEG and PNG among them."""

import io
from typing import Any

import numpy as np
import torch
from PIL import Image, features

from benchmark.codecs.jpeg_surrogate import jpeg_surrogate
from benchmark.codecs.parallel import in_order
from benchmark.codecs.rate_surrogate import jpeg_bits, residual_bits
from benchmark.codecs.traditional import Traditional
from benchmark.errors import CallError, ContractError, UnknownNameError
from benchmark.geometry import to_bytes
from benchmark.gradients import ROUNDINGS
from benchmark.tensors import Images, PerImage
from benchmark.threat import LEVELS
from benchmark.transfers import to_host

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""A picture (h, w, 3), planes (3, h, w), or several of either."""
ROUNDER = 2.0**23
"""Added to a float from 0 to 255, it leaves the nearest integer in the last 8 bits."""
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The last chunk: its length, its name and its checksum."""


class PillowCodec(Traditional):
    """A format that Pillow writes and reads. `options` go to its encoder."""

    format: str
    options: dict[str, Any]

    def __init__(self) -> None:
        """Let Pillow find its formats before threads ask for them."""
        super().__init__()
        Image.init()

    def compress(self, x: Images) -> list[bytes]:
        """One file an image."""
        if x.is_cuda:
            return in_order(self._encoded, to_host(to_bytes(x.detach())).numpy())
        return in_order(lambda image: self._encoded(levels(image)), x.detach().float().numpy())

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The pictures in `streams`; a stream that does not decode to `size` is an error."""
        x_hat = torch.empty(len(streams), *size, 3)
        pictures = x_hat.numpy()

        def decode(i: int) -> None:
            levels = self._decoded(streams[i], size)
            np.divide(levels, np.float32(LEVELS), out=pictures[i], dtype=np.float32)

        in_order(decode, range(len(streams)))
        return x_hat.permute(0, 3, 1, 2)

    def inspect(self, stream: bytes, size: tuple[int, int]) -> None:
        """Refuse a stream that Pillow would not refuse, or only after work; any exception will do.

        Pillow compares sizes before it decodes, except where a format does both on opening.
        """

    def _encoded(self, picture: Pixels) -> bytes:
        buffer = io.BytesIO()
        merged = Image.merge("RGB", [Image.fromarray(plane) for plane in picture])
        merged.save(buffer, self.format, **self.options)
        return buffer.getvalue()

    def _decoded(self, stream: bytes, size: tuple[int, int]) -> Pixels:
        try:
            self.inspect(stream, size)
            with Image.open(io.BytesIO(stream), formats=[self.format]) as picture:
                same_size((picture.height, picture.width), size, self.format)
                pixels = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
        except ContractError:
            raise
        except Exception as error:  # decoders raise anything on damaged bytes
            raise ContractError(
                f"a stream of {len(stream)} bytes does not decode as {self.format}: {error}"
            ) from error
        same_size(pixels.shape[:2], size, self.format)
        return pixels


def levels(image: np.ndarray[Any, np.dtype[np.float32]]) -> Pixels:
    """What `to_bytes` gives of an image (3, h, w), in memory that stays in the cache.

    This is much of what JPEG costs here. Pillow merges planes faster than anything else can bring
    the channels last. Clipping takes more time than to see that there is nothing to clip.
    """
    inside = image.min() >= 0 and image.max() <= 1
    scaled = (image if inside else np.clip(image, 0, 1)) * np.float32(LEVELS)
    scaled += np.float32(ROUNDER)
    return scaled.view(np.int32).astype(np.uint8)


def same_size(found: tuple[int, ...], size: tuple[int, int], name: str) -> None:
    """Refuse a stream of another size (height, width) than asked for."""
    if found != size:
        raise ContractError(
            f"the {name} stream holds {found[0]}x{found[1]} pixels, expected {size[0]}x{size[1]}"
        )


def whole(what: str, value: int, low: int, high: int) -> int:
    """`value` if it is a whole number from `low` to `high`; `what` names it in the error."""
    if not isinstance(value, int) or not low <= value <= high:
        raise CallError(f"{what} {value}: expected {low} to {high}, a whole number")
    return value


def chroma_subsampled(what: str, subsampling: str) -> bool:
    """Whether `subsampling` is 4:2:0, of 4:2:0 and 4:4:4."""
    if subsampling not in ("4:2:0", "4:4:4"):
        raise CallError(f"{what} subsampling {subsampling!r}: expected 4:2:0 or 4:4:4")
    return subsampling == "4:2:0"


def built_in(feature: str) -> None:
    """Refuse a Pillow that was built without `feature`."""
    if not features.check(feature):
        raise CallError(
            f"this Pillow was built without {feature}; install its wheel from the package index: "
            f"pip install --force-reinstall pillow"
        )


class Jpeg(PillowCodec):
    """Baseline JPEG (ITU-T T.81) by libjpeg-turbo, with optimized Huffman tables off."""

    format = "JPEG"

    def __init__(
        self, quality: int, *, subsampling: str = "4:2:0", rounding: str = "blurred"
    ) -> None:
        """`quality` from 1 to 100, `subsampling` 4:2:0 or 4:4:4.

        `rounding` is what the surrogate rounds with, a name of `gradients.ROUNDINGS`.
        """
        super().__init__()
        self.quality = whole("JPEG quality", quality, 1, 100)
        self.subsampled = chroma_subsampled("JPEG", subsampling)
        if rounding not in ROUNDINGS:
            raise UnknownNameError("rounding", rounding, ROUNDINGS)
        self._rounding = ROUNDINGS[rounding]
        self.options = {"quality": quality, "subsampling": subsampling}

    def surrogate(self, x: Images) -> Images:
        """Differentiable JPEG of the same tables and subsampling."""
        return jpeg_surrogate(x, self.quality, subsampled=self.subsampled, rounding=self._rounding)

    def rate_surrogate(self, x: Images) -> PerImage:
        """Size classes of the coefficients, rounded to the same tables."""
        return jpeg_bits(x, self.quality, subsampled=self.subsampled)


class Png(PillowCodec):
    """PNG (ISO/IEC 15948) at zlib's level 9."""

    format = "PNG"

    def __init__(self) -> None:
        """There is nothing to choose."""
        super().__init__()
        self.options = {"compress_level": 9}

    def rate_surrogate(self, x: Images) -> PerImage:
        """Residuals of a prediction."""
        return residual_bits(x)

    def inspect(self, stream: bytes, size: tuple[int, int]) -> None:
        """Check every chunk's checksum and the end, where Pillow stops at the last pixel."""
        if not stream.endswith(PNG_END):
            raise ValueError("it does not end as a PNG")
        with Image.open(io.BytesIO(stream), formats=[self.format]) as picture:
            picture.verify()
