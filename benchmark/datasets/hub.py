"""Datasets of the Hugging Face hub, for machines with internet.

Its library is imported by the first call: it takes a second, and most pictures do not come from it.
"""

import importlib
import re
from typing import Any

from benchmark.datasets.pictures import Picture, Pictures, to_picture
from benchmark.errors import DataError
from benchmark.places import DATA_VARIABLE, cache_folder


def load_split(repository: str, split: str, **options: Any) -> Any:
    """One split of a repository (or of a local folder in the same layout), decoded on access."""
    hugging_face = importlib.import_module("datasets")
    try:
        return hugging_face.load_dataset(
            repository, split=split, cache_dir=str(cache_folder("hub")), **options
        )
    except (OSError, ValueError, hugging_face.exceptions.DatasetsError) as problem:
        if hugging_face.config.HF_HUB_OFFLINE:
            raise DataError(
                f"dataset {repository} is not on this machine; an evaluation fetches it, or put a "
                f"local copy into the folder that {DATA_VARIABLE} names"
            ) from problem
        first_line = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise DataError(
            f"dataset {repository} could not be fetched ({type(problem).__name__}: {first_line}); "
            f"check the connection (and the licence page, for ImageNet), or put a local copy into "
            f"the folder that {DATA_VARIABLE} names"
        ) from problem


def pictures(name: str, table: Any, id_pattern: str | None, labelled: bool) -> Pictures:
    """The rows of a table with an `image` column; ids from the file names by `id_pattern`.

    Without a pattern, or where the hub has dropped the names, a row's number is its id.
    """
    raw = table.cast_column("image", importlib.import_module("datasets").Image(decode=False))
    ids = []
    for position, row in enumerate(raw.select_columns(["image"])):
        path = row["image"].get("path") or ""
        found = re.search(id_pattern, path) if id_pattern else None
        ids.append(found.group() if found else f"{name}-{position:05d}")

    def read(position: int) -> Picture:
        return to_picture(table[position]["image"], f"{name} row {position}")

    labels = tuple(int(label) for label in table["label"]) if labelled else None
    return Pictures(name=name, ids=tuple(ids), labels=labels, read=read)
