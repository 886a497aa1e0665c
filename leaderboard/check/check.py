"""A whole check: without running anything, then in the sandbox."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmark import protocol as protocols
from benchmark.errors import EngineError, SqueezebenchError, SubmissionError
from benchmark.score import score
from leaderboard import evaluation, submission
from leaderboard.check import static
from leaderboard.check.findings import Finding, Level, Report, found, report_from, worst
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request
from leaderboard.sandbox import machine
from leaderboard.store import Store
from leaderboard.submission import MANIFEST, Submission

SMOKE = Path(__file__).parent / "smoke.toml"
PATIENCE_S = 900
"""For the contract of all variants."""

Say = Callable[[str], None]


def check(
    folder: Path,
    say: Say,
    *,
    others: Path = static.SUBMISSIONS,
    sandboxed: bool = True,
    run: bool = True,
) -> Report:
    """Everything that is found about the submission in `folder`; `run` its code, too."""
    if not folder.is_dir():
        raise SubmissionError(f"{folder} is no folder; expected one with {MANIFEST}")
    name = folder.resolve().name
    say(f"{name}: folder and manifest")
    findings = static.examine(folder, others)
    if worst(findings) == Level.ERROR or not run:
        return Report(name, tuple(findings))
    if sandboxed:
        machine.check()
    try:
        loaded = submission.load(folder)
        jobs = [_request(loaded, v.id, sandboxed=sandboxed) for v in loaded.manifest.variants]
        say(f"{name}: contract of {len(jobs)} variant{'s' * (len(jobs) > 1)}")
        findings += _contract(jobs)
        if worst(findings) != Level.ERROR:
            say(f"{name}/{jobs[0].variant.id}: two pictures, attacked and judged")
            findings += _smoke(jobs[0])
    except SqueezebenchError as problem:
        findings.append(found(Level.ERROR, "start", problem))
    return Report(name, tuple(findings))


def _request(loaded: Submission, variant: str, *, sandboxed: bool) -> Request:
    return Request(
        loaded,
        loaded.variant(variant),
        protocols.load(str(SMOKE)),
        device="cpu",
        precision="fp32",
        sandboxed=sandboxed,
    )


def _contract(requests: Sequence[Request]) -> Iterator[Finding]:
    """What a process with torch says of each variant, under the variant's name."""
    jobs = [json.dumps(asdict(evaluation.job_of(request))) for request in requests]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "leaderboard.check.worker"],
            input="\n".join(jobs) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        yield found(Level.ERROR, "start", f"the contract took more than {PATIENCE_S} seconds")
        return
    answers = done.stdout.splitlines()
    if done.returncode or len(answers) != len(requests):
        said = " ".join(done.stderr.split())[-300:]
        raise EngineError(f"the process of a check ended with code {done.returncode}: {said}")
    for request, answer in zip(requests, answers, strict=True):
        content = {"submission": request.submission.manifest.name, "findings": json.loads(answer)}
        for one in report_from(json.dumps(content)).findings:
            yield found(one.level, one.part, f"{request.variant.id}: {one.says}")


def _smoke(request: Request) -> Iterator[Finding]:
    """An evaluation of two pictures, from the attack to the score."""
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder, LocalEngine(1, 1) as engine:
        store = Store(str(Path(folder) / "smoke.db"), create=True)
        try:
            run = evaluation.evaluate(request, store, engine, lambda _done, _all: None)
        except SqueezebenchError as problem:
            yield found(Level.ERROR, "smoke run", f"{problem.status}: {problem}")
            return
    figures = score(run, run.header.classifiers[0].name)
    cells = len(run.header.cells)
    says = f"{len(run.outcomes)} outcomes in {cells} cells, {figures.milliseconds:.1f} ms an image"
    yield found(Level.OK, "smoke run", says)
