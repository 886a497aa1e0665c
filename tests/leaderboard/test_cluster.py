"""Runs in parts: plans and results as files, and everything that a merge refuses."""

import dataclasses
import json
from pathlib import Path

import pytest

from benchmark.cost import JudgingTime, Measured
from benchmark.errors import CallError, DataError
from benchmark.records import Run, Shard, ShardResult
from leaderboard.cluster import parts, planned, slurm
from leaderboard.cluster.merging import merge
from leaderboard.cluster.planned import MIXED, Plan
from leaderboard.store import Store
from tests.benchmark.test_score import run as example_run

ENVIRONMENT = {name: f"some {name}" for name in MIXED} | {"threads": 1, "sandboxed": True}
HEADER = dataclasses.replace(example_run().header, images=10, environment=ENVIRONMENT)


def result(start: int) -> ShardResult:
    """Five pictures from `start`."""
    (whole,) = example_run().results
    outcomes = tuple(o._replace(image=f"{start + int(o.image)}") for o in whole.outcomes)
    return dataclasses.replace(whole, shard=Shard("c", start, start + 5), outcomes=outcomes)


PLAN = Plan(
    schema=1,
    header=HEADER,
    folder="jpeg",
    beside=(),
    reasons=(),
    device="cpu",
    precision="auto",
    limit=None,
    sandboxed=True,
    shards=(Shard("c", 0, 5), Shard("c", 5, 10)),
    seconds=(120.0, 60.0),
    measured=Measured(2, 5, (), (JudgingTime("c", 0.5),), memory_bytes=3 * 2**30),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both results, as `run-shard` writes them."""
    made = tmp_path / "parts"
    made.mkdir()
    for start in (0, 5):
        parts.write(HEADER, result(start), parts.place(HEADER, Shard("c", start, start + 5), made))
    return made


def merged(tmp_path: Path, *folders: Path, plan: Plan = PLAN) -> Run:
    store = Store(str(tmp_path / "runs.db"), create=True)
    return merge(plan, folders, store, lambda *_: None)


def refused(tmp_path: Path, message: str, *folders: Path) -> None:
    """A merge ends with the message, and nothing is stored."""
    with pytest.raises(DataError, match=message):
        merged(tmp_path, *folders)
    assert Store(str(tmp_path / "runs.db")).runs() == []


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    planned.write(PLAN, tmp_path / "plan.json")
    assert planned.read(tmp_path / "plan.json") == PLAN
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(CallError, match=r"none\.json is missing; `squeezebench plan"):
        planned.read(tmp_path / "none.json")
    (tmp_path / "plan.json").write_text('{"schema": 2}')
    with pytest.raises(CallError, match="schema: input should be 1; expected a file that"):
        planned.read(tmp_path / "plan.json")


def test_parts_cover_the_plan_once() -> None:
    for count in (1, 2, 3):
        taken = [shard for number in range(1, count + 1) for shard in PLAN.part(number, count)]
        assert sorted(taken, key=lambda shard: shard.start) == list(PLAN.shards)
    with pytest.raises(CallError, match="--shard 3/2: expected I/N with I from 1 to N"):
        PLAN.part(3, 2)


def test_merged_parts_are_the_run(folder: Path, tmp_path: Path) -> None:
    run = merged(tmp_path, folder)
    assert run.status == "completed"
    assert run.header == HEADER
    assert run.results == (result(0), result(5))
    assert merged(tmp_path, folder).id == run.id


def test_a_gap_is_refused(folder: Path, tmp_path: Path) -> None:
    parts.place(HEADER, PLAN.shards[1], folder).unlink()
    refused(tmp_path, "1 of 2 shards are missing, first pictures 5 to 10 before c", folder)


def test_a_damaged_result_is_refused(folder: Path, tmp_path: Path) -> None:
    path = parts.place(HEADER, PLAN.shards[0], folder)
    whole = path.read_text()
    path.write_text(whole[:-20])
    refused(tmp_path, "is no whole result of a shard", folder)
    path.write_text(whole.replace('"correct":true', '"correct":false', 1))
    refused(tmp_path, "was altered: its sha256 differs", folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol_hash": "another"}, "protocol hash"),
        ({"submission_hash": "another"}, "submission hash"),
        ({"dataset_fingerprint": "another"}, "dataset fingerprint"),
        ({"cells": HEADER.cells[:1]}, "cells"),
        *(({"environment": ENVIRONMENT | {name: "other"}}, name) for name in MIXED),
    ],
)
def test_a_part_of_another_run_is_refused(
    folder: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    other = dataclasses.replace(HEADER, **change)  # type: ignore[arg-type]
    parts.write(other, result(5), parts.place(HEADER, PLAN.shards[1], folder))
    refused(tmp_path, f"is of another run than the plan's: {message} ", folder)


def test_a_shard_that_the_plan_does_not_have_is_refused(folder: Path, tmp_path: Path) -> None:
    odd = dataclasses.replace(result(0), shard=Shard("c", 0, 6))
    parts.write(HEADER, odd, folder / "odd.json")
    refused(tmp_path, "holds pictures 0 to 6 before c, which the plan does not have", folder)


def test_overlaps_must_be_the_same(folder: Path, tmp_path: Path) -> None:
    """Time may differ; an outcome may not, in files or in what is stored already."""
    second = tmp_path / "second"
    second.mkdir()
    slower = dataclasses.replace(result(0), seconds=99.0)
    parts.write(HEADER, slower, second / "a.json")
    assert merged(tmp_path, folder, second).status == "completed"
    first, *rest = result(0).outcomes
    other = dataclasses.replace(result(0), outcomes=(first._replace(margin=9), *rest))
    parts.write(HEADER, other, second / "a.json")
    with pytest.raises(DataError, match="holds another result of pictures 0 to 5 before c"):
        merged(tmp_path, folder, second)
    parts.place(HEADER, PLAN.shards[0], folder).unlink()
    with pytest.raises(DataError, match="holds another result of pictures 0 to 5 before c"):
        merged(tmp_path, folder, second)


def test_a_job_array_for_slurm(tmp_path: Path) -> None:
    """Time is twice that of the longest part and a quarter of an hour; memory twice the probe's."""
    text = slurm.array(PLAN, tmp_path / "plan.json", 2)
    assert "#SBATCH --array=1-2\n" in text
    assert "#SBATCH --time=19\n" in text
    assert "#SBATCH --mem=6144M\n" in text
    assert "gpus" not in text
    assert '--shard "${SLURM_ARRAY_TASK_ID}/2"' in text
    assert "@" not in text
    on_gpu = dataclasses.replace(HEADER, environment=ENVIRONMENT | {"device": "cuda H100"})
    text = slurm.array(dataclasses.replace(PLAN, header=on_gpu), tmp_path / "plan.json", 2)
    assert "#SBATCH --gpus-per-task=1\n" in text
    assert "#SBATCH --cpus-per-task=2\n" in text  # two workers share the device
    assert "#SBATCH --mem=12288M\n" in text


def test_a_result_holds_no_pickle(folder: Path) -> None:
    for path in folder.iterdir():
        assert json.loads(path.read_bytes())["schema"] == 1
