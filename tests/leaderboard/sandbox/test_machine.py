"""What is said of machines that can make no box, and of those that can."""

import os
from pathlib import Path

import pytest

from benchmark.errors import BoxError
from leaderboard.check.check import check
from leaderboard.sandbox import arguments, machine
from leaderboard.sandbox.arguments import Shown
from leaderboard.sandbox.limits import Limits
from leaderboard.submission import SUBMISSIONS
from tests.leaderboard.commands import complaint, succeed


@pytest.fixture(autouse=True)
def _forget() -> None:
    machine.check.cache_clear()
    machine.has_scopes.cache_clear()


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def says(part: str) -> str:
    (found,) = [one for one in machine.examine() if one.part == f"sandbox: {part}"]
    assert not found.ok
    return found.says


def test_no_bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install bubblewrap" in says("bwrap")
    assert not machine.available()
    with pytest.raises(BoxError, match=r"apt-get install bubblewrap.*--unsandboxed"):
        machine.check()


def test_a_check_without_bwrap_blames_no_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoxError, match=r"^no sandbox on this machine: bwrap is not on PATH"):
        check(SUBMISSIONS / "identity", lambda _: None)


def test_an_old_bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "bwrap", "echo bubblewrap 0.6.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    assert "is bubblewrap 0.6.1, expected 0.8 or newer" in says("bwrap")


@pytest.mark.parametrize(
    ("path", "value", "remedy"),
    [
        ("APPARMOR", "1", "profile bwrap /usr/bin/bwrap flags=(unconfined)"),
        ("SWITCH", "0", "kernel.unprivileged_userns_clone=1"),
        ("MOST_NAMESPACES", "0", "user.max_user_namespaces=15000"),
        ("SWITCH", "1", "a container needs"),
    ],
)
def test_refused_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, value: str, remedy: str
) -> None:
    script = 'test "$1" = --version && echo bubblewrap 0.9.0 && exit\necho denied >&2\nexit 1'
    program(tmp_path / "bin", "bwrap", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    for name in ("APPARMOR", "SWITCH", "MOST_NAMESPACES"):
        monkeypatch.setattr(machine, name, tmp_path / "absent")
    setting = tmp_path / "setting"
    setting.write_text(f"{value}\n")
    monkeypatch.setattr(machine, path, setting)
    said = says("namespaces")
    assert "bwrap makes no box (denied)" in said
    assert remedy in said


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "machine", lambda: "riscv64")
    assert "the sandbox needs Linux on x86_64 or aarch64" in says("system")


def test_a_device_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "NVIDIA", (tmp_path,))
    monkeypatch.setattr(machine, "cuda_nodes", lambda: [tmp_path, tmp_path / "nvidia-uvm"])
    said = says("CUDA")
    assert "nvidia-uvm missing" in said
    assert "nvidia-modprobe" in said


def test_a_scope_where_systemd_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "systemd-run", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setattr(machine, "SYSTEMD", tmp_path)
    limits = Limits(memory=2**30, threads=7)
    words = machine.scope(limits)
    assert words[0] == "systemd-run"
    assert ("--user" in words) == (os.geteuid() != 0)
    assert {"--scope", "MemoryMax=1073741824", "MemorySwapMax=0", "TasksMax=7"} <= set(words)
    monkeypatch.setattr(machine, "SYSTEMD", tmp_path / "absent")
    machine.has_scopes.cache_clear()
    assert machine.scope(limits) == []


@pytest.mark.usefixtures("sandbox")
def test_here_everything_is_there() -> None:
    assert all(part.ok for part in machine.examine() if part.part != machine.CUDA)
    machine.check()


def test_arguments_fence_and_bind_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    (data / "weights").mkdir(parents=True)
    monkeypatch.setenv("SQUEEZEBENCH_DATA", str(data))
    given = arguments.arguments(Shown(tmp_path, device="cuda"), Limits())
    for flag in ("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent"):
        assert flag in given
    for flag in ("--new-session", "--clearenv", "--cap-drop"):
        assert flag in given
    assert "--bind" not in given
    assert "--share-net" not in given
    shown = [given[i + 2] for i, word in enumerate(given) if word == "--ro-bind"]
    assert "/submission" in shown
    assert "/data/weights" in shown
    assert "/data" not in shown
    devices = [given[i + 1] for i, word in enumerate(given) if word == "--dev-bind-try"]
    assert devices[:3] == ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"]
    assert given.index("--dev") < given.index("--dev-bind-try")
    assert given.index("/tmp") < given.index("/submission")


def test_evaluation_stops_without_a_box(tmp_path: Path) -> None:
    said = complaint(
        *("evaluate", "submissions/jpeg", "--protocol", "mini-classifier-v1"),
        *("--db", tmp_path / "r.db"),
        code=1,
        PATH=str(tmp_path),
    )
    assert "apt-get install bubblewrap" in said
    assert not (tmp_path / "r.db").exists()


def test_one_s_own_code_without_a_box_is_unofficial(tmp_path: Path, tiny_protocol: Path) -> None:
    call = ("evaluate", "submissions/identity", "--protocol", tiny_protocol, "--limit", 3)
    succeed(*call, "--db", tmp_path / "r.db", "--unsandboxed", "--workers", 1, PATH=str(tmp_path))
    said = succeed("runs", "--json", "--db", tmp_path / "r.db")
    assert "evaluated without the sandbox" in said
