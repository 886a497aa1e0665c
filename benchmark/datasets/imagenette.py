"""`imagenette`: all 3,925 validation pictures of Imagenette (fast.ai), full size.

Labels are ImageNet class numbers, so that 1000-class models apply; the protocol keeps ten logits.
"""

from dataclasses import replace
from pathlib import Path

from benchmark.datasets import hub, synsets
from benchmark.datasets.pictures import Pictures, of_files
from benchmark.errors import DataError
from benchmark.places import data_folder

SIZE = 3925
REPOSITORY = "frgfm/imagenette"
# The order of the hub's labels 0 to 9.
SYNSETS = (
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
)


def from_folder(root: Path, size: int = SIZE) -> Pictures:
    """The layout of fast.ai's and torchvision's archive: `imagenette2/val/<synset>/*.JPEG`."""
    files = sorted((root / "val").glob("n*/*.JPEG"), key=lambda path: path.name)
    if len(files) != size:
        raise DataError(
            f"{root / 'val'} holds {len(files)} pictures, expected {size}; unpack imagenette2.tgz "
            "again (the full size, not 320 or 160 px)"
        )
    return of_files(
        "imagenette", files, [synsets.number(path.parent.name, str(path)) for path in files]
    )


def from_hub(repository: str = REPOSITORY) -> Pictures:
    """The parquet conversion of the hub's `full_size` validation split."""
    table = hub.load_split(
        repository,
        "train",
        data_files="full_size/validation/*.parquet",
        revision=_revision(repository),
    )
    found = hub.pictures("imagenette", table, r"n\d{8}_\d+\.JPEG|ILSVRC2012_val_\d{8}\.JPEG", True)
    labels = tuple(synsets.number(SYNSETS[label], repository) for label in found.labels or ())
    return replace(found, labels=labels)


def _revision(repository: str) -> str | None:
    return None if Path(repository).exists() else "refs/convert/parquet"


def load() -> Pictures:
    """From `SQUEEZEBENCH_DATA/imagenette2` if it is there, else from the hub."""
    data = data_folder()
    if data and (data / "imagenette2").is_dir():
        return from_folder(data / "imagenette2")
    return from_hub()
