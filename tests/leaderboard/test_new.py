"""`squeezebench new`: every kind keeps the rules from the start; a wrong call makes nothing."""

from pathlib import Path

import pytest

from benchmark.errors import CallError
from leaderboard.check import static
from leaderboard.check.findings import Level
from leaderboard.new import new
from leaderboard.submission import load


@pytest.mark.parametrize("kind", new.KINDS)
def test_what_is_made_keeps_every_rule(tmp_path: Path, kind: str) -> None:
    made = new.make("my-2nd.try", kind, tmp_path)
    submission = load(made)
    assert submission.manifest.defense.kind == kind
    assert f"class {submission.class_name}(" in submission.source.read_text()
    assert {finding.level for finding in static.examine(made)} == {Level.OK}
    assert "@" not in submission.source.read_text().replace("@staticmethod", "")


def test_comments_stand_in_one_column_whatever_the_name(tmp_path: Path) -> None:
    for name in ("a", "my-2nd.try"):
        text = (new.make(name, "codec", tmp_path) / "submission.toml").read_text()
        behind = [line for line in text.splitlines() if "  # " in line]
        assert len(behind) > 8
        assert {line.index("  # ") for line in behind} == {33}


def test_kinds() -> None:
    assert new.KINDS == ("classifier", "codec", "purifier")


def test_a_name_that_begins_with_a_digit_makes_a_class(tmp_path: Path) -> None:
    assert load(new.make("2way", "codec", tmp_path)).class_name == "Defense2way"


@pytest.mark.parametrize("name", ["", "-a", "A", "a/b", "..", "a b", "x" * 65, "a\n"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(CallError, match="expected small letters"):
        new.make(name, "codec", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced(tmp_path: Path) -> None:
    new.make("a", "codec", tmp_path)
    with pytest.raises(CallError, match="is there already"):
        new.make("a", "purifier", tmp_path)
    with pytest.raises(CallError, match="is no folder"):
        new.make("b", "purifier", tmp_path / "none")
    assert load(tmp_path / "a").manifest.defense.kind == "codec"
