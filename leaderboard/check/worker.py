"""The process of a check that holds torch: reads jobs from its input, writes what it found."""

import json
import os
import sys
from dataclasses import asdict

import torch

from benchmark.errors import SqueezebenchError
from leaderboard.check.contract import BRIEF, WHOLE, from_declared, measure
from leaderboard.check.findings import Finding, Level, found
from leaderboard.engine.plugin import plugins_of
from leaderboard.engine.wire import Job
from leaderboard.sandbox.blame import blame


def answer(job: Job, *, whole: bool) -> list[Finding]:
    """What the contract of the job's plugin says; but for the `whole` of it, its outputs alone."""
    plugins = None
    try:
        plugins = plugins_of(job, "cpu", torch.get_num_threads())
        declared = {"gradient": job.gradient, "randomized": job.randomized}
        subject = from_declared(plugins.make, declared)
        return measure(subject, WHOLE if whole else BRIEF)
    except SqueezebenchError as problem:
        return [found(Level.ERROR, "start", problem)]
    except Exception as problem:  # noqa: BLE001 (without the sandbox a plugin may raise anything)
        return [found(Level.ERROR, "start", blame(problem))]
    finally:
        if plugins is not None:
            plugins.stop()


def main() -> None:
    """Answer for each job, the first one's contract whole; what a plugin prints goes elsewhere."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    for number, line in enumerate(sys.stdin):
        findings = answer(Job(**json.loads(line)), whole=number == 0)
        replies.write(json.dumps([asdict(finding) for finding in findings]) + "\n")
        replies.flush()
    replies.close()


if __name__ == "__main__":
    main()
