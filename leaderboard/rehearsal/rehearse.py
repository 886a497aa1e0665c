"""The rehearsal: the commands of the workflows, in their order, as processes of their own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmark.errors import EngineError
from leaderboard.check.check import SMOKE
from leaderboard.record.git import AUTHOR, git
from leaderboard.rehearsal.contributor import NAME, SENT, push
from leaderboard.rehearsal.forge import REPOSITORY, Forge, serving

ROOT = Path(__file__).parents[2]
AUTHOR_OF_ALL = "somebody"
KEPT = ("jpeg", "identity")
"""Submissions that the rehearsal's repository starts with."""

Say = Callable[[str], None]


class Done(NamedTuple):
    """A command of a workflow, ended."""

    code: int
    said: str


def rehearse(folder: Path, say: Say, *, sandboxed: bool = True) -> Path:
    """Play everything in the empty `folder`; returns the page that a reader would see.

    An EngineError says which step did not do what it should.
    """
    origin, work = folder / "origin.git", folder / "maintainer"
    _begin(origin, work)
    with serving(Forge(origin)) as forge:
        for number, branch in enumerate(SENT, start=1):
            sha = push(origin, folder / f"fork-{branch}", branch, number)
            forge.open(AUTHOR_OF_ALL, branch, sha)
            _look(forge, number, branch, say)
        stage = _Stage(folder, forge, work, say, sandboxed=sandboxed)
        record = stage.evaluated(len(SENT))
        return stage.published(len(SENT), record)


def _begin(origin: Path, work: Path) -> None:
    """The project's repository, and the clone of the job that publishes."""
    work.mkdir(parents=True)
    for name in KEPT:
        source = ROOT / "submissions" / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, work / "submissions" / name, ignore=ignored)
    (work / "README.md").write_text("A repository for a rehearsal.\n", encoding="utf-8")
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")
    git(work, *AUTHOR, "commit", "--quiet", "--message", "Begin")
    git(work, "clone", "--quiet", "--bare", str(work), str(origin))
    git(work, "remote", "add", "origin", str(origin))


def _look(forge: Forge, number: int, branch: str, say: Say) -> None:
    """What the workflow on pull requests says; asked twice, it keeps to one comment."""
    sha, refused = forge.requests[number].sha, SENT[branch].refused
    options = ["--head", f"{AUTHOR_OF_ALL}:{branch}", *_where(forge)]
    others = ["--others", str(ROOT / "submissions")]
    done = _command("pull", "comment", sha, *options, *others)
    _expect(done.code == 0, f"comment on {branch}", done)
    comments = forge.of(number)
    _expect(len(comments) == 1, f"one comment on {branch}, found {len(comments)}", done)
    _expect((refused or "nothing to correct") in comments[0], f"the reason of {branch}", done)
    _expect("\x1b" not in comments[0], f"no escape in the comment on {branch}", done)
    if refused is not None:
        target = str(forge.bare.parent / f"fetched-{branch}")
        fetched = _command("pull", "fetch", str(number), sha, "--out", target, *_where(forge))
        admitted = SENT[branch].fetched
        _expect((fetched.code == 0) == admitted, f"whether {branch} is fetched", fetched)
    say(f"{branch}: {'refused: ' + refused if refused else 'nothing to correct'}")


