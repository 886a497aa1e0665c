"""`folder`: pictures of one's own, with a `labels.csv` (`file,label`) or one sub-folder a class."""

import csv
from pathlib import Path

from benchmark.datasets.pictures import Pictures, of_files
from benchmark.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def labels_from_csv(path: Path) -> dict[str, int]:
    """Label of each file that `path` (columns `file,label`) lists."""
    labels = {}
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        if not {"file", "label"} <= set(rows.fieldnames or ()):
            raise DataError(f"{path} has columns {rows.fieldnames}, expected file,label")
        for row in rows:
            if not (row["label"] or "").isdecimal():
                raise DataError(
                    f"{path} line {rows.line_num}: label {row['label']!r}, expected a class number"
                )
            labels[row["file"]] = int(row["label"])
    return labels


def load(root: Path) -> Pictures:
    """The pictures of `root`, sorted by file name (`labels.csv`) or by class and file name."""
    if not root.is_dir():
        raise DataError(f"{root} is no folder; expected one with labels.csv or a folder a class")
    if (root / "labels.csv").exists():
        labels = labels_from_csv(root / "labels.csv")
        names = sorted(labels)
        return of_files(
            root.name, [root / name for name in names], [labels[n] for n in names], names
        )
    classes = sorted(folder for folder in root.iterdir() if folder.is_dir())
    files = [
        (path, label)
        for label, folder in enumerate(classes)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise DataError(
            f"{root} has no picture: expected labels.csv (file,label) or one sub-folder a class"
        )
    ids = [f"{path.parent.name}/{path.name}" for path, _ in files]
    return of_files(root.name, [path for path, _ in files], [label for _, label in files], ids)
