"""What this machine has, what it lacks, and the remedy."""

import shutil
from typing import Any

from benchmark import environment
from benchmark.errors import SqueezebenchError
from benchmark.places import DATA_VARIABLE, cache_folder, data_folder
from leaderboard.engine.local import LocalEngine

DISK_BYTES = 5 * 2**30


def datasets(engine: LocalEngine) -> list[dict[str, Any]]:
    """Each dataset with its number of pictures and fingerprint, or the problem."""
    found = []
    for name in engine.ask("machine", {})["datasets"]:
        row: dict[str, Any] = {"name": name, "pictures": None, "fingerprint": None, "problem": None}
        try:
            row |= engine.ask("dataset", {"name": name})
        except SqueezebenchError as problem:
            row["problem"] = str(problem)
        found.append(row)
    return found


def examine(engine: LocalEngine) -> list[dict[str, Any]]:
    """One row a part: `part`, `ok`, and what it `says`."""
    machine = engine.ask("machine", {})
    devices = machine["devices"]
    rows = [
        _row("processor", True, f"{environment.processor()}, {machine['cores']} cores"),
        _row("torch", True, machine["torch"]),
        _row(
            "cuda",
            bool(devices),
            ", ".join(devices)
            or "no device; evaluation runs on the CPU, which is enough for the "
            "mini protocols (install an NVIDIA driver for the others)",
        ),
        _disk(),
        _data(),
    ]
    rows += [
        _row(row["name"], row["problem"] is None, row["problem"] or f"{row['pictures']} pictures")
        for row in datasets(engine)
    ]
    return rows


def _row(part: str, ok: bool, says: str) -> dict[str, Any]:
    return {"part": part, "ok": ok, "says": says}


def _disk() -> dict[str, Any]:
    cache = cache_folder("transfer")
    free = shutil.disk_usage(cache).free
    says = f"{free / 2**30:.0f} GiB free at {cache}"
    remedy = "; a full protocol keeps about 5 GiB there: free some, or set XDG_CACHE_HOME"
    return _row("disk", free >= DISK_BYTES, says if free >= DISK_BYTES else says + remedy)


def _data() -> dict[str, Any]:
    try:
        folder = data_folder()
    except SqueezebenchError as problem:
        return _row("data folder", False, str(problem))
    if folder is None:
        remedy = f"{DATA_VARIABLE} is not set; set it to a folder with imagenette2/, imagenet-val/"
        return _row("data folder", False, f"{remedy} or kodak/, else they are downloaded")
    return _row("data folder", True, str(folder))
