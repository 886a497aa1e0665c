"""Submissions and boxes for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.defense import Plugin
from leaderboard.engine.wire import Job
from leaderboard.sandbox.arguments import Shown
from leaderboard.sandbox.limits import DEFAULT, Limits
from leaderboard.sandbox.loading import PluginSpec
from leaderboard.sandbox.loading import load as load_plugin
from leaderboard.sandbox.plugins import Boxes, InProcess
from leaderboard.submission import load

SUBMISSIONS = Path(__file__).parents[1] / "submissions"


def spec_of(folder: Path, variant: str | None = None) -> PluginSpec:
    """The class and parameters of a submission's variant, the first one unless given."""
    found = load(folder)
    chosen = found.variant(variant) if variant else found.manifest.variants[0]
    defense = found.manifest.defense
    parameters: dict[str, Any] = dict(chosen.parameters)
    return PluginSpec(
        str(found.source.resolve()), found.class_name, defense.kind, defense.randomized, parameters
    )


def plugin_of(job: Job) -> Plugin:
    """The plugin of a job itself, in this process and with nothing before it."""
    return load_plugin(
        PluginSpec(job.source, job.class_name, job.kind, job.randomized, job.parameters)
    )


def written(folder: Path, body: str, *, kind: str = "purifier", name: str = "Own") -> PluginSpec:
    """A submission's file with a class `Own`, without a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "defense.py"
    source.write_text(
        "import torch\nfrom benchmark.api import Classifier, Codec, Defense, Images\n\n\n" + body
    )
    return PluginSpec(str(source), name, kind, False, {})


def boxes(spec: PluginSpec, limits: Limits = DEFAULT) -> Boxes:
    """Boxes with one thread."""
    return Boxes(spec, Shown(Path(spec.source).parent), limits)


@contextmanager
def boxed(spec: PluginSpec, limits: Limits = DEFAULT) -> Iterator[Plugin]:
    """One plugin in a box."""
    with boxes(spec, limits) as made:
        yield made.make()


def in_process(spec: PluginSpec) -> Plugin:
    """The same without a box."""
    return InProcess(spec).make()


def images_of(n: int = 2) -> Tensor:
    """Pictures in [0, 1], the same every time."""
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(3))
