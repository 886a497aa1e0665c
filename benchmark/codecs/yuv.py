"""Raw video of 4:2:0: BT.709 Y'CbCr in full range and 10 bits, of one frame.

Full range and 10 bits so that the conversion costs next to nothing beside the coding (a grey level
of a picture is four levels here). A chroma sample is the mean of four pixels; on the way back it
stands between them, and they are interpolated.
"""

import re

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.errors import ContractError
from benchmark.tensors import Images

RED, GREEN, BLUE = 0.2126, 0.7152, 0.0722
PEAK = 1023
MIDDLE = 512
Y4M = re.compile(rb"YUV4MPEG2 W(\d+) H(\d+) ([^\n]*)\nFRAME[^\n]*\n")
DEPTH = b"C420p10"


def to_frame(x: Images) -> bytes:
    """One image of even height and width as a frame: the three planes, 16 bits a sample."""
    red, green, blue = x.unbind(1)
    luma = RED * red + GREEN * green + BLUE * blue
    chroma = torch.stack([(blue - luma) / (2 - 2 * BLUE), (red - luma) / (2 - 2 * RED)], 1)
    planes = (luma * PEAK, functional.avg_pool2d(chroma, 2) * PEAK + MIDDLE)
    samples = torch.cat([plane.flatten() for plane in planes]).round().clamp(0, PEAK)
    return samples.cpu().numpy().astype("<u2").tobytes()


def from_frame(frame: bytes, size: tuple[int, int]) -> Images:
    """The image (1, 3, h, w) of a frame of the `size` (h, w)."""
    height, width = size
    if len(frame) != 3 * height * width:
        raise ContractError(
            f"a frame of {height}x{width} pixels has {len(frame)} bytes, expected "
            f"{3 * height * width}"
        )
    samples = torch.from_numpy(np.frombuffer(frame, "<u2").astype(np.float32))
    luma = samples[: height * width].view(1, height, width) / PEAK
    small = samples[height * width :].view(1, 2, height // 2, width // 2)
    blueness, redness = _upsampled((small - MIDDLE) / PEAK).unbind(1)
    red, blue = luma + (2 - 2 * RED) * redness, luma + (2 - 2 * BLUE) * blueness
    green = (luma - RED * red - BLUE * blue) / GREEN
    return torch.stack([red, green, blue], 1).clamp(0, 1)


def _upsampled(chroma: Tensor) -> Tensor:
    return functional.interpolate(chroma, scale_factor=2, mode="bilinear")


def read_y4m(content: bytes) -> tuple[bytes, tuple[int, int]]:
    """The first frame of a Y4M file of 10 bits, and its height and width."""
    header = Y4M.match(content)
    if header is None or DEPTH not in header[3].split():
        raise ContractError(
            f"a decoded file begins with {content[:60]!r}, expected a Y4M header with "
            f"{DEPTH.decode()} and a frame"
        )
    return content[header.end() :], (int(header[2]), int(header[1]))
