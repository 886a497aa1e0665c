"""ImageNet's class numbers from its synset names."""

import importlib
from functools import lru_cache

from benchmark.errors import DataError


@lru_cache(maxsize=1)
def numbers() -> dict[str, int]:
    """Class number (0 to 999) of each of the 1000 synsets, in the usual (sorted) order.

    timm knows them. It is imported here, for it takes seconds that no codec should pay.
    """
    known = importlib.import_module("timm.data").ImageNetInfo("imagenet-1k").label_names()
    return {synset: i for i, synset in enumerate(known)}


def number(synset: str, where: str) -> int:
    """Class number of `synset`; `where` it was found goes into the error."""
    if synset not in numbers():
        raise DataError(f"{where}: {synset!r} is no synset of ImageNet-1k, expected e.g. n01440764")
    return numbers()[synset]
