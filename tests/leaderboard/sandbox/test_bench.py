"""The bench measures the same pictures with and without a box."""

import json

import pytest

from leaderboard.sandbox.bench import main


@pytest.mark.usefixtures("sandbox")
def test_both_ways_make_the_same_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    given = "--model mini-resnet --batch 2 --rounds 1 --steps 2 --threads 1 --clock cpu"
    assert main(given.split()) == 0
    cost = json.loads(capsys.readouterr().out)
    assert cost["same_pictures"] is True
    assert cost["batch"] == 2
    assert cost["call_ms"] > 0


def test_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "0"]) == 2
    assert "--rounds 0: expected at least 1" in capsys.readouterr().err
