"""Protocols: pinned, strict, and clear about what is wrong with a file."""

from pathlib import Path

import pytest

from benchmark import attacks
from benchmark.errors import ProtocolError, UnknownNameError
from benchmark.plan import plan
from benchmark.protocol import built_in, is_official, load, planned_cells
from benchmark.threat import Access

# Stored runs name these. A protocol that must change gets a new version, not a new hash.
HASHES = {
    "imagenet1k-v1": "50105a4a78cd4b1984c3d6d6dc56807da2ad2cc3758efcf4cfe44cba2eeee314",
    "imagenette-v1": "dc6d4dd36f11e16b89bcf6ac9b099a463d77488c6f7c040cdbcd90e242e934ee",
    "mini-classifier-v1": "b44a328b8d0e6a990d1fb396e063a10a2f71009d4ef892c42d62f253e05d3df9",
}


def test_the_built_in_protocols_are_pinned() -> None:
    assert {name: load(name).hash for name in built_in()} == HASHES


@pytest.mark.parametrize("name", sorted(built_in()))
def test_a_built_in_protocol_is_whole(name: str) -> None:
    protocol = load(name)
    assert protocol.name == name
    assert is_official(name)
    cells = [planned.cell for planned in planned_cells(protocol)]
    assert {cell.attack for cell in cells} <= set(attacks.ATTACKS)
    assert any(cell.radius == protocol.headline.radius for cell in cells)
    seeds = [planned.budget.seed for planned in planned_cells(protocol)]
    assert len(set(seeds)) == len(seeds)


def test_the_grid_of_the_papers() -> None:
    """L-infinity budgets 2 to 12, all validation pictures, ten logits for Imagenette."""
    protocol = load("imagenette-v1")
    linf = {p.cell.radius for p in planned_cells(protocol) if p.cell.norm == "linf"}
    assert linf == {2, 4, 6, 8, 10, 12}
    assert protocol.dataset.sample is None
    for spec in protocol.classifiers:
        assert spec.classes == (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
    assert [s.architecture for s in protocol.classifiers] == ["resnet50", "vit_b_16"]
    assert [s.weights for s in protocol.classifiers] == ["IMAGENET1K_V2", "IMAGENET1K_V1"]


def test_transfer_attacks_spend_every_step_and_others_stop(tiny_protocol: Path) -> None:
    for planned in planned_cells(load(str(tiny_protocol))):
        assert planned.budget.until_broken == (planned.cell.access is not Access.TRANSFER)


def test_names_of_cells(tiny_protocol: Path) -> None:
    names = [planned.cell.name for planned in planned_cells(load(str(tiny_protocol)))]
    assert names[0] == "transfer/pgd-5/linf-4/bare"
    assert "white-box/pgd-5x2/linf-2/surrogate" in names
    assert names[-1] == "white-box/bim-5/l2-0.5/identity"


def test_the_hash_is_of_the_content(tiny_protocol: Path) -> None:
    before = load(str(tiny_protocol)).hash
    tiny_protocol.write_text("# a comment\n" + tiny_protocol.read_text().replace(" = ", "  =  "))
    assert load(str(tiny_protocol)).hash == before
    tiny_protocol.write_text(tiny_protocol.read_text().replace("seed  =  5", "seed = 6"))
    assert load(str(tiny_protocol)).hash != before


def test_the_plan_covers_every_image_once(tiny_protocol: Path) -> None:
    protocol = load(str(tiny_protocol))
    shards = plan(protocol, 7)
    assert [(s.start, s.stop) for s in shards] == [(0, 3), (3, 6), (6, 7)]
    assert plan(protocol, 2)[0].stop == 2


def test_an_unknown_protocol() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean mini-classifier-v1\?"):
        load("mini-clasifier-v1")
    with pytest.raises(ProtocolError, match=r"none\.toml is missing; expected a TOML file"):
        load("none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 5", "sed = 5", r"unknown key 'sed'; did you mean 'seed'\? \(and 1 more\)"),
        ("sample = 7", "sampel = 7", r"unknown key 'dataset.sampel'; did you mean 'sample'\?"),
        ("seed = 5", "", "key 'seed' is missing"),
        ("seed = 5", 'seed = "5"', "key 'seed' is '5'; input should be a valid integer"),
        ("batch = 3", "batch = 0", "key 'batch' is 0; input should be greater than 0"),
        ("schema = 1", "schema = 2", "key 'schema' is 2; input should be 1"),
        ("radii = [2, 4]", "radii = []", "key 'cell.2.radii' is"),
        ("radii = [2, 4]", "radii = [2, 2]", "two cells are the same"),
        ('norm = "l2"', 'norm = "l3"', "key 'cell.3.norm' is 'l3'; input should be 'linf' or 'l2'"),
        ("seed = 5", "seed = ", "is not TOML"),
        ("radii = [2, 4]", "radii = [2.5]", "expected an integer k"),
    ],
)
def test_a_wrong_file(tiny_protocol: Path, old: str, new: str, message: str) -> None:
    tiny_protocol.write_text(tiny_protocol.read_text().replace(old, new, 1))
    with pytest.raises(ProtocolError, match=message) as raised:
        load(str(tiny_protocol))
    assert str(tiny_protocol) in str(raised.value)
    assert "\n" not in str(raised.value)
