"""The only names that a submission may import, with those of `benchmark.api.learned`.

A submission is a folder with `submission.toml` and `defense.py`; the class that its manifest names
is made with the parameters of one variant as keyword arguments.
"""

from benchmark.classifiers import load as load_classifier
from benchmark.codecs.avif import Avif
from benchmark.codecs.heic import Heic
from benchmark.codecs.jpeg2000 import Jpeg2000
from benchmark.codecs.jpeg_xl import JpegXL, JpegXLLossless
from benchmark.codecs.local_quantization import LocalQuantization
from benchmark.codecs.pillow import Jpeg, PillowCodec, Png
from benchmark.codecs.sequential import Sequential
from benchmark.codecs.vvc import Vvc
from benchmark.codecs.webp import WebP, WebPLossless
from benchmark.defense import Classifier, Codec, Defense, Repeated, Selecting
from benchmark.errors import CallError, ContractError
from benchmark.geometry import from_bytes, to_bytes, to_lattice
from benchmark.gradients import blurred_round, bpda, straight_through
from benchmark.protocol import ClassifierSpec
from benchmark.tensors import Images, Logits, PerImage

__all__ = [
    "Avif",
    "CallError",
    "Classifier",
    "ClassifierSpec",
    "Codec",
    "ContractError",
    "Defense",
    "Heic",
    "Images",
    "Jpeg",
    "Jpeg2000",
    "JpegXL",
    "JpegXLLossless",
    "LocalQuantization",
    "Logits",
    "PerImage",
    "PillowCodec",
    "Png",
    "Repeated",
    "Selecting",
    "Sequential",
    "Vvc",
    "WebP",
    "WebPLossless",
    "blurred_round",
    "bpda",
    "from_bytes",
    "load_classifier",
    "straight_through",
    "to_bytes",
    "to_lattice",
]
