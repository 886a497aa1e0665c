"""Room on the disks, the data folder, and the weights that lie here."""

import shutil
from collections.abc import Iterator

from benchmark.errors import SqueezebenchError
from benchmark.fetching import FOLDER
from benchmark.places import DATA_VARIABLE, cache_folder, data_folder
from leaderboard.doctor.row import Row

GIB = 2**30
CACHE_BYTES = 5 * GIB


def disks() -> Iterator[Row]:
    """The disk of the cache, which a full protocol fills."""
    cache = cache_folder("transfer")
    free = shutil.disk_usage(cache).free
    says = f"{free / GIB:.0f} GiB free at {cache}"
    remedy = "; a full protocol keeps about 5 GiB there: free some, or set XDG_CACHE_HOME"
    yield Row(
        "machine", "disk", free >= CACHE_BYTES, says if free >= CACHE_BYTES else says + remedy
    )


def data() -> Iterator[Row]:
    """The folder of datasets and weights of one's own."""
    try:
        folder = data_folder()
    except SqueezebenchError as problem:
        yield Row("data", "data folder", False, str(problem))
        return
    if folder is None:
        remedy = f"{DATA_VARIABLE} is not set; set it to a folder with imagenette2/, imagenet-val/"
        yield Row("data", "data folder", False, f"{remedy} or kodak/, else they are downloaded")
        return
    yield Row("data", "data folder", True, str(folder))


def weights() -> Iterator[Row]:
    """Published weights that were fetched, or put here by hand."""
    places = [cache_folder(FOLDER)]
    try:
        folder = data_folder()
    except SqueezebenchError:
        folder = None
    if folder is not None:
        places.insert(0, folder / FOLDER)
    found = sorted({path.name for place in places if place.is_dir() for path in place.iterdir()})
    names = [name for name in found if not name.endswith((".part", ".lock"))]
    if names:
        yield Row("data", "weights", True, f"{len(names)} files: {', '.join(names[:6])}")
        return
    remedy = (
        "none yet; CompressAI's are fetched at the first use, the error of a first try of ELIC, "
    )
    remedy += f"HiFiC or bls2017 says where theirs are from; they go to {places[0]}"
    yield Row("data", "weights", False, remedy)
