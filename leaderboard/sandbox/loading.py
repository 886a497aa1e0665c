"""A submission's class from its file: the one place that imports by path."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.defense import Plugin
from benchmark.errors import SubmissionError
from leaderboard.sandbox.traits import Traits, traits_of

MODULE = "submission_"
"""What the names of submissions' modules begin with."""


@dataclass(frozen=True)
class PluginSpec:
    """Which class to make, and what the manifest says of it."""

    source: str
    class_name: str
    kind: str
    randomized: bool
    parameters: dict[str, Any]


def load(spec: PluginSpec) -> Plugin:
    """A new instance of the submission's class, checked against the manifest."""
    source = Path(spec.source)
    found = importlib.util.spec_from_file_location(MODULE + source.parent.name, source)
    if found is None or found.loader is None:
        raise SubmissionError(f"{source} cannot be loaded as Python")
    module = importlib.util.module_from_spec(found)
    if str(source.parent) not in sys.path:  # at the end, where nothing of it hides another
        sys.path.append(str(source.parent))
    found.loader.exec_module(module)
    made = getattr(module, spec.class_name, None)
    if not isinstance(made, type):
        raise SubmissionError(
            f"{source} defines no class {spec.class_name}, which the manifest names"
        )
    try:
        plugin = made(**spec.parameters)
    except TypeError as problem:
        raise SubmissionError(
            f"{spec.class_name}({', '.join(spec.parameters)}): {problem}; the parameters of the "
            "variant must be those of the class"
        ) from problem
    if not isinstance(plugin, Plugin):
        raise SubmissionError(
            f"{spec.class_name} of {source} is no Defense, Codec or Classifier of the api"
        )
    check(traits_of(plugin), spec)
    return plugin


def check(traits: Traits, spec: PluginSpec) -> None:
    """Refuse a plugin that is not what the manifest says."""
    if traits.kind != spec.kind:
        raise SubmissionError(
            f"the manifest says kind = {spec.kind!r}, but {spec.class_name} is a {traits.kind}; "
            "correct it"
        )
    if traits.randomized != spec.randomized:
        raise SubmissionError(
            f"the manifest says randomized = {str(spec.randomized).lower()}, but "
            f"{spec.class_name}.randomized is {traits.randomized}; make both say whether "
            "two calls on the same images may differ"
        )
