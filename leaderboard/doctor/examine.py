"""Every part that a machine may lack, in groups of what it is lacked for."""

from collections.abc import Iterator
from typing import Any

from benchmark import environment
from benchmark.errors import SqueezebenchError
from leaderboard.doctor import files, programs
from leaderboard.doctor.row import Row
from leaderboard.engine.local import LocalEngine
from leaderboard.sandbox import machine

GROUPS = ("machine", "sandbox", "gpu", "codecs", "service", "data")
"""What `--need` takes: evaluation itself, the box, CUDA, optional codecs, tests and site, data."""
ASKED = frozenset({"machine", "gpu", "data"})
"""Groups of which a worker process is asked."""


def datasets(engine: LocalEngine) -> list[dict[str, Any]]:
    """Each dataset with its number of pictures and fingerprint, or the problem."""
    found = []
    for name in engine.ask("machine", {})["datasets"]:
        row: dict[str, Any] = {"name": name, "pictures": None, "fingerprint": None, "problem": None}
        try:
            row |= engine.ask("dataset", {"name": name})
        except SqueezebenchError as problem:
            row["problem"] = str(problem)
        found.append(row)
    return found


def examine(engine: LocalEngine | None, groups: tuple[str, ...] = GROUPS) -> list[Row]:
    """One row a part of the groups asked for; those `ASKED` need an `engine`."""
    rows: list[Row] = []
    if engine is not None:
        rows += [row for row in _machine(engine) if row.group in groups]
    if "machine" in groups:
        rows += files.disks()
    if "sandbox" in groups:
        rows += [Row("sandbox", one.part, one.ok, one.says) for one in machine.examine()]
    if "codecs" in groups:
        rows += programs.codecs()
    if "service" in groups:
        rows += programs.service()
    if "data" in groups:
        rows += [*files.data(), *files.weights()]
        for one in datasets(engine) if engine else ():
            says = one["problem"] or f"{one['pictures']} pictures"
            rows.append(Row("data", one["name"], one["problem"] is None, says))
    return rows


def _machine(engine: LocalEngine) -> Iterator[Row]:
    told = engine.ask("machine", {})
    cores, devices = told["cores"], told["devices"]
    yield Row("machine", "processor", True, f"{environment.processor()}, {cores} cores")
    yield Row("machine", "torch", True, told["torch"])
    says = ", ".join(devices) or (
        "no device; evaluation runs on the CPU, which is enough for the mini protocols (install an "
        "NVIDIA driver for the others)"
    )
    yield Row("gpu", "cuda", bool(devices), says)
