"""The bench: its rows follow from their seconds, its peers attack, its errors name the remedy."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor, nn

from benchmark.bench import peers, report, subjects, timing
from benchmark.bench.__main__ import main
from benchmark.bench.cases import CASES, Case, against, chosen
from benchmark.environment import installed
from benchmark.errors import CallError, DataError, UnknownNameError
from benchmark.threat import Budget, Norm, ThreatModel

LINF_8 = ThreatModel(Norm.LINF, 8)
TINY = Case("pgd-2", "pgd", "mini-resnet", Budget(LINF_8, steps=2, until_broken=False), 4, ("art",))


def idle(model: nn.Module, x: Tensor, y: Tensor, budget: Budget) -> Tensor:
    """A peer that does nothing."""
    return x.clone()


@pytest.fixture
def idle_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find", lambda peer, attack: idle)


@pytest.mark.usefixtures("idle_peer")
def test_rows_follow_from_their_seconds() -> None:
    said: list[str] = []
    rows = timing.run([TINY], repeats=1, say=said.append)
    assert {row.precision for row in rows} >= {"fp32"}
    assert len(rows) == len(said)
    for row in rows:
        assert (row.attack, row.model, row.peer, row.images) == ("pgd-2", "mini-resnet", "art", 4)
        assert row.ratio == row.peer_seconds / row.seconds
        assert row.ratio_to_floor == row.floor_seconds / row.seconds
        assert row.peer_accuracy == 1.0
        assert row.accuracy <= 0.5
        assert row.l2 is row.peer_l2 is None


def test_everybody_gets_a_batch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def counting(model: nn.Module, x: Tensor, y: Tensor, budget: Budget) -> Tensor:
        sizes.append(len(x))
        return x.clone()

    monkeypatch.setattr(peers, "find", lambda peer, attack: counting)
    parted = timing.run([TINY], repeats=1, images=5, batch=2)
    assert sizes == [2, 2, 1]
    whole = timing.run([TINY], repeats=1, images=5)
    assert sizes[3:] == [5]
    assert [row.accuracy for row in parted] == [row.accuracy for row in whole]


@pytest.mark.usefixtures("idle_peer")
def test_until_broken_and_minimal_cases() -> None:
    broken = replace(TINY, budget=Budget(LINF_8, steps=40))
    nearest = replace(TINY, attack="deepfool", budget=Budget(LINF_8, steps=10), minimal=True)
    for row in timing.run([broken, nearest], repeats=1):
        assert row.accuracy == 0.0
        assert row.l2 is row.peer_l2 is None  # the idle peer broke none


@pytest.mark.usefixtures("idle_peer")
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--only", "fgsm deit", "--images", "2", "--repeats", "1", "--threads", "1"]
    assert main([*given, "--json"]) == 1
    assert "set SQUEEZEBENCH_DATA to the folder" in capsys.readouterr().err
    given[1] = "pgd-10 mini"
    assert main([*given, "--json", "--out", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["rows"] == printed
    fields = "attack model peer seconds peer_seconds ratio accuracy peer_accuracy floor_seconds"
    assert set(fields.split()) <= set(printed[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", written["machine"]["date"])
    table = (tmp_path / "bench.md").read_text().splitlines()
    assert len(table) == 2 + 2 + len(printed)
    assert len({line.count("|") for line in table[2:]}) == 1
    bars = ElementTree.parse(tmp_path / "bench.svg").iter("{http://www.w3.org/2000/svg}rect")
    widths = [float(bar.attrib["width"]) for bar in bars]
    longest = max([1.0, *(row["ratio"] for row in printed)])
    expected = [report.SCALE_WIDTH * row["ratio"] / longest for row in printed]
    assert widths == pytest.approx(expected, abs=0.06)


def test_wrong_calls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--repeats", "0"]) == 2
    assert "--repeats 0: expected at least 1" in capsys.readouterr().err
    with pytest.raises(CallError, match="--only vgg fits no case; known: pgd-10 resnet50, "):
        chosen("vgg")
    with pytest.raises(CallError, match="expected a regular expression"):
        chosen("(")
    with pytest.raises(UnknownNameError, match="unknown subject 'mini-resnets'; did you mean"):
        subjects.find("mini-resnets", 1)
    with pytest.raises(UnknownNameError, match="unknown peer 'fool'; did you mean foolbox"):
        peers.find("fool", "pgd")


def test_only_the_peers_asked_for() -> None:
    left = against(CASES, ["foolbox"])
    assert {case.peers for case in left} == {("foolbox",)}
    assert {case.title for case in CASES} - {case.title for case in left} >= {
        "apgd-t-50 mini-resnet"
    }
    with pytest.raises(CallError, match="--peer foolbox: none of the cases"):
        against(chosen("square"), ["foolbox"])


def test_an_absent_peer_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(
        DataError, match=r"torchattacks, which is not installed here .*`make bench`"
    ):
        peers.find("torchattacks", "pgd")


def test_subjects_are_in_eval_mode_and_right_about_their_images() -> None:
    subject = subjects.find("mini-resnet", 8)
    assert not any(module.training for module in subject.model.modules())
    assert all(parameter.requires_grad for parameter in subject.model.parameters())
    assert torch.equal(subjects.logits(subject.model, subject.x).argmax(1), subject.y)
    assert torch.equal((subject.x * 255).round() / 255, subject.x)


def test_every_case_has_its_peers() -> None:
    titles = [case.title for case in CASES]
    assert len(set(titles)) == len(titles)
    for case in CASES:
        assert case.subject in subjects.SUBJECTS
        assert all(case.attack in peers.PEERS[peer] for peer in case.peers)


EACH_PEER = [(peer, attack) for peer, known in peers.PEERS.items() for attack in known]


@pytest.mark.parametrize(("peer", "attack"), EACH_PEER)
def test_peers_attack(peer: str, attack: str) -> None:
    """Each breaks images of a fragile classifier, which fails if a setting is not understood."""
    if installed(peers.PACKAGES[peer]) is None:
        pytest.skip(f"{peers.PACKAGES[peer]} is not installed; `make bench` installs it")
    subject = subjects.find("mini-resnet", 2)
    budget = Budget(ThreatModel(Norm.LINF, 16), steps=6, queries=60)
    before = torch.get_rng_state()
    x_adv = peers.find(peer, attack)(subject.model, subject.x, subject.y, budget)
    assert torch.equal(torch.get_rng_state(), before)
    assert x_adv.shape == subject.x.shape
    assert not torch.equal(x_adv, subject.x)
    assert 0 <= float(x_adv.min()) <= float(x_adv.max()) <= 1
    if not attack.startswith(("cw", "deepfool")):
        assert float((x_adv - subject.x).abs().max()) <= 16 / 255 + 1e-6
