"""ImageNet's class numbers from its synset names."""

from functools import lru_cache

from timm.data import ImageNetInfo

from benchmark.errors import DataError


@lru_cache(maxsize=1)
def numbers() -> dict[str, int]:
    """Class number (0 to 999) of each of the 1000 synsets, in the usual (sorted) order."""
    return {synset: i for i, synset in enumerate(ImageNetInfo("imagenet-1k").label_names())}


def number(synset: str, where: str) -> int:
    """Class number of `synset`; `where` it was found goes into the error."""
    if synset not in numbers():
        raise DataError(f"{where}: {synset!r} is no synset of ImageNet-1k, expected e.g. n01440764")
    return numbers()[synset]
