"""`imagenet1k`: the fixed 1,000 of the 50,000 validation pictures of ILSVRC 2012.

The draw: the 1,000 ids `ILSVRC2012_val_NNNNNNNN` whose sha256("20261120:" + id) is smallest; they
are committed in `imagenet1k.txt`. Nobody may redistribute the pictures, so their hashes are
recorded at the first load on a machine, and every run carries them in its dataset fingerprint.
"""

import re
from pathlib import Path

from scipy.io import loadmat

from benchmark.datasets import hub, synsets
from benchmark.datasets.folder import labels_from_csv
from benchmark.datasets.pictures import Pictures, of_files
from benchmark.errors import DataError
from benchmark.places import data_folder

REPOSITORY = "ILSVRC/imagenet-1k"
IDS = tuple(Path(__file__).with_name("imagenet1k.txt").read_text().split())
DEVKIT = "ILSVRC2012_devkit_t12"
TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"


def from_folder(root: Path, ids: tuple[str, ...] = IDS) -> Pictures:
    """`val` flat or by synset; flat needs `labels.csv` (`file,label`) or the devkit beside it."""
    by_name = {path.stem: path for path in root.glob("**/ILSVRC2012_val_*.JPEG")}
    missing = [name for name in ids if name not in by_name]
    if missing:
        raise DataError(
            f"{root} lacks {len(missing)} of the {len(ids)} pictures, {missing[0]}.JPEG first; "
            "unpack ILSVRC2012_img_val.tar there"
        )
    files = [by_name[name] for name in ids]
    return of_files("imagenet1k", files, _labels(root, files), ids)


def _labels(root: Path, files: list[Path]) -> list[int]:
    if all(re.fullmatch(r"n\d{8}", path.parent.name) for path in files):
        return [synsets.number(path.parent.name, str(path)) for path in files]
    if (root / "labels.csv").exists():
        labels = labels_from_csv(root / "labels.csv")
        absent = [path.name for path in files if path.name not in labels]
        if absent:
            raise DataError(f"{root / 'labels.csv'} has no row for {absent[0]}; add it")
        return [labels[path.name] for path in files]
    for devkit in (root / DEVKIT, root.parent / DEVKIT):
        if (devkit / TRUTH).exists():
            return _labels_from_devkit(devkit, files)
    raise DataError(
        f"{root} has no labels: expected sub-folders by synset, labels.csv (file,label), or the "
        f"folder {DEVKIT} inside or beside it"
    )


def _labels_from_devkit(devkit: Path, files: list[Path]) -> list[int]:
    """The devkit numbers its classes in an order of its own; `meta.mat` has their synsets."""
    meta = loadmat(devkit / "data" / "meta.mat", squeeze_me=True)["synsets"]
    synset_of = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in meta}
    truth = [int(line) for line in (devkit / TRUTH).read_text().split()]
    labels = []
    for path in files:
        position = int(path.stem.removeprefix("ILSVRC2012_val_"))
        if position > len(truth):
            raise DataError(f"{devkit / TRUTH} has {len(truth)} lines, expected 50000; restore it")
        labels.append(synsets.number(synset_of[truth[position - 1]], str(devkit)))
    return labels


def from_hub(repository: str = REPOSITORY, ids: tuple[str, ...] = IDS) -> Pictures:
    """The hub's validation split (its licence must be accepted there first)."""
    table = hub.load_split(repository, "validation")
    found = hub.pictures("imagenet1k", table, r"ILSVRC2012_val_\d{8}", True)
    position = {name: i for i, name in enumerate(found.ids)}
    missing = [name for name in ids if name not in position]
    if missing:
        raise DataError(
            f"{repository} lacks {len(missing)} of the {len(ids)} pictures, {missing[0]} first; "
            "use a local copy of the validation set"
        )
    return found.subset([position[name] for name in ids])


def load() -> Pictures:
    """From `SQUEEZEBENCH_DATA/imagenet-val` if it is there, else from the hub."""
    data = data_folder()
    if data and (data / "imagenet-val").is_dir():
        return from_folder(data / "imagenet-val")
    return from_hub()
