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
    "imagenet1k-v1": "0c39c5e15236ee3f965b300bd1528e0e572140ccdda12c1051ab38a40a1267af",
    "imagenette-v1": "7d89f081a7b87b5ef979347216a81b8852c897c50f38870427017be25f624510",
    "imagenet1k-256-v1": "38ec7bac68ed2405266d3b3e90490273b0eaa244e254f505d174b4e7e490fe29",
    "kodak-v1": "23c99fe795170e6ceccd581e1c94973e298964a5112318982d49a4b749b4e88d",
    "mini-codec-v1": "7786ac49c14e81d632cf5474af44faf943d852a0cc43ee08672b0f08004d1599",
    "mini-classifier-v1": "bc3e37790177ee60a8fff8a758643405c522bb058c14de3316acfcc52d50999d",
}


CLASSIFIER_TRACK = sorted(name for name in built_in() if load(name).track == "classifier")


def test_the_built_in_protocols_are_pinned() -> None:
    assert {name: load(name).hash for name in built_in()} == HASHES


@pytest.mark.parametrize("name", CLASSIFIER_TRACK)
def test_a_built_in_protocol_is_whole(name: str) -> None:
    protocol = load(name)
    assert protocol.name == name
    assert is_official(name)
    cells = [planned.cell for planned in planned_cells(protocol)]
    for planned in planned_cells(protocol):
        attacks.find(planned.cell.attack or "", planned.options)
    assert any(cell.radius == protocol.headline.radius for cell in cells)
    seeds = [planned.budget.seed for planned in planned_cells(protocol)]
    assert len(set(seeds)) == len(seeds)


def test_the_grid_of_the_papers() -> None:
    """L-infinity budgets 2 to 12, all validation pictures, ten logits for Imagenette."""
    protocol = load("imagenette-v1")
    cells = [planned.cell for planned in planned_cells(protocol)]
    linf = {cell.radius for cell in cells if cell.norm == "linf" and not cell.check}
    assert linf == {2, 4, 6, 8, 10, 12}
    for access in (Access.TRANSFER, Access.WHITE_BOX):
        papers = {(c.attack, c.steps) for c in cells if c.access is access}
        assert papers >= {("fgsm", 1), ("bim", 10), ("pgd", 10), ("cw", 50), ("deepfool", 50)}
    assert protocol.dataset.sample is None
    for spec in protocol.classifiers:
        assert spec.classes == (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
    assert [s.architecture for s in protocol.classifiers] == ["resnet50", "vit_b_16"]
    assert [s.weights for s in protocol.classifiers] == ["IMAGENET1K_V2", "IMAGENET1K_V1"]


def test_transfer_attacks_spend_every_step_and_others_stop(tiny_protocol: Path) -> None:
    for planned in planned_cells(load(str(tiny_protocol))):
        assert planned.budget.until_broken == (planned.cell.access is not Access.TRANSFER)


@pytest.mark.parametrize("name", CLASSIFIER_TRACK)
def test_every_access_has_its_cells(name: str) -> None:
    """The table of accesses; flags need a huge ball and an attack of twice the steps."""
    cells = [planned.cell for planned in planned_cells(load(name))]
    by_access = {access: {c.attack for c in cells if c.access is access} for access in Access}
    assert by_access[Access.QUERY] == {"square", "art:HopSkipJump"}
    strong = {"fgsm", "pgd", "apgd-ce", "apgd-t", "cw", "deepfool"}
    assert by_access[Access.WHITE_BOX] >= strong
    assert by_access[Access.TRANSFER] >= strong - {"apgd-t"}
    assert {c.draws for c in cells if c.access is Access.EOT} == {24}
    assert any(c.check and c.radius == 64 for c in cells)
    steps = {c.steps or 0 for c in cells if c.attack == "apgd-ce" and c.norm == "linf"}
    assert any(2 * few in steps for few in steps)


def test_names_of_cells(tiny_protocol: Path) -> None:
    names = [planned.cell.name for planned in planned_cells(load(str(tiny_protocol)))]
    assert names[0] == "transfer/pgd-5/linf-4/bare"
    assert "white-box/pgd-5x2/linf-2/surrogate" in names
    assert names[-1] == "white-box/bim-5/l2-0.5/identity"


def test_names_carry_all_that_decides_a_cell(tiny_protocol: Path) -> None:
    text = tiny_protocol.read_text()
    text += '\n[[cell]]\nattack = "art:HopSkipJump"\naccess = "query"\nradii = [4]\nqueries = 90\n'
    text += "options = { init_eval = 5 }\nimages = 2\n"
    text += '\n[[cell]]\nattack = "pgd"\naccess = "eot"\nradii = [4]\nsteps = 5\ndraws = 24\n'
    tiny_protocol.write_text(text)
    planned = list(planned_cells(load(str(tiny_protocol))))
    names = [one.cell.name for one in planned]
    assert "query/art:HopSkipJump-90q,init_eval=5/linf-4/none" in names
    assert "eot/pgd-5d24/linf-4/exact" in names
    query = next(one for one in planned if one.cell.access is Access.QUERY)
    assert (query.budget.queries, query.cell.images, query.options) == (90, 2, {"init_eval": 5})


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
        ("radii = [2, 4]", "radii = [2]\nqueries = 9", "queries belong to query access"),
        ("radii = [2, 4]", "radii = [2]\ndraws = 9", "draws belong to eot access"),
    ],
)
def test_a_wrong_file(tiny_protocol: Path, old: str, new: str, message: str) -> None:
    tiny_protocol.write_text(tiny_protocol.read_text().replace(old, new, 1))
    with pytest.raises(ProtocolError, match=message) as raised:
        load(str(tiny_protocol))
    assert str(tiny_protocol) in str(raised.value)
    assert "\n" not in str(raised.value)
