"""Every way to cheat that we know, as a submission: it works without the box, and fails in it."""

import os
import random
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark import scoring
from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import find, fingerprinted
from benchmark.defense import Codec, Plugin
from benchmark.errors import BoxError, ContractError, SqueezebenchError, SubmissionError
from benchmark.evaluate import Declared, Harness
from benchmark.protocol import load
from benchmark.records import CLEAN, Shard, ShardResult
from leaderboard.sandbox.limits import DEFAULT, GIB, Limits
from leaderboard.sandbox.loading import PluginSpec
from leaderboard.sandbox.loading import load as load_plugin
from leaderboard.submission import load as load_submission
from tests.benchmark.test_probes import flags_of
from tests.boxes import boxed, boxes, images_of, in_process, spec_of
from tests.leaderboard.commands import complaint

CHEATS = Path(__file__).parent
SHARD = Shard("mini-resnet", 0, 3)
ORDER = 1


def spec(name: str, **parameters: object) -> PluginSpec:
    found = spec_of(CHEATS / name)
    return replace(found, parameters={**found.parameters, **parameters})


def refused(
    made: PluginSpec, error: type[SqueezebenchError], said: str, limits: Limits = DEFAULT
) -> str:
    """The complaint of a box that is asked for one answer."""
    with boxed(made, limits) as plugin, pytest.raises(error, match=said) as caught:
        plugin.forward(images_of())
    assert "\n" not in str(caught.value).strip()
    return caught.value.status


def works(made: PluginSpec) -> None:
    """Without a box the cheat gets its way: it answers with black pictures."""
    assert not in_process(made).forward(images_of()).any()


pytestmark = pytest.mark.usefixtures("sandbox")


def test_reading_the_labels(tmp_path: Path) -> None:
    labels = Path(__file__).parents[2] / "benchmark" / "datasets" / "imagenet1k.txt"
    outside = tmp_path / "labels.txt"
    outside.write_text("cat")
    for target in (labels, outside):
        works(spec("read-labels", target=str(target)))
        refused(spec("read-labels", target=str(target)), ContractError, "FileNotFoundError")
    inside = "/code/benchmark/datasets/imagenet1k.txt"
    refused(spec("read-labels", target=inside), ContractError, "FileNotFoundError")
    works(spec("read-labels", module="benchmark.datasets.shapes"))
    made = spec("read-labels", module="benchmark.datasets.shapes")
    refused(made, ContractError, "ModuleNotFoundError")


def test_opening_a_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[bytes] = []

        def listen() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(64))

        listener = threading.Thread(target=listen)
        listener.start()
        works(spec("open-socket", port=server.getsockname()[1]))
        listener.join(5)
        assert heard == [b"pictures"]
        made = spec("open-socket", port=server.getsockname()[1])
        refused(made, ContractError, "OSError.*not supported")


def test_writing_the_database(tmp_path: Path) -> None:
    database = tmp_path / "runs.db"
    sqlite3.connect(database).close()
    database.touch()
    refused(spec("write-database", target=str(database)), ContractError, "OperationalError")
    assert database.read_bytes() == b""
    works(spec("write-database", target=str(database)))
    assert database.read_bytes() != b""


def test_writing_to_inherited_descriptors(tmp_path: Path) -> None:
    made = spec("write-descriptors")
    with (tmp_path / "open").open("w+") as mine:
        os.set_inheritable(mine.fileno(), True)
        refused(made, BoxError, "nobody had asked|broke the protocol")
        assert mine.read() == ""


def test_truncating_the_shared_memory() -> None:
    unsealed = os.memfd_create("reply", os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, 4096)
    in_process(spec("truncate-memory")).forward(images_of())
    assert os.fstat(unsealed).st_size == 0
    os.close(unsealed)
    refused(spec("truncate-memory"), ContractError, "pieces of shared memory can be truncated")


