"""The whole way of a pull request, by the one command that plays it."""

import subprocess
from pathlib import Path

import pytest

from leaderboard.rehearsal.contributor import NAME, SENT
from tests.leaderboard.commands import complaint, succeed


@pytest.mark.usefixtures("sandbox")
def test_a_pull_request_from_the_fork_to_the_site(tmp_path: Path) -> None:
    out = tmp_path / "rehearsal"
    said = succeed("rehearse", "--out", out)
    for branch, sent in SENT.items():
        reason = f"refused: {sent.refused}" if sent.refused else "nothing to correct"
        assert f"{branch}: {reason}" in said
    page = Path(said.strip().rsplit(": ", 1)[1])
    assert page.is_file()
    text = page.read_text()
    assert NAME in text
    assert "Unofficial run, not ranked" in text
    listed = subprocess.run(
        ["git", "-C", str(out / "origin.git"), "ls-tree", "-r", "--name-only", "main"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    added = [name for name in listed if name.startswith("leaderboard/results/")]
    assert sorted(Path(name).suffix for name in added) == [".json", ".jsonl", ".npz"]
    assert not [name for name in listed if NAME in name and "results" not in name]


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    assert "no rehearsal's; choose another" in complaint("rehearse", "--out", tmp_path, code=2)
    assert (tmp_path / "mine").read_text() == "x"
