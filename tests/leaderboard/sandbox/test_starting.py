"""A worker imports with the collector of garbage off, and works with it on."""

import subprocess
import sys
from pathlib import Path


def test_garbage_is_collected_once_a_worker_has_begun(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(
        "import gc, sys\n"
        "from leaderboard.sandbox.starting import started\n"
        "def main():\n"
        "    print(gc.isenabled(), sys.argv[1:])\n"
        "    started()\n"
        "    print(gc.isenabled(), gc.get_freeze_count() > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "leaderboard.sandbox.starting", "probe", "3", "cpu"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["False ['3', 'cpu']", "True True"]