def test_changing_the_request() -> None:
    unsealed = os.memfd_create("request", os.MFD_ALLOW_SEALING)
    os.write(unsealed, b"\1" * 4096)
    in_process(spec("mutate-request")).forward(images_of())
    assert os.pread(unsealed, 8, 0) == bytes(8)
    os.close(unsealed)
    refused(spec("mutate-request"), ContractError, "no request can be changed")


def test_a_fork_bomb() -> None:
    limits = Limits(processes=8, threads=64, call_s=60)
    assert (
        refused(spec("fork-bomb"), BoxError, "processes and .* allowed are 8", limits) == "failed"
    )


@pytest.mark.parametrize("way", ["at-once", "in-parts"])
def test_taking_memory(way: str) -> None:
    limits = Limits(memory=3 * GIB, call_s=120)
    status = refused(spec("take-memory", way=way), BoxError, "out of memory", limits)
    assert status == "out-of-memory"


def test_looping_for_ever() -> None:
    status = refused(spec("loop"), BoxError, "no answer within 2 seconds", Limits(call_s=2))
    assert status == "timeout"


def test_filling_the_disk() -> None:
    limits = Limits(files=2**26, shared=2**25)
    with boxed(spec("fill-disk"), limits) as plugin, pytest.raises(ContractError) as caught:
        plugin.forward(images_of())
    said = str(caught.value)
    assert "/tmp: No space left on device" in said
    assert "/dev/shm: No space left on device" in said
    assert "/submission: Read-only file system" in said
    assert "/: Read-only file system" in said
    assert float(said.split("wrote ")[1].split(" MiB", maxsplit=1)[0]) <= 96


def test_printing_a_gigabyte() -> None:
    with boxes(spec("print")) as made:
        x = images_of()
        assert torch.equal(made.make().forward(x), x)
        (said,) = made.outputs
    assert len(said) <= 64 * 1024
    assert "\x1b" not in said
    assert "\x07" not in said


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nan", "Cheat.forward returned values that are not finite"),
        ("infinite", "not finite"),
        ("large", r"Cheat.forward returned values in \[1, 2\]|values in"),
        ("negative", "values in"),
        ("short", r"returned shape \(2, 3, 16, 15\), expected \(2, 3, 16, 16\)"),
    ],
)
def test_what_is_no_picture(what: str, said: str) -> None:
    assert refused(spec("bad-output", what=what), ContractError, said) == "failed"


