"""The published records in git: what a commit holds of them, and a commit of them alone."""

import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

from benchmark.errors import CallError, SqueezebenchError
from leaderboard.record.ledger import LEDGER, grown_from, verified

TOKEN_VARIABLE = "GITHUB_TOKEN"  # noqa: S105 (the name of a variable)
AUTHOR = ("-c", "user.name=squeezebench", "-c", "user.email=squeezebench@users.noreply.github.com")


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Standard output of git, run in `folder`; an error holds git's last words."""
    program = shutil.which("git")
    if program is None:
        raise CallError("git is not installed; apt-get install git")
    done = subprocess.run(
        [program, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **environment},
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise SqueezebenchError(f"git {arguments[0]} failed: {said or 'it said nothing'}")
    return done.stdout


def committed_ledger(results: Path, commit: str) -> str:
    """The ledger as `commit` has it; empty if it has none."""
    root = Path(git(results, "rev-parse", "--show-toplevel").strip())
    name = (results.resolve() / LEDGER).relative_to(root.resolve()).as_posix()
    if commit.startswith("-"):
        raise CallError(f"--since {commit}: expected a commit")
    if not git(root, "ls-tree", "--name-only", commit, name).strip():
        return ""
    return git(root, "show", f"{commit}:{name}")


def push_results(results: Path, message: str, remote: str, branch: str) -> str:
    """Commit what was added to `results` and push it; says what was done.

    A token in `GITHUB_TOKEN` is handed to git by its environment, where no list of processes shows
    it and no configuration keeps it.
    """
    verified(results)
    grown_from(committed_ledger(results, "HEAD"), results)
    git(results, "add", "--", str(results.resolve()))
    if not git(results, "diff", "--cached", "--name-only").strip():
        return "nothing was added since the last commit"
    git(results, *AUTHOR, "commit", "--quiet", "--message", message, "--", str(results.resolve()))
    git(results, "push", "--quiet", "--", remote, f"HEAD:refs/heads/{branch}", **_credentials())
    return f"pushed {git(results, 'rev-parse', 'HEAD').strip()} to {branch}"


def _credentials() -> dict[str, str]:
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        return {}
    word = b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.https://github.com/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {word}",
    }
