"""A published run made again: agreement and disagreement, through the command that is scheduled."""

import dataclasses
from pathlib import Path

import pytest

from benchmark.records import CLEAN, Run
from leaderboard.again import compare
from leaderboard.record import ledger
from leaderboard.record.moving import read, record_of, write
from leaderboard.store import Store
from tests.benchmark.codec_track.runs import outcome
from tests.benchmark.codec_track.runs import run as codec_run
from tests.leaderboard.commands import SUBMISSIONS, squeezebench, succeed


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One run of the submission that does nothing."""
    from tests.conftest import TINY

    folder = tmp_path_factory.mktemp("again")
    protocol = folder / "tiny.toml"
    protocol.write_text(TINY)
    identity = (SUBMISSIONS / "identity", "--variant", "none")
    db = folder / "runs.db"
    succeed("evaluate", *identity, "--protocol", protocol, "--unsandboxed", "--db", db)
    return Store(str(db))


def publish(folder: Path, store: Store) -> Path:
    """A folder of results with the store's run."""
    record, results = folder / "run.json", folder / "results"
    write(record_of(store, 1), record)
    sha256 = read(record).sha256
    succeed("results", "add", record, "--sha256", sha256, "--unofficial", "--results", results)
    assert len(ledger.entries(results)) == 1
    return results


def test_a_published_run_is_made_again_and_agrees(tmp_path: Path, store: Store) -> None:
    results = publish(tmp_path, store)
    call = ("results", "rerun", "--unsandboxed", "--results", results)
    said = succeed(*call, "--protocol", "tiny", "--seed", 3)
    assert "identity/none under tiny: 100.00 % of the verdicts are the same" in said
    assert "accuracies within 0.0000" in said
    assert "nothing to do" in succeed(*call, "--protocol", "mini-classifier-v1")


def test_a_record_that_nobody_else_would_get_ends_the_command(tmp_path: Path, store: Store) -> None:
    """It says that every attack failed."""
    true = store.run(1)
    forged = Store(str(tmp_path / "forged.db"), create=True)
    run = forged.begin(true.header)
    for result in true.results:
        better = tuple(one._replace(correct=True, margin=1.0) for one in result.outcomes)
        forged.add(run, dataclasses.replace(result, outcomes=better))
    forged.note(run, "completed")
    call = ("--protocol", "tiny", "--unsandboxed", "--results", publish(tmp_path, forged))
    done = squeezebench("results", "rerun", *call)
    assert done.returncode == 1, done.stderr
    assert "they do not agree" in done.stdout


def compared(*changed: object) -> tuple[bool, str]:
    other: Run = codec_run(*changed)  # type: ignore[arg-type]
    return dataclasses.astuple(compare(codec_run(), other))


def test_runs_of_the_codec_track_agree_in_bits_and_decibels() -> None:
    """The clean pictures have 100 and 300 bits, 40 and 30 dB."""
    assert compared() == (
        True,
        "s/v under p: 100.00 % of the verdicts are the same, "
        "bits of each cell within 0.00 %, PSNR within 0.000 dB",
    )
    agrees, said = compared(outcome(CLEAN, "b", 303, 30.1))
    assert agrees
    assert said.endswith("bits of each cell within 0.75 %, PSNR within 0.050 dB")
    for bits, psnr in ((306, 30.0), (300, 29.7)):
        agrees, said = compared(outcome(CLEAN, "b", bits, psnr))
        assert not agrees
        assert said.endswith("they do not agree")
    failed = outcome("mse-4", "b", 300, 24.0, failures=1, status="failed")
    agrees, said = compared(failed)
    assert not agrees
    assert "91.67 % of the verdicts are the same" in said
