"""A pull request over HTTP, in the layout of GitHub's interface: fetched as data, or refused."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import CallError, DataError
from leaderboard.check import words
from leaderboard.check.findings import Level
from leaderboard.pull import commenting, fetching
from leaderboard.pull.api import Api
from leaderboard.record.git import AUTHOR, git
from leaderboard.rehearsal import rehearse
from leaderboard.rehearsal.contributor import NAME, SENT, push
from leaderboard.rehearsal.forge import REPOSITORY, Forge, serving

OTHERS = Path(rehearse.ROOT) / "submissions"


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    """A project's repository, served."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    rehearse._begin(tmp_path / "origin.git", tmp_path / "work")
    with serving(Forge(tmp_path / "origin.git")) as served:
        yield served


@pytest.fixture
def api(forge: Forge) -> Api:
    return Api(REPOSITORY, forge.url)


def opened(forge: Forge, tmp_path: Path, branch: str) -> tuple[int, str]:
    number = len(forge.requests) + 1
    sha = push(forge.bare, tmp_path / f"fork{number}", branch, number)
    return forge.open("somebody", branch, sha).number, sha


def test_the_files_are_those_of_the_commit(forge: Forge, api: Api, tmp_path: Path) -> None:
    number, sha = opened(forge, tmp_path, "good")
    assert commenting.find(api, "somebody:good", sha) == number
    written = fetching.write(api, fetching.look(api, number, sha), tmp_path / "out")
    source = tmp_path / f"fork{number}" / "submissions" / NAME
    expected = {path.name: path.read_bytes() for path in source.iterdir()}
    assert {path.name: path.read_bytes() for path in written.iterdir()} == expected
    assert all(path.stat().st_mode & 0o111 == 0 for path in written.iterdir())
    assert commenting.examined(api, number, sha, OTHERS).passed


@pytest.mark.parametrize("branch", ["touches-others", "link", "submodule", "oversized"])
def test_nothing_is_fetched_of_what_is_refused(
    forge: Forge, api: Api, tmp_path: Path, branch: str
) -> None:
    number, sha = opened(forge, tmp_path, branch)
    pull = fetching.look(api, number, sha)
    assert not pull.admissible
    assert any((SENT[branch].refused or "") in finding.says for finding in pull.findings)
    with pytest.raises(DataError, match="is not fetched"):
        fetching.write(api, pull, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def committed(forge: Forge, tmp_path: Path, change: Any) -> tuple[int, str]:
    """A pull request with a change of one's own."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(forge.bare), str(clone))
    change(clone)
    git(clone, "add", "--all")
    git(clone, *AUTHOR, "commit", "--quiet", "--message", "x")
    number = len(forge.requests) + 1
    git(clone, "push", "--quiet", "origin", f"HEAD:refs/pull/{number}/head")
    sha = git(clone, "rev-parse", "HEAD").strip()
    return forge.open("somebody", "x", sha).number, sha


def test_other_changes_that_are_refused(forge: Forge, api: Api, tmp_path: Path) -> None:
    def change(clone: Path) -> None:
        git(clone, "mv", "submissions/jpeg", "submissions/mine")
        (clone / "submissions" / "a b").mkdir()
        (clone / "submissions" / "a b" / "x.py").write_text("")

    pull = fetching.look(api, *committed(forge, tmp_path, change))
    said = " ".join(finding.says for finding in pull.findings)
    assert "changes 2 submissions (jpeg, mine); expected one" in said
    assert "is no part of a submission" in said


def test_a_program_is_refused(forge: Forge, api: Api, tmp_path: Path) -> None:
    def change(clone: Path) -> None:
        (clone / "submissions" / "jpeg" / "defense.py").chmod(0o755)

    pull = fetching.look(api, *committed(forge, tmp_path, change))
    assert "is marked executable" in " ".join(finding.says for finding in pull.findings)


def test_a_submission_that_is_removed(forge: Forge, api: Api, tmp_path: Path) -> None:
    number, sha = committed(
        forge, tmp_path, lambda clone: git(clone, "rm", "-rq", "submissions/jpeg")
    )
    with pytest.raises(DataError, match="removes jpeg; there is nothing to fetch"):
        fetching.write(api, fetching.look(api, number, sha), tmp_path / "out")


def test_a_pull_request_that_was_changed_since(forge: Forge, api: Api, tmp_path: Path) -> None:
    number, sha = opened(forge, tmp_path, "good")
    with pytest.raises(DataError, match=f"its newest commit is {sha[:12]}, asked for was 000000"):
        fetching.look(api, number, "0" * 40)
    with pytest.raises(CallError, match="expected its 40 hexadecimal digits"):
        fetching.look(api, number, "main")
    with pytest.raises(DataError, match="404"):
        fetching.look(api, 99, sha)


def test_a_file_that_is_not_what_git_says(
    forge: Forge, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, sha = opened(forge, tmp_path, "good")
    pull = fetching.look(api, number, sha)
    other = {"encoding": "base64", "content": b64encode(b"other").decode()}
    monkeypatch.setattr(forge, "_blob", lambda _: other)
    with pytest.raises(DataError, match="has another hash than git says"):
        fetching.write(api, pull, tmp_path / "out")


def test_one_comment_is_edited_in_place(forge: Forge, api: Api) -> None:
    forge.comments.append(
        {"id": 1, "issue": 7, "body": f"{words.MARKER}\nforged", "user": {"type": "User"}}
    )
    assert commenting.put(api, 7, f"{words.MARKER}\nfirst") == "commented on pull request 7"
    assert commenting.put(api, 7, f"{words.MARKER}\nsecond").startswith("edited the comment")
    assert commenting.put(api, 7, "<!-- another -->\nx") == "commented on pull request 7"
    assert forge.of(7) == [
        f"{words.MARKER}\nforged",
        f"{words.MARKER}\nsecond",
        "<!-- another -->\nx",
    ]


def test_what_changes_a_submission_is_asked_for_its_author(
    forge: Forge, api: Api, tmp_path: Path
) -> None:
    number, sha = opened(forge, tmp_path, "replaces")
    report = commenting.examined(api, number, sha, OTHERS)
    said = {finding.level: finding.says for finding in report.findings if finding.part == "changes"}
    assert "is 'somebody' one of its authors?" in said[Level.WARNING]
    assert "raise `version`" in said[Level.ERROR]


def test_a_token_goes_to_https_and_to_this_machine_alone() -> None:
    with pytest.raises(CallError, match="expected an https address"):
        Api(REPOSITORY, "http://api.github.com")
    with pytest.raises(CallError, match="expected OWNER/NAME"):
        Api("name", "https://api.github.com")


def test_a_list_comes_in_pages(forge: Forge, api: Api) -> None:
    forge.comments.extend({"id": i + 1, "issue": 1, "body": str(i)} for i in range(250))
    assert len(list(api.all("issues/1/comments"))) == 250


def test_the_layout_is_that_of_the_documentation(forge: Forge, tmp_path: Path) -> None:
    """The server answers with the keys that GitHub's reference names for these paths."""
    number, sha = opened(forge, tmp_path, "good")
    pull = forge.get(["pulls", str(number)], {})
    assert {"number", "state", "user", "head", "base"} <= pull.keys()
    (first, *_) = forge.get(["pulls", str(number), "files"], {})
    assert {"filename", "status"} <= first.keys()
    tree = forge.get(["git", "trees", forge.get(["git", "commits", sha], {})["tree"]["sha"]], {})
    assert {"path", "mode", "type", "sha"} <= tree["tree"][0].keys()
    assert json.dumps(tree)
