"""Where data, weights and caches live on this machine."""

import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from benchmark.errors import DataError

DATA_VARIABLE = "SQUEEZEBENCH_DATA"


def data_folder() -> Path | None:
    """The folder that `SQUEEZEBENCH_DATA` names, searched before any download; None if unset."""
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"{DATA_VARIABLE} is {named}: no such folder; correct it or unset it")
    return folder


def cache_folder(name: str) -> Path:
    """The folder `name` in the platform's cache of this program, made if need be."""
    folder = platformdirs.user_cache_path("squeezebench") / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def resolve(path: str, beside: Sequence[Path]) -> Path:
    """The existing file or folder `path`: as it is, in one of `beside`, or in the data folder."""
    given = Path(path).expanduser()
    data = data_folder()
    roots = [*beside, *([data] if data else [])]
    candidates = [given] if given.is_absolute() else [root / given for root in roots]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    searched = ", ".join(str(candidate) for candidate in candidates) or "nowhere"
    hint = "" if data else f"; set {DATA_VARIABLE} to the folder that holds it"
    raise DataError(f"{path} is missing: looked for {searched}{hint}")
