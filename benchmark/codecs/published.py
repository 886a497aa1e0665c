"""ELIC and HiFiC with their public weights, which a user fetches by hand.

Google Drive hands no file to a script, and HiFiC's have to be converted. No hash of them is known
here: none was loaded where this was written.
"""

from collections.abc import Mapping
from pathlib import Path

from benchmark.codecs import elic, hific_checkpoint
from benchmark.codecs.elic import ElicCodec
from benchmark.codecs.hific import HificCodec
from benchmark.errors import DataError, UnknownNameError
from benchmark.weights import find, read_weights

ELIC: Mapping[str, str] = {
    "0004": "1YGVJ9bpeEq0xfqka2xkaMzhDkeYFJi6q",
    "0008": "1VNE7rx-rBFLnNFkz56Zc-cPr6xrBBJdL",
    "0016": "1MWlYAmpHbWlGtG7MBBTPEew800grY5yC",
    "0032": "1Moody9IR8CuAGwLCZ_ZMTfZXT0ehQhqc",
    "0150": "1s544Uxv0gBY3WvKBcGNb3Fb22zfmd9PL",
    "0450": "1uuKQJiozcBfgGMJ8CfM6lrXOZWv6RUDN",
}
"""The files' Google Drive ids, by 10,000 times the lambda they were trained with."""
HIFIC: Mapping[str, str] = {"low": "hific_low", "med": "hific_med", "high": "hific_hi"}
"""The files' names without ending, by rate: 0.14, 0.30 and 0.45 bits a pixel were aimed at."""


class Elic(ElicCodec):
    """ELIC with a checkpoint of VincentChandelier/ELiC-ReImplemetation."""

    def __init__(self, rate: str) -> None:
        """`rate` is 0004, 0008, 0016, 0032, 0150 or 0450."""
        if rate not in ELIC:
            raise UnknownNameError("ELIC rate", rate, ELIC)
        path = _by_hand(
            f"ELIC_{rate}_ft_3980_Plateau.pth.tar",
            f"fetch it from https://drive.google.com/file/d/{ELIC[rate]} in a browser",
        )
        super().__init__(elic.model_of(read_weights(path, None), path))
        self.trade_off = int(rate) / 10_000


class Hific(HificCodec):
    """HiFiC with a checkpoint of Justin-Tan/high-fidelity-generative-compression."""

    def __init__(self, rate: str) -> None:
        """`rate` is low, med or high."""
        if rate not in HIFIC:
            raise UnknownNameError("HiFiC rate", rate, HIFIC)
        name = HIFIC[rate]
        path = _by_hand(
            f"{name}.safetensors",
            f"fetch {name}.pt from https://zenodo.org/record/4026003 and convert it with python -m "
            f"benchmark.codecs.hific_checkpoint {name}.pt {name}.safetensors",
        )
        super().__init__(hific_checkpoint.load(path))


def _by_hand(name: str, how: str) -> Path:
    try:
        return find(name)
    except DataError as absent:
        raise DataError(f"{absent}; to have it, {how}") from absent
