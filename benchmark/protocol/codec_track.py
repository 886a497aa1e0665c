"""Protocols of the codec track."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from benchmark.errors import CallError
from benchmark.protocol.classifier_track import Headline, PlannedCell
from benchmark.protocol.recipe import Recipe, seed_of_cell
from benchmark.records import Cell
from benchmark.tables import Table
from benchmark.threat import Access, Budget, Norm, ThreatModel

Objective = Literal["rate", "mse", "ms-ssim", "joint", "features"]
"""What an attack on a codec raises; see `benchmark.codec_track.objectives`."""


class ImageSpec(Table):
    """What of a picture is coded; all of it, at its own size, unless something is said.

    `resize` is the shorter side in pixels, `crop` the side of the central square; the result is
    rounded to 8 bits before anybody attacks it.
    """

    resize: PositiveInt | None = None
    crop: PositiveInt | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"

    @model_validator(mode="after")
    def _fitting(self) -> "ImageSpec":
        if self.resize is not None and self.crop is None:
            raise ValueError("resize needs a crop; else pictures of one shape would stay several")
        return self


class CodecCellSpec(Table):
    """One attack at several radii, once for each of `objectives`.

    `access` is `noise` (the control: an attack that follows nothing), `transfer` (crafted on
    `source`, a variant of a bundled submission as `bls2017/step1`), `vanilla` (on the bare codec),
    `white-box` (through a deterministic defense around it) or `eot` (through a randomized one, over
    `draws` a step). Radii are k of eps = k/255 for linf, pixel units for l2, and for mse the mean
    squared error of the perturbation in [0, 1]. `images` keeps the first so many of the sample.
    """

    attack: str
    access: Literal["noise", "transfer", "vanilla", "white-box", "eot"]
    objectives: tuple[Objective, ...] = ()
    norm: Literal["linf", "l2", "mse"] = "linf"
    radii: tuple[float, ...] = Field(min_length=1)
    steps: PositiveInt = 1
    restarts: PositiveInt = 1
    draws: PositiveInt = 1
    images: PositiveInt | None = None
    source: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*$")

    @model_validator(mode="after")
    def _fitting(self) -> "CodecCellSpec":
        if (self.source is not None) != (self.access == "transfer"):
            raise ValueError("a source belongs to transfer access, and transfer access needs one")
        if bool(self.objectives) != (self.access != "noise"):
            raise ValueError("every access but noise needs objectives, and noise has none")
        if self.draws > 1 and self.access != "eot":
            raise ValueError("draws belong to eot access")
        return self


class CodecProtocol(Recipe):
    """Pictures, and what attacks a codec on them.

    A randomized codec codes each picture `judge_draws` times. `lpips` asks for that measure, whose
    weights have to be fetched.
    """

    track: Literal["codec"]
    image: ImageSpec = ImageSpec()
    judge_draws: PositiveInt = 40
    lpips: bool = False
    headline: Headline = Headline()
    cells: tuple[CodecCellSpec, ...] = Field(alias="cell", default=())

    @model_validator(mode="after")
    def _consistent(self) -> "CodecProtocol":
        try:
            names = [planned.cell.name for planned in codec_cells(self)]
        except CallError as problem:
            raise ValueError(str(problem)) from problem
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two cells are the same: {twice[0]}")
        return self

    @property
    def headline_threat(self) -> ThreatModel:
        """The threat model at which boards are sorted."""
        return ThreatModel(Norm(self.headline.norm), self.headline.radius)

    @property
    def sources(self) -> tuple[str, ...]:
        """The codecs that transfer cells craft on, each once."""
        return tuple(dict.fromkeys(spec.source for spec in self.cells if spec.source))


def codec_cells(protocol: CodecProtocol) -> Iterator[PlannedCell]:
    """Every cell; the harness leaves out what a codec does not admit."""
    for spec in protocol.cells:
        for radius in spec.radii:
            for objective in spec.objectives or (None,):
                yield _planned(protocol, spec, ThreatModel(Norm(spec.norm), radius), objective)


def _planned(
    protocol: CodecProtocol, spec: CodecCellSpec, threat: ThreatModel, objective: str | None
) -> PlannedCell:
    name = "/".join([spec.access, _effort(spec), str(threat), *([objective] if objective else [])])
    name += f"/{spec.source.replace('/', ':')}" if spec.source else ""
    # The same restarts for every objective, so that they differ in nothing else.
    seed = seed_of_cell(protocol, f"{spec.attack}/{threat}")
    cell = Cell(
        name=name,
        access=Access(spec.access),
        attack=spec.attack,
        norm=threat.norm.value,
        radius=threat.radius,
        steps=spec.steps,
        restarts=spec.restarts,
        draws=spec.draws,
        images=spec.images,
        objective=objective,
        source=spec.source,
    )
    budget = Budget(
        threat,
        steps=spec.steps,
        restarts=spec.restarts,
        draws=spec.draws,
        seed=seed,
        until_broken=False,
    )
    return PlannedCell(cell, budget, {})


def _effort(spec: CodecCellSpec) -> str:
    """What a cell's name says of its attack: `pgd-50`, `pgd-50x2`, `pgd-50d24`, `noise`."""
    if spec.access == "noise":
        return spec.attack + (f"-x{spec.restarts}" if spec.restarts > 1 else "")
    effort = f"{spec.attack}-{spec.steps}"
    effort += f"x{spec.restarts}" if spec.restarts > 1 else ""
    return effort + (f"d{spec.draws}" if spec.draws > 1 else "")
