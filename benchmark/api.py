"""The only names that a submission may import.

A submission is a folder with `submission.toml` and `defense.py`; the class that its manifest names
is made with the parameters of one variant as keyword arguments.
"""

from benchmark.codecs.pillow import Jpeg, PillowCodec
from benchmark.codecs.sequential import Sequential
from benchmark.defense import Codec, Defense, Repeated, Selecting
from benchmark.errors import CallError, ContractError
from benchmark.geometry import from_bytes, to_bytes, to_lattice
from benchmark.gradients import blurred_round, bpda, straight_through
from benchmark.tensors import Images, PerImage

__all__ = [
    "CallError",
    "Codec",
    "ContractError",
    "Defense",
    "Images",
    "Jpeg",
    "PerImage",
    "PillowCodec",
    "Repeated",
    "Selecting",
    "Sequential",
    "blurred_round",
    "bpda",
    "from_bytes",
    "straight_through",
    "to_bytes",
    "to_lattice",
]
