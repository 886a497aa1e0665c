"""Commands that say what there is."""

from typing import Annotated

import typer

from benchmark import protocol as protocols_module
from leaderboard import doctor as doctor_module
from leaderboard import report
from leaderboard.cli.options import DEFAULT_DB, AsJson, Db, print_json, say
from leaderboard.engine.local import LocalEngine
from leaderboard.store import Store


def protocols(
    name: Annotated[str | None, typer.Argument(help="show this one in full")] = None,
    as_json: AsJson = False,
) -> None:
    """List the protocols, or show one with every cell."""
    if name is not None:
        print_json(protocols_module.describe(protocols_module.load(name)))
        return
    loaded = [protocols_module.load(known) for known in protocols_module.built_in()]
    if as_json:
        print_json([protocols_module.describe(one) for one in loaded])
        return
    for one in loaded:
        cells = len(list(protocols_module.planned_cells(one)))
        say(f"{one.name:20} {one.hash[:12]} {cells:4} cells  {one.title}")


def datasets(as_json: AsJson = False) -> None:
    """Say which datasets are present here, with their fingerprints."""
    with LocalEngine(1, 1, offline=True) as engine:
        found = doctor_module.datasets(engine)
    if as_json:
        print_json(found)
        return
    for row in found:
        state = row["problem"] or f"{row['pictures']} pictures, fingerprint {row['fingerprint']}"
        say(f"{row['name']:12} {state}")


def doctor(as_json: AsJson = False) -> None:
    """Say what this machine lacks, and the remedy."""
    with LocalEngine(1, 1, offline=True) as engine:
        found = doctor_module.examine(engine)
    if as_json:
        print_json(found)
        return
    for row in found:
        mark = "ok     " if row["ok"] else "lacking"
        say(f"{mark} {row['part']:12} {row['says']}")


def runs(db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """List the stored runs."""
    stored = Store(db).runs()
    if as_json:
        print_json([report.summary(run) for run in stored])
        return
    for run in stored:
        standing = "official" if run.header.official else "unofficial"
        state = f"{run.status}: {run.detail}" if run.detail else run.status
        say(
            f"{run.id:5}  {run.header.entry:28} {run.header.protocol:24} {run.header.images:5} "
            f"images  {run.started}  {standing}  {state}"
        )
