"""Each way to fail has its name in the store."""

import json
import shutil
from pathlib import Path

import pytest

from tests.leaderboard.commands import complaint, succeed

CHEATS = Path(__file__).parents[2] / "cheats"
LIMITS = "\n[limits]\nmemory_mb = 3072\ncall_seconds = 20\nstart_seconds = 600\n"

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("loop", "timeout", "no answer within 20 seconds"),
        ("take-memory", "out-of-memory", "out of memory"),
        ("symlink", "failed", "FileNotFoundError"),
    ],
)
def test_a_run_says_how_it_failed(
    tmp_path: Path, tiny_protocol: Path, name: str, status: str, said: str
) -> None:
    folder = Path(shutil.copytree(CHEATS / name, tmp_path / name))
    manifest = folder / "submission.toml"
    manifest.write_text(manifest.read_text().replace("\n[[variant]]", LIMITS + "\n[[variant]]"))
    db = tmp_path / "r.db"
    told = complaint("evaluate", folder, "--protocol", tiny_protocol, "--db", db, code=1)
    assert said in told
    (run,) = json.loads(succeed("runs", "--json", "--db", db))
    assert run["status"] == status
    assert said in run["detail"]