def test_patching_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in (
        (torch.Tensor, "argmax"),
        (torch.Tensor, "sum"),
        (torch, "isfinite"),
        (torch, "randint"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    refused(spec("patch-torch"), ContractError, "not finite")
    in_process(spec("patch-torch"))
    assert bool(torch.isfinite(torch.tensor(torch.nan)))  # the harness believes it


def test_a_malicious_header() -> None:
    with boxes(spec("bad-header")) as made, pytest.raises(SqueezebenchError, match=r"[Hh]eader"):
        made.make()


def test_a_symlink_out_of_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("token")
    folder = Path(shutil.copytree(CHEATS / "symlink", tmp_path / "symlink"))
    made = replace(spec("symlink"), source=str(folder / "defense.py"))
    (folder / "notes.txt").symlink_to(secret)
    works(made)
    refused(made, ContractError, "FileNotFoundError")
    with pytest.raises(SubmissionError, match="link"):
        load_submission(folder)


def manifest(tmp_path: Path, old: str, new: str) -> Path:
    folder = Path(shutil.copytree(CHEATS / "loop", tmp_path / "loop"))
    path = folder / "submission.toml"
    path.write_text(path.read_text().replace(old, new))
    return folder


@pytest.mark.parametrize("escape", ["\\u001b[2J", "\\u202e", "\\u0007"])
def test_escapes_in_the_manifest(tmp_path: Path, escape: str) -> None:
    folder = manifest(tmp_path, 'title = "Loops for ever"', f'title = "<b>a{escape}b"')
    said = complaint(
        "evaluate", folder, "--protocol", "mini-classifier-v1", "--db", tmp_path / "r.db", code=2
    )
    assert "title" in said
    assert said.isprintable()


def test_another_s_name(tmp_path: Path) -> None:
    folder = manifest(tmp_path, 'name = "loop"', 'name = "jpeg"')
    with pytest.raises(SubmissionError, match="the folder is"):
        load_submission(folder)


# What no wall stops: the judges have to notice.


Run = Callable[[Callable[[], Plugin], str], ShardResult]


@pytest.fixture
def run(tiny_protocol: Path, mini_resnet: LoadedClassifier, tmp_path: Path) -> Run:
    protocol = load(str(tiny_protocol))

    def evaluated(make: Callable[[], Plugin], gradient: str) -> ShardResult:
        sample = fingerprinted(find(protocol.dataset))
        loaded = {"mini-resnet": mini_resnet}
        harness = Harness(
            protocol, sample, loaded, make, Declared(gradient), tmp_path, precision="fp32"
        )
        return harness.evaluate(SHARD)

    return evaluated


def flagged(run: Run, made: PluginSpec, gradient: str) -> set[str]:
    with boxes(made) as box:
        result = run(box.make, gradient)
    return flags_of(dict(result.diagnostics))


def test_a_constant_answer_wins_nothing(run: Run) -> None:
    with boxes(spec("bad-output", what="constant")) as made:
        result = run(made.make, "none")
    clean = [outcome.predicted for outcome in result.outcomes if outcome.cell == CLEAN]
    assert len(set(clean)) == 1


@pytest.mark.parametrize("patience", [3, 8])
def test_counting_calls(run: Run, patience: int) -> None:
    assert "stateful" in flagged(run, spec("count-calls", patience=patience), "exact")


def test_remembering_pictures(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """About half of the pictures are met first as they are, or as an attack that failed left them.

    Three may all be, thousands never, so the order is a fixed one here.
    """
    monkeypatch.setattr(scoring.secrets, "SystemRandom", lambda: random.Random(ORDER))
    made = spec("remember")
    plugin, x = in_process(made), images_of()
    with torch.no_grad():
        plugin.forward(x)
        assert torch.equal(plugin.forward((x + 0.05).clamp(0, 1)), x)  # asked in order it works
    assert "stateful" in flagged(run, made, "exact")


def test_two_faces(run: Run) -> None:
    assert "stateful" in flagged(run, spec("two-faced"), "exact")


def test_lying_about_the_gradient(run: Run) -> None:
    """Three pictures prove no incoherence, but the attack that ignores the lie breaks them."""
    with boxes(spec("lie-in-vjp")) as made:
        result = run(made.make, "exact")
    assert result.diagnostics["gradient_falls"] == result.diagnostics["gradient_images"] > 0

    def broken(estimator: str) -> int:
        cell = f"white-box/pgd-5x2/linf-4/{estimator}"
        found = [o for o in result.outcomes if o.cell == cell]
        assert found, {o.cell for o in result.outcomes}
        return sum(not o.correct for o in found)

    assert broken("identity") > broken("exact")


@pytest.mark.parametrize("way", ["module", "/tmp", "/dev/shm"])
def test_smuggling_past_the_stream(way: str, tmp_path: Path) -> None:
    x = images_of()
    plain = load_plugin(spec("smuggle", way=way if way == "module" else str(tmp_path)))
    assert isinstance(plain, Codec)
    assert torch.equal(plain.decompress(plain.compress(x), (16, 16)), x)
    with boxed(spec("smuggle", way=way)) as plugin:
        assert isinstance(plugin, Codec)
        streams = plugin.compress(x)
        assert [len(stream) for stream in streams] == [1, 1]
        with pytest.raises(ContractError, match=r"IndexError|FileNotFoundError"):
            plugin.decompress(streams, (16, 16))
