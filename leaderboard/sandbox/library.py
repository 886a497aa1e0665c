"""Weights of the api's own codecs, which a box cannot fetch: it has no network.

A box says which file it lacks. That is a stranger's word, so it is only looked up in a table of the
project's, and fetched if it stands there.
"""

import importlib
import re

from benchmark.errors import ContractError, DataError
from benchmark.places import cache_folder, data_folder

LACKING = re.compile(r"^([\w.-]{1,100}) is missing: looked for ")
INSIDE_DATA, INSIDE_CACHE = "/data/weights", "/cache/squeezebench/weights"


def fetched(problem: ContractError) -> bool:
    """Whether what a box lacks is a file that the project knows, which then is there.

    `DataError` if it is one that nobody can fetch, in words for this side of the box.
    """
    lacking = LACKING.match(str(problem))
    if lacking is None:
        return False
    # It brings compressai, seconds that nobody else should pay.
    zoo = importlib.import_module("benchmark.codecs.zoo")
    if zoo.fetch(lacking[1]) is None:
        raise DataError(_outside(str(problem))) from problem
    return True


def _outside(text: str) -> str:
    """The paths of a message as they are on this side."""
    data = data_folder()
    if data is not None:
        text = text.replace(INSIDE_DATA, str(data / "weights"))
    return text.replace(INSIDE_CACHE, str(cache_folder("weights")))