class _Stage:
    """The jobs behind the check: evaluation and publication, each with what the last one gave."""

    def __init__(
        self, folder: Path, forge: Forge, work: Path, say: Say, *, sandboxed: bool
    ) -> None:
        self._folder, self._forge, self._work, self._say = folder, forge, work, say
        self._open = [] if sandboxed else ["--unsandboxed"]
        self._fetched = folder / "fetched" / NAME

    def evaluated(self, number: int) -> Path:
        """Fetch, check in the sandbox, comment, evaluate, export; the record."""
        forge, sha = self._forge, self._forge.requests[number].sha
        outputs = self._folder / "outputs"
        where = _where(forge)
        fetched = str(self._fetched.parent)
        arguments = ["--out", fetched, "--output", str(outputs), *where]
        self._run("pull", "fetch", str(number), sha, *arguments)
        checked = self._run("check", str(self._fetched), "--json", *self._open)
        report = self._folder / "report.json"
        report.write_text(checked.said, encoding="utf-8")
        _expect(json.loads(checked.said)["passed"], "the check passes", checked)
        others = ["--others", str(ROOT / "submissions")]
        said = ["--number", str(number), "--reported", str(report), *others]
        self._run("pull", "comment", sha, *said, *where)
        _expect(len(forge.of(number)) == 1, "the comment is edited in place", checked)
        db = str(self._folder / "evaluation.db")
        chosen = ["--protocol", str(SMOKE), "--variant", "weak", "--device", "cpu"]
        options = ["--workers", "1", "--db", db, *self._open]
        self._run("evaluate", str(self._fetched), *chosen, *options)
        record = self._folder / "record.json"
        exported = self._run("export", "1", "-o", str(record), "--db", db)
        (self._folder / "sha256").write_text(exported.said.strip(), encoding="utf-8")
        return record

    def published(self, number: int, record: Path) -> Path:
        """Add the record, push it, make database and site from that; the entry's page."""
        results = self._work / "leaderboard" / "results"
        sha256 = (self._folder / "sha256").read_text(encoding="utf-8")
        wrong = _command(
            "results", "add", str(record), "--sha256", "0" * 64, "--results", str(results)
        )
        _expect(wrong.code == 1, "a record with another hash is refused", wrong)
        outputs = (self._folder / "outputs").read_text(encoding="utf-8").split()
        told = dict(line.split("=", 1) for line in outputs)
        options = ["--submission-hash", told["hash"], "--unofficial", "--results", str(results)]
        self._run("results", "add", str(record), "--sha256", sha256, *options)
        message = f"Add the evaluation of {NAME}"
        self._run("results", "push", "--message", message, "--results", str(results))
        public = self._folder / "public"
        git(self._folder, "clone", "--quiet", str(self._forge.bare), str(public))
        results = public / "leaderboard" / "results"
        self._run("results", "verify", "--results", str(results))
        db = self._folder / "published.db"
        first = self._run("results", "rebuild", "--results", str(results), "--db", str(db))
        again = self._run("results", "rebuild", "--results", str(results), "--db", str(db))
        _expect(first.said == again.said, "the database is the same twice", again)
        rendered = self._run("render", "--db", str(db), "--out", str(self._folder / "site"))
        where = ["--folder", str(self._fetched), *_where(self._forge)]
        self._run("pull", "announce", str(number), str(record), *where)
        announced = self._forge.of(number)[-1]
        _expect("claimed clean accuracy 0.5" in announced, "claims are compared", again)
        pages = sorted((self._folder / "site" / "entries" / NAME).glob("*.html"))
        _expect(len(pages) >= 1, "the entry has a page", rendered)
        return pages[0]

    def _run(self, *arguments: str) -> Done:
        done = _command(*arguments)
        _expect(done.code == 0, " ".join(arguments[:2]), done)
        self._say(f"squeezebench {' '.join(arguments[:2])}: done")
        return done


def _where(forge: Forge) -> list[str]:
    return ["--repository", REPOSITORY, "--api", forge.url]


def _command(*arguments: str) -> Done:
    """One `squeezebench` command in a process of its own, without a token."""
    program = [sys.executable, "-c", "from leaderboard.cli import main; main()"]
    settings = {"PYTHONPATH": str(ROOT), "GITHUB_TOKEN": ""}
    done = subprocess.run(
        [*program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **settings},
    )
    return Done(done.returncode, done.stdout + (done.stderr if done.returncode else ""))


def _expect(held: bool, what: str, done: Done) -> None:
    if not held:
        said = " ".join(done.said.split())[-600:]
        raise EngineError(
            f"rehearsal: {what}: not so; the last command ended with {done.code}: {said}"
        )
