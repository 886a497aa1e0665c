"""Protocols: frozen recipes in TOML, versioned by name and known by their hash."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, PositiveInt, model_validator

from benchmark.errors import CallError, ProtocolError, UnknownNameError
from benchmark.records import CLEAN, Cell
from benchmark.tables import Table, read_table
from benchmark.threat import Access, Budget, Norm, ThreatModel

FOLDER = Path(__file__).parent / "protocols"
NO_ESTIMATOR = "bare"
"""Estimator of transfer cells: the gradient of the bare classifier."""


class DatasetSpec(Table):
    """Which pictures: a dataset's name, and how many of them a fixed draw keeps.

    `folder` is the path for the dataset `folder`. `sample` keeps the pictures whose
    sha256(`seed:id`) is smallest, so that the draw depends on no random number generator.
    """

    name: str
    folder: str | None = None
    sample: PositiveInt | None = None
    seed: int = 0


class RecipeSpec(Table):
    """How a picture becomes the classifier's input; what is left out, the weights' recipe says.

    `resize` is the shorter side in pixels, 0 for none; `crop` the side of the central square.
    """

    resize: int | None = Field(default=None, ge=0)
    crop: PositiveInt | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic"] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class ClassifierSpec(Table):
    """An undefended classifier.

    `source` is where the architecture comes from, `architecture` its name there, `weights` a local
    file (its `sha256` checked) or the name of published weights, `classes` the logits kept.
    """

    name: str
    source: Literal["bundled", "timm", "torchvision"]
    architecture: str
    weights: str | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    recipe: RecipeSpec = RecipeSpec()
    classes: tuple[int, ...] | None = None


class CellSpec(Table):
    """One attack at several radii; k of eps = k/255 for linf, pixel units for l2."""

    attack: str
    access: Literal["transfer", "white-box"]
    norm: Literal["linf", "l2"] = "linf"
    radii: tuple[float, ...] = Field(min_length=1)
    steps: PositiveInt = 1
    restarts: PositiveInt = 1
    estimators: tuple[Literal["exact", "surrogate", "identity"], ...] = (
        "exact",
        "surrogate",
        "identity",
    )


class Headline(Table):
    """The radius at which boards are sorted."""

    norm: Literal["linf", "l2"] = "linf"
    radius: float = 4


class Protocol(Table):
    """A frozen evaluation recipe. `batch` images make one shard."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern="^[a-z0-9][a-z0-9-]*$")
    title: str
    track: Literal["classifier"] = "classifier"
    seed: int
    batch: PositiveInt = 32
    headline: Headline = Headline()
    dataset: DatasetSpec
    classifiers: tuple[ClassifierSpec, ...] = Field(alias="classifier", min_length=1)
    cells: tuple[CellSpec, ...] = Field(alias="cell", default=())

    @model_validator(mode="after")
    def _consistent(self) -> "Protocol":
        names = [spec.name for spec in self.classifiers]
        if len(set(names)) != len(names):
            raise ValueError(f"two classifiers have the same name: {', '.join(names)}")
        try:
            cells = [planned.cell.name for planned in planned_cells(self)]
        except CallError as problem:
            raise ValueError(str(problem)) from problem
        twice = sorted({name for name in cells if cells.count(name) > 1})
        if twice:
            raise ValueError(f"two cells are the same: {twice[0]}")
        return self

    @property
    def hash(self) -> str:
        """sha256 of the recipe's content; comments and layout of the file do not count."""
        content = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def headline_threat(self) -> ThreatModel:
        """The threat model at which boards are sorted."""
        return ThreatModel(Norm(self.headline.norm), self.headline.radius)


class PlannedCell(NamedTuple):
    """A cell with what its attack may spend."""

    cell: Cell
    budget: Budget


def planned_cells(protocol: Protocol) -> Iterator[PlannedCell]:
    """Every cell; the harness leaves out estimators that a defense does not admit."""
    for spec in protocol.cells:
        estimators = spec.estimators if Access(spec.access) is Access.WHITE_BOX else (NO_ESTIMATOR,)
        for radius in spec.radii:
            threat = ThreatModel(Norm(spec.norm), radius)
            for estimator in estimators:
                yield _planned(protocol, spec, threat, estimator)


def _planned(
    protocol: Protocol, spec: CellSpec, threat: ThreatModel, estimator: str
) -> PlannedCell:
    effort = f"{spec.attack}-{spec.steps}" + (f"x{spec.restarts}" if spec.restarts > 1 else "")
    name = f"{spec.access}/{effort}/{threat}/{estimator}"
    digest = hashlib.sha256(f"{protocol.seed}:{name}".encode()).digest()
    cell = Cell(
        name=name,
        access=Access(spec.access),
        attack=spec.attack,
        estimator=estimator,
        norm=threat.norm.value,
        radius=threat.radius,
        steps=spec.steps,
        restarts=spec.restarts,
    )
    seed = int.from_bytes(digest[:6], "big")
    return PlannedCell(
        cell=cell,
        budget=Budget(
            threat,
            steps=spec.steps,
            restarts=spec.restarts,
            seed=seed,
            until_broken=cell.access is not Access.TRANSFER,
        ),
    )


CLEAN_CELL = Cell(name=CLEAN, access=Access.NONE)


def built_in() -> dict[str, Path]:
    """The protocols that come with the project, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def load(name: str) -> Protocol:
    """The protocol called `name`, or in the file at the path `name` (ending in .toml)."""
    if name.endswith(".toml"):
        return read_table(Path(name), Protocol, ProtocolError)
    known = built_in()
    if name not in known:
        raise UnknownNameError("protocol", name, known)
    return read_table(known[name], Protocol, ProtocolError)


def is_official(name: str) -> bool:
    """True for a protocol that comes with the project, False for a file of one's own."""
    return not name.endswith(".toml")


def describe(protocol: Protocol) -> dict[str, Any]:
    """What `squeezebench protocols NAME --json` prints."""
    return {
        "hash": protocol.hash,
        **protocol.model_dump(mode="json", by_alias=True),
        "planned_cells": [planned.cell.name for planned in planned_cells(protocol)],
    }
