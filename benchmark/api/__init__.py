"""The only names that a submission may import, with those of `benchmark.api.learned`.

A submission is a folder with `submission.toml` and `defense.py`; the class that its manifest names
is made with the parameters of one variant as keyword arguments.
"""

from benchmark.api.classifying import load_classifier
from benchmark.codecs.avif import Avif
from benchmark.codecs.heic import Heic
from benchmark.codecs.jpeg2000 import Jpeg2000
from benchmark.codecs.jpeg_xl import JpegXL, JpegXLLossless
from benchmark.codecs.kway import KWay
from benchmark.codecs.local_quantization import LocalQuantization
from benchmark.codecs.naive import NaiveRandomization
from benchmark.codecs.pillow import Jpeg, PillowCodec, Png
from benchmark.codecs.preprocessed import Blur, FewerLevels, Preprocessed
from benchmark.codecs.self_ensemble import SelfEnsemble
from benchmark.codecs.sequential import Sequential
from benchmark.codecs.vvc import Vvc
from benchmark.codecs.webp import WebP, WebPLossless
from benchmark.defense import (
    Branches,
    Classifier,
    Codec,
    Coded,
    Defense,
    Repeated,
    Selecting,
    SelectingCodec,
)
from benchmark.errors import CallError, ContractError
from benchmark.geometry import from_bytes, to_bytes, to_lattice
from benchmark.gradients import blurred_round, bpda, straight_through
from benchmark.handed import weights_file
from benchmark.protocol import ClassifierSpec
from benchmark.tensors import Images, Logits, PerImage

__all__ = [
    "Avif",
    "Blur",
    "Branches",
    "CallError",
    "Classifier",
    "ClassifierSpec",
    "Codec",
    "Coded",
    "ContractError",
    "Defense",
    "FewerLevels",
    "Heic",
    "Images",
    "Jpeg",
    "Jpeg2000",
    "JpegXL",
    "JpegXLLossless",
    "KWay",
    "LocalQuantization",
    "Logits",
    "NaiveRandomization",
    "PerImage",
    "PillowCodec",
    "Png",
    "Preprocessed",
    "Repeated",
    "Selecting",
    "SelectingCodec",
    "SelfEnsemble",
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
    "weights_file",
]
