"""A run as a file: what it is, its shards, and what each is expected to cost."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from benchmark import protocol as protocols
from benchmark.cost import Measured
from benchmark.errors import CallError
from benchmark.plan import divided
from benchmark.records import RunHeader, Shard
from leaderboard import submission
from leaderboard.evaluation import DECISIVE, Prepared, Request
from leaderboard.forecast import Forecast

MIXED = ("commit", *DECISIVE)
"""Parts of the environment that must be the same on every machine that runs a part."""


@dataclass(frozen=True)
class Plan:
    """A run of a submission, in shards; `seconds` are the expected ones of each.

    `folder` is the submission's, `beside` where relative paths of the protocol start, `device`,
    `precision`, `limit` and `sandboxed` as in `Request`.
    """

    schema: Literal[1]
    header: RunHeader
    folder: str
    beside: tuple[str, ...]
    reasons: tuple[str, ...]
    device: str
    precision: str
    limit: int | None
    sandboxed: bool
    shards: tuple[Shard, ...]
    seconds: tuple[float, ...]
    measured: Measured

    def part(self, number: int, count: int) -> tuple[Shard, ...]:
        """The shards of the part `number`, from 1, of `count` parts of similar cost."""
        if not 1 <= number <= count:
            raise CallError(f"--shard {number}/{count}: expected I/N with I from 1 to N")
        return tuple(self.shards[i] for i in divided(self.seconds, count)[number - 1])

    def request(self) -> Request:
        """What the plan asks to be evaluated; its submission must be what it was."""
        found = submission.load(Path(self.folder))
        if found.hash != self.header.submission_hash:
            raise CallError(
                f"{self.folder} has changed since it was planned; make the plan again, or bring "
                "the submission back"
            )
        return Request(
            found,
            found.variant(self.header.variant),
            protocols.of_content(self.header.protocol_content),
            beside=tuple(map(Path, self.beside)),
            reasons=self.reasons,
            device=self.device,
            precision=self.precision,
            limit=self.limit,
            sandboxed=self.sandboxed,
        )


PLAN = TypeAdapter(Plan)


def planned(request: Request, found: Forecast) -> Plan:
    """The plan of a run that was forecast."""
    return Plan(
        schema=1,
        header=found.header,
        folder=str(request.submission.path.resolve()),
        beside=tuple(str(folder.resolve()) for folder in request.beside),
        reasons=request.reasons,
        device=request.device,
        precision=request.precision,
        limit=request.limit,
        sandboxed=request.sandboxed,
        shards=found.shards,
        seconds=tuple(cost.seconds for cost in found.expected),
        measured=found.measured,
    )


def write(plan: Plan, path: Path) -> None:
    """Write the plan whole, or nothing."""
    if not path.parent.is_dir():
        raise CallError(f"-o {path}: {path.parent} is no folder; make it, or choose another place")
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(PLAN.dump_json(plan, indent=1) + b"\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> Plan:
    """The plan in a file that `squeezebench plan` wrote."""
    if not path.is_file():
        raise CallError(f"--plan {path} is missing; `squeezebench plan … -o {path}` makes it")
    try:
        return PLAN.validate_json(path.read_bytes())
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise CallError(
            f"--plan {path}: {where}: {first['msg'].lower()}; expected a file that `squeezebench "
            "plan` of this version wrote"
        ) from problem


def differences(one: RunHeader, other: RunHeader) -> list[str]:
    """How another run differs from the one of a plan, in words; nothing for the same run."""
    names = (
        *("entry", "submission_hash", "protocol", "protocol_hash", "dataset_fingerprint"),
        *("images", "classifiers", "cells"),
    )
    pairs = [(name.replace("_", " "), getattr(one, name), getattr(other, name)) for name in names]
    pairs += [(name, one.environment.get(name), other.environment.get(name)) for name in MIXED]
    return [f"{name} ({_said(a, b)})" for name, a, b in pairs if a != b]


def same_run(plan: Plan, found: Prepared) -> None:
    """Refuse a machine on which the run would be another one than was planned."""
    if odd := differences(plan.header, found.header):
        raise CallError(
            f"this machine would make another run than the plan's: {'; '.join(odd)}; give every "
            "machine the same checkout, packages, data and kind of device, or plan anew here"
        )


def _said(one: object, other: object) -> str:
    if isinstance(one, str) and isinstance(other, str):
        return f"{_short(one)} in the plan, {_short(other)} here"
    return "not the same"


def _short(text: str) -> str:
    return f"{text[:12]}…" if len(text) > 40 else text
