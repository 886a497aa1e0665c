"""Commands that measure what is there already: runs against new pictures, attacks against time."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark.errors import EngineError
from leaderboard import challenge as challenge_module
from leaderboard import report
from leaderboard.challenge import Asked
from leaderboard.cli.options import DEFAULT_DB, AsJson, Db, Device, at_least_one, one_of, out, say
from leaderboard.store import Store
from leaderboard.submission import SUBMISSIONS


def challenge(
    run: Annotated[int, typer.Argument(help="number of a stored run")],
    images: Annotated[
        Path, typer.Argument(help="folder of [CLASSIFIER/]IMAGE_ID.png, or a .safetensors file")
    ],
    db: Db = DEFAULT_DB,
    submission: Annotated[
        Path | None, typer.Option(help="the run's submission; default: the bundled one")
    ] = None,
    threat: Annotated[
        str | None, typer.Option(help="as linf-4 or l2-1; default: the protocol's headline")
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="the only one meant; default: each that has pictures")
    ] = None,
    by: Annotated[str, typer.Option(help="who made the pictures")] = "",
    device: Device = "auto",
    beside: Annotated[
        Path, typer.Option(help="where relative paths of the run's protocol start")
    ] = Path(),
) -> None:
    """Judge adversarial pictures against a stored run; record the lower figure beside the old."""
    one_of("--device", device, "auto", "cpu", "cuda")
    store = Store(db)
    stored = store.run(run)
    asked = Asked(
        run=stored,
        images=images,
        submission=submission or SUBMISSIONS / stored.header.submission,
        threat=threat,
        classifier=classifier,
        by=by,
        device=device,
        beside=beside,
    )
    try:
        with report.progress(out, f"challenge to run {run}", unit="pictures") as update:
            answer = challenge_module.challenge(asked, store, update)
    except KeyboardInterrupt:
        raise EngineError("interrupted; nothing was recorded") from None
    after = store.run(run)
    for one in answer.known:
        say(f"{report.challenged(after, one)} (recorded before, {one.at})")
    for one in answer.recorded:
        say(report.challenged(after, one))


def bench(
    as_json: AsJson = False,
    only: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="only the rows that match")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(help="library to compare with; all if absent")
    ] = None,
    images: Annotated[int | None, typer.Option(help="pictures of each measurement")] = None,
    batch: Annotated[int | None, typer.Option(help="pictures at once; all if absent")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads")] = None,
    repeats: Annotated[int | None, typer.Option(help="measurements of each row")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="folder for table and plot")] = None,
) -> None:
    """Time the attacks against those of other libraries, as ratios from one run."""
    counts = {"--images": images, "--batch": batch, "--threads": threads, "--repeats": repeats}
    for option, count in counts.items():
        at_least_one(option, count)
    given = {"--only": only, **counts, "--out": folder}
    passed = [word for k, v in given.items() if v is not None for word in (k, str(v))]
    passed += [word for name in peer or () for word in ("--peer", name)]
    # In a process of its own: the command line holds no torch, and nothing here disturbs the clock.
    command = [sys.executable, "-m", "benchmark.bench", *(["--json"] if as_json else []), *passed]
    try:
        code = subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        raise EngineError("interrupted; nothing was measured") from None
    if code < 0:
        raise EngineError(f"the bench was killed by signal {-code}")
    raise typer.Exit(code)
