"""Bundled codecs beside JPEG on `photos`: `python -m benchmark.codecs.train.compare`.

Real bytes, headers included; JPEG's PSNR at the same bits per pixel is interpolated on its curve.
"""

import numpy as np
import torch
from rich.console import Console
from torch.nn import functional

from benchmark.codecs import mini
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.train.curves import at_rate
from benchmark.codecs.train.measure import Point, coded
from benchmark.datasets import photos
from benchmark.geometry import from_bytes, to_lattice
from benchmark.tensors import Images

QUALITIES = (*range(5, 95, 5), 95)
SIDES = (photos.SIDE, 224)
FORMS = ("4:2:0", "4:4:4")


def photographs(side: int) -> Images:
    """`photos` at `side` pixels, on the 8-bit lattice."""
    loaded = photos.load()
    pixels = np.stack([loaded.read(i) for i in range(len(loaded))])
    x = from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous())
    if side != photos.SIDE:
        x = functional.interpolate(x, size=(side, side), mode="bicubic", antialias=True)
    return to_lattice(x)


def curve(form: str, x: Images) -> list[Point]:
    """JPEG's, of one subsampling."""
    return [coded(Jpeg(quality, subsampling=form), x) for quality in QUALITIES]


def main() -> None:
    """Print a row of a Markdown table for each codec and size."""
    say = Console(width=200)
    say.print("| codec | rate | side | bits per pixel | PSNR | JPEG 4:2:0 | JPEG 4:4:4 |")
    say.print("|---|---|---|---|---|---|---|")
    for side in SIDES:
        x = photographs(side)
        curves = [curve(form, x) for form in FORMS]
        for name in mini.MINIS:
            for rate in mini.MINIS[name].sha256:
                if not mini.weights_of(name, rate).is_file():
                    continue
                point = coded(mini.load(name, rate), x)
                theirs = [at_rate(one, point.bits_per_pixel) for one in curves]
                cells = [name, rate, str(side), f"{point.bits_per_pixel:.3f}"]
                cells += [f"{value:.2f}" for value in (point.psnr, *theirs)]
                say.print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
