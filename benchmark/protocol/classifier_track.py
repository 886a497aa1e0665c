"""Protocols of the classifier track."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple, get_args

from pydantic import Field, PositiveInt, model_validator

from benchmark.errors import CallError
from benchmark.protocol.recipe import Recipe, seed_of_cell
from benchmark.records import Cell
from benchmark.tables import Table
from benchmark.threat import Access, Budget, Norm, ThreatModel

FEW_QUERIES = 60
NO_ESTIMATOR = "bare"
"""Estimator of transfer cells: the gradient of the bare classifier."""
NO_GRADIENT = "none"
"""Estimator of query cells, which ask for answers alone."""


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


Estimator = Literal[
    "exact", "surrogate", "straight-through", "noise", "one-round", "selection", "identity"
]
"""How a gradient is had through a defense; see `benchmark.estimators`."""


class CellSpec(Table):
    """One attack at several radii; k of eps = k/255 for linf, pixel units for l2.

    `queries` are those of query attacks, `draws` those of each step under eot access, `options`
    those of attacks of other libraries. `images` keeps the first so many of the sample. A `check`
    cell serves the flags (a radius at which nothing should stand, twice the steps). A cell of the
    `rest` leaves out what earlier cells of its access broke, as a costly attack may.
    """

    attack: str
    access: Literal["transfer", "query", "white-box", "eot"]
    norm: Literal["linf", "l2"] = "linf"
    radii: tuple[float, ...] = Field(min_length=1)
    steps: PositiveInt = 1
    restarts: PositiveInt = 1
    queries: PositiveInt | None = None
    draws: PositiveInt = 1
    images: PositiveInt | None = None
    check: bool = False
    rest: bool = False
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    estimators: tuple[Estimator, ...] = get_args(Estimator)

    @model_validator(mode="after")
    def _fitting(self) -> "CellSpec":
        if (self.queries is not None) != (self.access == "query"):
            raise ValueError("queries belong to query access, and query access needs them")
        if self.draws > 1 and self.access != "eot":
            raise ValueError("draws belong to eot access")
        if self.rest and self.access == "transfer":
            raise ValueError("a transfer cell has no rest: its pictures serve every defense")
        return self


class Headline(Table):
    """The radius at which boards are sorted."""

    norm: Literal["linf", "l2"] = "linf"
    radius: float = 4


class Protocol(Recipe):
    """Pictures, the classifiers behind a defense, and what attacks them.

    A randomized defense is judged on `judge_draws` fresh draws of each picture.
    """

    track: Literal["classifier"] = "classifier"
    judge_draws: int = Field(default=20, ge=20)
    headline: Headline = Headline()
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
    def headline_threat(self) -> ThreatModel:
        """The threat model at which boards are sorted."""
        return ThreatModel(Norm(self.headline.norm), self.headline.radius)


class PlannedCell(NamedTuple):
    """A cell with what its attack may spend and the attack's options."""

    cell: Cell
    budget: Budget
    options: dict[str, str | int | float | bool]

    def shortened(self, steps: int) -> "PlannedCell":
        """The same with so few steps, one start, few queries, and no picture left alone."""
        budget = replace(
            self.budget,
            steps=steps,
            restarts=1,
            queries=min(self.budget.queries, FEW_QUERIES),
            until_broken=False,
        )
        return self._replace(budget=budget)


def planned_cells(protocol: Protocol) -> Iterator[PlannedCell]:
    """Every cell; the harness leaves out what a defense does not admit."""
    for spec in protocol.cells:
        estimators: tuple[str, ...] = spec.estimators
        if spec.access in ("transfer", "query"):
            estimators = (NO_ESTIMATOR if spec.access == "transfer" else NO_GRADIENT,)
        for radius in spec.radii:
            threat = ThreatModel(Norm(spec.norm), radius)
            for estimator in estimators:
                yield _planned(protocol, spec, threat, estimator)


def _planned(
    protocol: Protocol, spec: CellSpec, threat: ThreatModel, estimator: str
) -> PlannedCell:
    options = ",".join(f"{name}={value}" for name, value in sorted(spec.options.items()))
    name = f"{spec.access}/{_effort(spec)}/{threat}/{estimator}"
    cell = Cell(
        name=name,
        access=Access(spec.access),
        attack=spec.attack,
        estimator=estimator,
        norm=threat.norm.value,
        radius=threat.radius,
        steps=spec.steps,
        restarts=spec.restarts,
        queries=spec.queries,
        draws=spec.draws,
        images=spec.images,
        options=options,
        check=spec.check,
        rest=spec.rest,
    )
    budget = Budget(
        threat,
        steps=spec.steps,
        restarts=spec.restarts,
        queries=spec.queries or 0,
        draws=spec.draws,
        seed=seed_of_cell(protocol, name),
        until_broken=cell.access is not Access.TRANSFER,
    )
    return PlannedCell(cell, budget, dict(spec.options))


def _effort(spec: CellSpec) -> str:
    """What a cell's name says of its attack: `pgd-10`, `pgd-10x2`, `square-500q`, `pgd-10d24`."""
    effort = f"{spec.queries}q" if spec.queries else f"{spec.steps}"
    effort += f"x{spec.restarts}" if spec.restarts > 1 else ""
    effort += f"d{spec.draws}" if spec.draws > 1 else ""
    effort += "-rest" if spec.rest else ""
    options = "".join(f",{name}={value}" for name, value in sorted(spec.options.items()))
    return f"{spec.attack}-{effort}{options}"
