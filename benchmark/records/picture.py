"""A picture that a run keeps for people to look at."""

from dataclasses import dataclass

SOURCE, OUTPUT = "source", "output"
WINDOW = 128
"""Pixels a side; of a larger picture its middle is kept."""
SHOWABLE = ("shapes", "photos", "kodak")
"""Datasets that may be shown to anybody. ImageNet's may not, and nobody knows of a folder."""


@dataclass(frozen=True)
class Picture:
    """One image under one cell, as a PNG file of at most `WINDOW` pixels a side.

    `role` is `source` for what was judged, `output` for what the defense or the codec made of it in
    its first draw. Larger pictures are cut and no pixel is changed, so the file of a small `source`
    has the `png_sha256` of its outcome.
    """

    cell: str
    image: str
    role: str
    png: bytes
