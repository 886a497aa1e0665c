"""Loading a classifier, for submissions that are one."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.protocol import ClassifierSpec


def load_classifier(spec: ClassifierSpec, beside: Sequence[Path] = ()) -> Any:
    """The classifier of `spec` as a `LoadedClassifier`; `beside` are folders for its weights.

    What loads it brings timm and torchvision, which cost seconds that no other submission should
    pay: it is imported by the first call.
    """
    return importlib.import_module("benchmark.classifiers").load(spec, beside)
