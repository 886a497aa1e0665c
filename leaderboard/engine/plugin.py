"""A submission's class from its file: the one place that imports by path."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from benchmark.defense import Classifier, Codec, Defense, Plugin
from benchmark.errors import SubmissionError
from leaderboard.engine.wire import Job

KINDS: Mapping[str, type[Plugin]] = {
    "codec": Codec,
    "purifier": Defense,
    "classifier": Classifier,
}
"""What a manifest calls a class, from the narrowest on."""


def make_defense(job: Job) -> Plugin:
    """A new instance of the submission's class, checked against the manifest."""
    source = Path(job.source)
    spec = importlib.util.spec_from_file_location(f"submission_{source.parent.name}", source)
    if spec is None or spec.loader is None:
        raise SubmissionError(f"{source} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = getattr(module, job.class_name, None)
    if not isinstance(made, type):
        raise SubmissionError(
            f"{source} defines no class {job.class_name}, which the manifest names"
        )
    try:
        defense = made(**job.parameters)
    except TypeError as problem:
        raise SubmissionError(
            f"{job.class_name}({', '.join(job.parameters)}): {problem}; the parameters of the "
            "variant must be those of the class"
        ) from problem
    if not isinstance(defense, Plugin):
        raise SubmissionError(
            f"{job.class_name} of {source} is no Defense, Codec or Classifier of the api"
        )
    kind = next(name for name, kind in KINDS.items() if isinstance(defense, kind))
    if kind != job.kind:
        raise SubmissionError(
            f"the manifest says kind = {job.kind!r}, but {job.class_name} is a {kind}; correct it"
        )
    if bool(defense.randomized) != job.randomized:
        raise SubmissionError(
            f"the manifest says randomized = {str(job.randomized).lower()}, but "
            f"{job.class_name}.randomized is {defense.randomized}; make both say whether "
            "two calls on the same images may differ"
        )
    return defense
