"""Datasets by name, the draw of a sample, and the fingerprint by which runs may be compared."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.datasets import folder, imagenet1k, imagenette, kodak, photos, shapes
from benchmark.datasets.pictures import Pictures, checked
from benchmark.errors import DataError, ProtocolError, UnknownNameError
from benchmark.places import cache_folder, resolve
from benchmark.protocol import DatasetSpec

DATASETS: Mapping[str, Callable[[], Pictures]] = {
    "shapes": shapes.load,
    "photos": photos.load,
    "imagenette": imagenette.load,
    "imagenet1k": imagenet1k.load,
    "kodak": kodak.load,
}
FOLDER = "folder"


@dataclass(frozen=True)
class Sample:
    """The pictures that a run judges, with the hash of each one's pixels and of the whole."""

    pictures: Pictures
    fingerprint: str


def find(spec: DatasetSpec, beside: Sequence[Path] = ()) -> Pictures:
    """The dataset of `spec`, cut to its sample; `beside` are folders for relative paths."""
    if (spec.name == FOLDER) != (spec.folder is not None):
        raise ProtocolError(
            f"dataset {spec.name!r} with folder = {spec.folder!r}: expected a path for the dataset "
            "'folder' and none for the others"
        )
    if spec.folder is not None:
        pictures = folder.load(resolve(spec.folder, beside))
    elif spec.name in DATASETS:
        pictures = DATASETS[spec.name]()
    else:
        raise UnknownNameError("dataset", spec.name, [*DATASETS, FOLDER])
    if spec.sample is None:
        return pictures
    if spec.sample > len(pictures):
        raise ProtocolError(
            f"sample = {spec.sample}, but dataset {spec.name} has {len(pictures)} pictures"
        )

    def lot(position: int) -> str:
        return hashlib.sha256(f"{spec.seed}:{pictures.ids[position]}".encode()).hexdigest()

    kept = sorted(range(len(pictures)), key=lot)[: spec.sample]
    return pictures.subset(sorted(kept))


def fingerprinted(pictures: Pictures) -> Sample:
    """Read every picture once, check it against its record, and hash the whole."""
    pictures = _with_record(pictures)
    sha256 = tuple(checked(pictures, position)[1] for position in range(len(pictures)))
    _record(pictures, sha256)
    labels: Sequence[int | None] = pictures.labels or [None] * len(pictures)
    content = json.dumps(list(zip(pictures.ids, labels, sha256, strict=True)))
    fingerprint = hashlib.sha256(content.encode()).hexdigest()
    return Sample(replace(pictures, sha256=sha256), fingerprint)


# Datasets whose pictures cannot be redistributed: what the first load on a machine saw is kept.
RECORDED = ("imagenette", "imagenet1k")


def _record_path(name: str) -> Path:
    return cache_folder("fingerprints") / f"{name}.json"


def _with_record(pictures: Pictures) -> Pictures:
    path = _record_path(pictures.name)
    if pictures.name not in RECORDED or not path.exists():
        return pictures
    try:
        known: dict[str, str] = json.loads(path.read_text())
    except ValueError as problem:
        raise DataError(f"{path} is damaged ({problem}); delete it to record anew") from problem
    if not all(name in known for name in pictures.ids):
        return pictures
    return replace(pictures, sha256=tuple(known[name] for name in pictures.ids))


def _record(pictures: Pictures, sha256: Sequence[str]) -> None:
    if pictures.name not in RECORDED or pictures.sha256 is not None:
        return
    path = _record_path(pictures.name)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(dict(zip(pictures.ids, sha256, strict=True))))
    partial.replace(path)
