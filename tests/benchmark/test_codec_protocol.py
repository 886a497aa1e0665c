"""Protocols of the codec track: told by their `track`, strict, whole."""

from pathlib import Path

import pytest

from benchmark import protocol as protocols
from benchmark.codec_track import attacks, objectives
from benchmark.errors import ProtocolError
from benchmark.plan import plan
from benchmark.protocol import CodecProtocol, codec_cells, load
from benchmark.threat import Access, ThreatModel

TINY = """
schema = 1
name = "tiny"
title = "Tiny"
track = "codec"
seed = 5
batch = 3

[dataset]
name = "photos"
sample = 2

[image]
crop = 64

[[cell]]
attack = "noise"
access = "noise"
radii = [4]

[[cell]]
attack = "pgd"
access = "vanilla"
objectives = ["rate", "mse"]
radii = [1, 4]
steps = 5

[[cell]]
attack = "adam"
access = "transfer"
source = "jpeg/q50"
objectives = ["mse"]
norm = "mse"
radii = [1e-4]
steps = 5

[[cell]]
attack = "pgd"
access = "eot"
objectives = ["joint"]
radii = [4]
steps = 5
restarts = 2
draws = 24
"""
BUILT_IN = sorted(name for name in protocols.built_in() if isinstance(load(name), CodecProtocol))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def read(path: Path) -> CodecProtocol:
    protocol = load(str(path))
    assert isinstance(protocol, CodecProtocol)
    return protocol


def test_names_carry_all_that_decides_a_cell(tiny: Path) -> None:
    assert [planned.cell.name for planned in codec_cells(read(tiny))] == [
        "noise/noise/linf-4",
        "vanilla/pgd-5/linf-1/rate",
        "vanilla/pgd-5/linf-1/mse",
        "vanilla/pgd-5/linf-4/rate",
        "vanilla/pgd-5/linf-4/mse",
        "transfer/adam-5/mse-0.0001/mse/jpeg:q50",
        "eot/pgd-5x2d24/linf-4/joint",
    ]


def test_cells_and_budgets(tiny: Path) -> None:
    protocol = read(tiny)
    *_, transfer, eot = codec_cells(protocol)
    assert transfer.cell.source == "jpeg/q50"
    assert protocol.sources == ("jpeg/q50",)
    assert transfer.budget.threat.eps == pytest.approx(0.01)
    assert (eot.cell.access, eot.cell.draws, eot.cell.restarts) == (Access.EOT, 24, 2)
    assert (eot.budget.draws, eot.budget.steps) == (24, 5)


def test_the_content_comes_back(tiny: Path) -> None:
    protocol = read(tiny)
    assert protocols.of_content(protocol.model_dump(mode="json", by_alias=True)) == protocol
    assert protocols.describe(protocol)["track"] == "codec"


def test_shards_have_no_classifier(tiny: Path) -> None:
    shards = plan(read(tiny), 5)
    assert [(s.classifier, s.start, s.stop) for s in shards] == [("", 0, 3), ("", 3, 5)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('track = "codec"', 'track = "video"', "key 'track' is 'video'; expected classifier or"),
        ("[image]\ncrop = 64", "[image]\nresize = 64", "resize needs a crop"),
        ('source = "jpeg/q50"', "", "transfer access needs one"),
        ('source = "jpeg/q50"', 'source = "jpeg"', "key 'cell.2.source' is 'jpeg'"),
        ('"rate", "mse"', '"bits"', "key 'cell.1.objectives.0' is 'bits'"),
        ('objectives = ["joint"]', "", "every access but noise needs objectives"),
        ("radii = [1, 4]", "radii = [1, 1]", "two cells are the same: vanilla/pgd-5/linf-1/"),
        ("radii = [1, 4]", "radii = [1.5]", "expected an integer k"),
        ('access = "eot"', 'access = "vanilla"', "draws belong to eot access"),
        ("seed = 5", "", "key 'seed' is missing"),
    ],
)
def test_a_wrong_file(tiny: Path, old: str, new: str, message: str) -> None:
    tiny.write_text(TINY.replace(old, new, 1))
    with pytest.raises(ProtocolError, match=message) as raised:
        load(str(tiny))
    assert str(tiny) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_protocol_is_whole(name: str) -> None:
    protocol = load(name)
    assert isinstance(protocol, CodecProtocol)
    assert protocol.name == name
    planned = list(codec_cells(protocol))
    for one in planned:
        attacks.find(one.cell.attack or "")
        objectives.find(one.cell.objective or "rate")
    by_access = {
        access: {c.cell.objective for c in planned if c.cell.access is access} for access in Access
    }
    for access in (Access.VANILLA, Access.WHITE_BOX, Access.EOT):
        assert by_access[access] >= {"rate", "mse"}
    assert Access.NOISE in {one.cell.access for one in planned}
    assert protocol.headline_threat in {one.budget.threat for one in planned}
    balls = {one.budget.threat for one in planned if one.cell.access is not Access.NOISE}
    control = {one.budget.threat for one in planned if one.cell.access is Access.NOISE}
    assert control >= {ball for ball in balls if isinstance(ball, ThreatModel)}


def test_the_papers_cells() -> None:
    """PGD of 50 steps at eps 1 2 4 8; Adam's 1001 steps at an MSE of 1e-4; 40 draws; 24 of EoT."""
    protocol = load("kodak-v1")
    assert isinstance(protocol, CodecProtocol)
    cells = [planned.cell for planned in codec_cells(protocol)]
    pgd = [c for c in cells if c.attack == "pgd" and c.access is Access.VANILLA]
    assert {c.radius for c in pgd} >= {1, 2, 4, 8}
    assert {c.steps for c in pgd} == {50}
    adam = [c for c in cells if c.attack == "adam"]
    assert {(c.steps, c.norm, c.radius) for c in adam} == {(1001, "mse", 1e-4)}
    assert {c.draws for c in cells if c.access is Access.EOT} == {24}
    assert protocol.judge_draws == 40
    assert (protocol.image.crop, protocol.dataset.sample) == (None, None)


def test_a_thousand_pictures_of_256_pixels() -> None:
    protocol = load("imagenet1k-256-v1")
    assert isinstance(protocol, CodecProtocol)
    assert (protocol.image.resize, protocol.image.crop) == (256, 256)
    assert protocol.dataset.name == "imagenet1k"
