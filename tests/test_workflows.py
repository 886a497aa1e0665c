"""The workflows: what linters and the rules of SANDBOX say of them, and that their steps exist."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from leaderboard.cli import app
from leaderboard.sandbox import machine
from tests.leaderboard.commands import succeed

GITHUB = Path(__file__).parents[1] / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
BESIDE = str(Path(sys.executable).parent)
USES = re.compile(r"uses: (\S+)(.*)")


def linter(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=BESIDE)
    if found is None:
        pytest.skip(f"{name} is not installed; see CONTRIBUTING.md")
    return found


def test_actionlint_is_silent() -> None:
    done = subprocess.run(
        [linter("actionlint"), *map(str, WORKFLOWS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_is_silent() -> None:
    done = subprocess.run(
        [linter("zizmor"), "--offline", "--no-progress", "--persona", "pedantic", str(GITHUB)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def content(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text())


def steps(content: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in content["jobs"].values() for step in job.get("steps", ())]


def test_actions_are_pinned_by_commit(path: Path) -> None:
    for action, rest in USES.findall(path.read_text()):
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action


def test_one_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *GITHUB.glob("actions/*/action.yml")]:
        for action, _ in USES.findall(path.read_text()):
            name, _, pin = action.partition("@")
            pins.setdefault(name, set()).add(pin)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


def test_nothing_is_allowed_unless_a_job_says_so(content: dict[Any, Any]) -> None:
    assert content["permissions"] == {}
    assert all("permissions" in job for job in content["jobs"].values())


def test_only_publishing_and_comments_write() -> None:
    writing = {
        (path.stem, job, scope)
        for path in WORKFLOWS
        for job, told in yaml.safe_load(path.read_text())["jobs"].items()
        for scope, right in told["permissions"].items()
        if right == "write"
    }
    allowed = {("comment", "comment", "pull-requests"), ("publish", "deploy", "pages")}
    allowed |= {("publish", "deploy", "id-token")}
    allowed |= {
        (workflow, job, scope)
        for workflow, job in (("publish", "record"), ("evaluate", "publish"))
        for scope in ("attestations", "contents", "id-token", "pages", "pull-requests")
    }
    assert writing <= allowed


def test_the_job_with_a_strangers_code_has_no_rights() -> None:
    content = yaml.safe_load((GITHUB / "workflows" / "evaluate.yml").read_text())
    job = content["jobs"]["evaluate"]
    assert job["permissions"] == {}
    assert job["environment"] == "evaluation"
    assert "self-hosted" in job["runs-on"]
    hosted = [yaml.safe_load(path.read_text()) for path in WORKFLOWS]
    standing = [
        name
        for told in hosted
        for name, one in told["jobs"].items()
        if "self-hosted" in one.get("runs-on", ()) and len(one["runs-on"]) < 2
    ]
    assert standing == []


def test_no_secret_no_cache_and_no_checkout_of_a_fork(path: Path, content: dict[Any, Any]) -> None:
    text = path.read_text()
    assert not re.search(r"\$\{\{[^}]*secrets", text)
    assert "pull_request_target" not in text
    assert "actions/cache" not in text
    for step in steps(content):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
            assert "head" not in str(step["with"].get("ref", ""))
        assert "cache" not in step.get("with", {})


def test_no_text_of_a_stranger_is_put_into_a_shell(content: dict[Any, Any]) -> None:
    for step in steps(content):
        assert "${{" not in step.get("run", "")


def commands() -> list[list[str]]:
    found = []
    for path in WORKFLOWS:
        for step in steps(yaml.safe_load(path.read_text())):
            words = shlex.split(step.get("run", ""))
            if words[:1] == [".venv/bin/squeezebench"]:
                found.append(words[1:])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_step_is_a_command_that_exists(words: list[str]) -> None:
    """With the options that it has: what is unknown is a usage error before anything is done."""
    command: Any = typer.main.get_command(app)
    name = words.pop(0)
    command = command.commands[name]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    numbers = {"$NUMBER": "1", "$GITHUB_RUN_ID": "1"}
    given = [numbers.get(word, word) for word in words]
    if ">" in given:
        given = given[: given.index(">")]
    command.make_context(name, given)


def test_the_steps_of_the_rehearsal_are_those_of_the_workflows() -> None:
    played = (Path(__file__).parents[1] / "leaderboard" / "rehearsal" / "rehearse.py").read_text()
    for words in commands():
        told = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
        if told[0] in {"doctor"} or told[-1] == "rerun":
            continue
        assert ", ".join(f'"{word}"' for word in told) in played, told


def test_the_script_for_a_runner_is_a_program() -> None:
    script = GITHUB / "gpu-runner"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: sudo" in done.stderr


def test_templates_are_forms_that_github_reads() -> None:
    for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")):
        content = yaml.safe_load(path.read_text())
        if path.stem == "config":
            assert content["contact_links"]
            continue
        assert {"name", "description", "body"} <= content.keys()
        assert all(part["attributes"]["label"] for part in content["body"])


def test_the_profile_of_bwrap_is_the_one_that_doctor_prints() -> None:
    """Without it Ubuntu 24.04 makes no box."""
    assert succeed("doctor", "--profile") == machine.PROFILE
    action = yaml.safe_load((GITHUB / "actions" / "setup" / "action.yml").read_text())
    installed, made, loaded = (step["run"] for step in action["runs"]["steps"][1:])
    assert installed.endswith("apt-get install --yes bubblewrap")
    assert made.startswith("make setup")
    assert loaded.startswith(".venv/bin/squeezebench doctor --profile | sudo tee /etc/apparmor.d/")
    assert loaded.endswith(machine.LOAD_PROFILE)
    runner = (GITHUB / "gpu-runner").read_text()
    said = [line for line in machine.PROFILE.splitlines() if not line.lstrip().startswith("#")]
    assert all(f"'{line}'" in runner for line in said if "include if exists" not in line)
