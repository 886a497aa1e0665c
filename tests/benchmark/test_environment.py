"""What a run notes of the code that made it."""

import subprocess
from pathlib import Path

import pytest

from benchmark import environment


def test_a_new_submission_is_no_change_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        named = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *named, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def write(name: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    monkeypatch.setattr(environment, "PACKAGE", tmp_path / "benchmark")
    write("submissions/old/defense.py")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    clean = environment.commit()
    assert clean is not None
    assert not clean.endswith("+changes")
    write("submissions/new/defense.py")
    assert environment.commit() == clean
    (tmp_path / "submissions/old/defense.py").write_text("another")
    assert environment.commit() == f"{clean}+changes"
    git("checkout", "--", ".")
    write("benchmark/new.py")
    assert environment.commit() == f"{clean}+changes"
