"""A submission's plugins, in boxes unless the job says otherwise."""

import os
from dataclasses import replace
from pathlib import Path

from benchmark.device_share import device_share
from benchmark.handed import WEIGHTS_VARIABLE
from leaderboard.engine.memory import FOR_A_BOX
from leaderboard.engine.wire import Job
from leaderboard.sandbox.arguments import Shown
from leaderboard.sandbox.limits import DEFAULT, Limits
from leaderboard.sandbox.loading import PluginSpec
from leaderboard.sandbox.plugins import Boxes, InProcess


def plugins_of(job: Job, device: str, threads: int) -> Boxes | InProcess:
    """What makes the plugins of a job, on a device; whoever gets it has to stop it."""
    spec = _spec(job)
    if job.sandboxed:
        weights = Path(job.weights) if job.weights else None
        limits = replace(_limits(job), device_share=device_share() * FOR_A_BOX)
        return Boxes(spec, Shown(Path(job.source).parent, weights, device, threads), limits)
    os.environ[WEIGHTS_VARIABLE] = job.weights or ""
    return InProcess(spec, device)


def _spec(job: Job) -> PluginSpec:
    return PluginSpec(job.source, job.class_name, job.kind, job.randomized, job.parameters)


def _limits(job: Job) -> Limits:
    if job.limits is None:
        return DEFAULT
    return replace(
        DEFAULT,
        memory=job.limits["memory_mb"] * 2**20,
        call_s=job.limits["call_seconds"],
        start_s=job.limits["start_seconds"],
    )
