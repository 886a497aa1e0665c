"""The command line as a user runs it: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUBMISSIONS = ROOT / "submissions"
SQUEEZEBENCH = (sys.executable, "-c", "from leaderboard.cli import main; main()")


def squeezebench(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The finished command. Its working folder is the project's unless given."""
    return subprocess.run(
        [*SQUEEZEBENCH, *map(str, arguments)],
        cwd=cwd or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(*arguments: object, cwd: Path | None = None, **environment: str) -> str:
    """Standard output of a command that must end well."""
    done = squeezebench(*arguments, cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def complaint(*arguments: object, code: int, cwd: Path | None = None, **environment: str) -> str:
    """The one sentence of a command that must end with `code`."""
    done = squeezebench(*arguments, cwd=cwd, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("squeezebench: ")
