"""What every dataset is once it is found: ids, labels, and a way to read one picture."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.errors import DataError

Picture = NDArray[np.uint8]

# Modes that become 8-bit sRGB without a decision about transparency or range.
PLAIN_MODES = ("RGB", "L", "CMYK", "P", "YCbCr", "1")


@dataclass(frozen=True)
class Pictures:
    """A dataset: `read(position)` gives the picture (h, w, 3), sRGB, 8 bits a channel.

    `labels` is None for pictures without classes (the codec track). `sha256`, where pinned or
    recorded, is what `pixel_sha256` must say of each picture.
    """

    name: str
    ids: tuple[str, ...]
    labels: tuple[int, ...] | None
    read: Callable[[int], Picture]
    sha256: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, positions: Sequence[int]) -> "Pictures":
        """The pictures at `positions`, in that order."""
        kept = tuple(positions)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in kept),
            labels=None if self.labels is None else tuple(self.labels[i] for i in kept),
            read=lambda i: self.read(kept[i]),
            sha256=None if self.sha256 is None else tuple(self.sha256[i] for i in kept),
        )


def pixel_sha256(picture: Picture) -> str:
    """Hash of the decoded pixels and their shape; independent of the file format."""
    header = f"{picture.shape[0]}x{picture.shape[1]}x{picture.shape[2]}:".encode()
    return hashlib.sha256(header + np.ascontiguousarray(picture).tobytes()).hexdigest()


def checked(pictures: Pictures, position: int) -> tuple[Picture, str]:
    """The picture and its hash; an error names it if the hash is not the recorded one."""
    picture = pictures.read(position)
    found = pixel_sha256(picture)
    if pictures.sha256 is not None and found != pictures.sha256[position]:
        raise DataError(
            f"picture {pictures.ids[position]} of {pictures.name} is not the recorded one: its "
            f"pixels hash to {found[:12]}, expected {pictures.sha256[position][:12]}; restore the "
            "original file"
        )
    return picture, found


def read_file(path: Path) -> Picture:
    """The picture in the file at `path`; an error names a file that is missing or truncated."""
    try:
        with Image.open(path) as opened:
            return to_picture(opened, str(path))
    except FileNotFoundError:
        raise DataError(f"{path} is missing; restore it") from None
    except (OSError, SyntaxError, ValueError) as problem:
        raise DataError(f"{path} cannot be read as a picture: {problem}; restore it") from problem


def to_picture(opened: Image.Image, source: str) -> Picture:
    """Pixels of an opened image; `source` names it in errors."""
    if opened.mode not in PLAIN_MODES or "transparency" in opened.info:
        raise DataError(
            f"{source} has mode {opened.mode}{' with transparency' * (opened.mode == 'P')}, "
            "expected 8-bit RGB or grey; convert it"
        )
    return np.asarray(opened.convert("RGB"))


def of_files(
    name: str, files: Sequence[Path], labels: Sequence[int] | None, ids: Sequence[str] | None = None
) -> Pictures:
    """A dataset of picture files; ids are the file names unless given."""
    paths = tuple(files)
    if not paths:
        raise DataError(f"dataset {name} has no picture")
    return Pictures(
        name=name,
        ids=tuple(ids) if ids is not None else tuple(path.name for path in paths),
        labels=None if labels is None else tuple(labels),
        read=lambda position: read_file(paths[position]),
    )
