"""Pictures that somebody hands in against a run: PNG files in a folder, or a safetensors file.

The picture of the image `ID` before the classifier `C` is the file `C/ID.png` of the folder, 8-bit
RGB, or the tensor `C/ID` of the file, uint8 (3, h, w). The id is written out whole: its slashes
are sub-folders, its own ending stays (`n01440764_292.JPEG.png`); only an id that ends in `.png`
needs no second one. `C/` may be left out where only one classifier is meant.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open

from benchmark.errors import CallError, UnknownNameError
from benchmark.records import ClassifierRecord

PNG = b"\x89PNG\r\n\x1a\n"
COLORS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
RGB = 2


class Expected(NamedTuple):
    """What a run can be challenged with: images with their positions, and classifiers.

    `chosen` is the one classifier that is meant, None for all of them.
    """

    images: Mapping[str, int]
    classifiers: Sequence[ClassifierRecord]
    chosen: str | None


@dataclass(frozen=True)
class HandedInPicture:
    """A picture of the image at `position`; `read` checks it and gives its bytes (3, h, w)."""

    classifier: ClassifierRecord
    image: str
    position: int
    source: str
    read: Callable[[], bytes]


class _Named(NamedTuple):
    """Something that may be a picture: how its name may be spelled, and how to read it."""

    source: str
    spellings: tuple[str, ...]
    read: Callable[[ClassifierRecord], bytes]


def find(path: Path, expected: Expected) -> list[HandedInPicture]:
    """The pictures in the folder or file `path`, by classifier and position; none is read yet."""
    if path.is_dir():
        named = list(_of_folder(path))
    elif path.suffix == ".safetensors" and path.exists():
        named = list(_of_tensors(path))
    else:
        raise CallError(f"{path}: expected a folder of PNG files or a .safetensors file")
    found: dict[tuple[str, str], HandedInPicture] = {}
    for one in named:
        target = _target(one, expected)
        if target is None:
            continue
        classifier, image = target
        twice = found.get((classifier.name, image))
        if twice is not None:
            raise CallError(
                f"{one.source} and {twice.source} are both image {image} before "
                f"{classifier.name}; expected one picture"
            )
        found[classifier.name, image] = HandedInPicture(
            classifier,
            image,
            expected.images[image],
            one.source,
            partial(one.read, classifier),
        )
    if not found:
        raise CallError(f"{path} holds no picture; expected `<image id>.png` or tensors")
    order = [classifier.name for classifier in expected.classifiers]
    return sorted(found.values(), key=lambda p: (order.index(p.classifier.name), p.position))


def _target(one: _Named, expected: Expected) -> tuple[ClassifierRecord, str] | None:
    """The classifier and image that a picture is for; None if for another than the chosen one."""
    known = expected.classifiers
    meant = [c for c in known if c.name == expected.chosen] if expected.chosen else known
    candidates = [
        (classifier, spelling.removeprefix(f"{classifier.name}/"))
        for classifier in known
        for spelling in one.spellings
        if spelling.startswith(f"{classifier.name}/")
    ]
    if len(meant) == 1:
        candidates += [(meant[0], spelling) for spelling in one.spellings]
    if not candidates:
        names = ", ".join(classifier.name for classifier in known)
        raise CallError(
            f"{one.source}: for which classifier? expected it under the name of one ({names}), or "
            "--classifier"
        )
    for classifier, image in candidates:
        if image in expected.images:
            return (classifier, image) if classifier in meant else None
    raise UnknownNameError("image", candidates[0][1], expected.images)


def _of_folder(folder: Path) -> Iterator[_Named]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in relative.parts):
            continue
        if path.suffix != ".png":
            raise CallError(f"{path} is no PNG file; expected a folder of `<image id>.png` alone")
        name = relative.as_posix()
        yield _Named(str(path), (name.removesuffix(".png"), name), _png_reader(path))


def _png_reader(path: Path) -> Callable[[ClassifierRecord], bytes]:
    def read(classifier: ClassifierRecord) -> bytes:
        with path.open("rb") as file:
            header = file.read(26)
        if len(header) < 26 or not header.startswith(PNG):
            raise CallError(f"{path} is no PNG file; its name alone says so")
        width, height, depth, color = struct.unpack(">IIBB", header[16:])
        if (depth, color) != (8, RGB):
            kind = COLORS.get(color, "unknown")
            raise CallError(f"{path} is {depth}-bit {kind}, expected 8-bit RGB; convert it")
        _check_size(str(path), (height, width), classifier)
        try:
            with Image.open(path) as opened:
                pixels = np.asarray(opened)
        except (OSError, SyntaxError, ValueError) as problem:
            raise CallError(f"{path} cannot be read: {problem}; write it again") from problem
        return pixels.transpose(2, 0, 1).tobytes()

    return read


def _of_tensors(path: Path) -> Iterator[_Named]:
    try:
        file: Any = safe_open(path, framework="numpy")
    except SafetensorError as problem:
        raise CallError(f"{path} is no safetensors file: {problem}") from problem

    def reader(key: str) -> Callable[[ClassifierRecord], bytes]:
        def read(classifier: ClassifierRecord) -> bytes:
            source, view = f"{path}: {key}", file.get_slice(key)
            kind, shape = view.get_dtype(), tuple(view.get_shape())
            if kind != "U8" or len(shape) != 3 or shape[0] != 3:
                raise CallError(f"{source} is {kind} {shape}, expected uint8 (3, h, w)")
            _check_size(source, shape[1:], classifier)
            content: bytes = file.get_tensor(key).tobytes()
            return content

        return read

    for key in sorted(file.keys()):
        yield _Named(f"{path}: {key}", (key,), reader(key))


def _check_size(source: str, size: tuple[int, ...], classifier: ClassifierRecord) -> None:
    expected = (classifier.height, classifier.width)
    if size != expected:
        raise CallError(
            f"{source} has {size[0]} rows of {size[1]} pixels, expected {expected[0]} of "
            f"{expected[1]}: pictures are handed in as {classifier.name} gets them"
        )
