"""Defenses that are known to be broken, through the whole harness: what is published comes out."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmark.classifiers import LoadedClassifier
from benchmark.codecs.pillow import Jpeg
from benchmark.datasets import Sample, find, fingerprinted
from benchmark.defense import Codec, Defense
from benchmark.errors import ContractError
from benchmark.evaluate import Declared, Harness
from benchmark.protocol import Protocol, load
from benchmark.records import CLEAN, Shard, ShardResult
from benchmark.tensors import Images

ROOT = Path(__file__).parents[2]
TOML = """
schema = 1
name = "broken"
title = "Broken"
seed = 3
batch = 12
[headline]
radius = 8
[dataset]
name = "shapes"
sample = 12
[[classifier]]
name = "mini-resnet"
source = "bundled"
architecture = "mini-resnet"
"""
PGD = """
[[cell]]
attack = "pgd"
access = "white-box"
radii = [8]
steps = 20
"""


@pytest.fixture
def evaluated(mini_resnet: LoadedClassifier, tmp_path: Path) -> Callable[..., ShardResult]:
    def make(
        cells: str, defense: Callable[[], Defense], declared: Declared, precision: str = "fp32"
    ) -> ShardResult:
        path = tmp_path / "p.toml"
        path.write_text(TOML + cells)
        protocol: Protocol = load(str(path))
        sample: Sample = fingerprinted(find(protocol.dataset))
        loaded = {"mini-resnet": mini_resnet}
        made = Harness(
            protocol, sample, loaded, defense, declared, tmp_path / "cache", precision=precision
        )
        return made.evaluate(Shard("mini-resnet", 0, 12))

    return make


def accuracy(result: ShardResult, cell: str) -> float:
    of_cell = [o for o in result.outcomes if o.cell == cell]
    return sum(o.draws_correct / o.draws for o in of_cell) / len(of_cell)


def submitted(name: str, class_name: str, **parameters: object) -> Callable[[], Defense]:
    """The class of a bundled submission."""
    path = ROOT / "submissions" / name / "defense.py"
    spec = importlib.util.spec_from_file_location(f"submitted_{class_name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda: getattr(module, class_name)(**parameters)


class Killer(Defense):
    """No gradient passes; nothing else is done."""

    def forward(self, x: Images) -> Images:
        return x.detach()


SQUARE = '[[cell]]\nattack = "square"\naccess = "query"\nradii = [8]\nqueries = 400\n'


def test_a_gradient_killer_falls_to_bpda_and_to_queries(
    evaluated: Callable[..., ShardResult],
) -> None:
    found = evaluated(PGD + SQUARE, Killer, Declared("exact"))
    assert accuracy(found, CLEAN) == 1
    assert accuracy(found, "white-box/pgd-20/linf-8/exact") > 0.8
    assert accuracy(found, "white-box/pgd-20/linf-8/identity") == 0
    assert accuracy(found, "query/square-400q/linf-8/none") < 0.4
    assert found.diagnostics["gradient_zero"] == 12


EVERY = "".join(
    PGD.replace("pgd", attack).replace("[8]", f'[1]\nnorm = "{norm}"').replace("20", "3")
    for attack, norm in (
        ("fgsm", "linf"),
        ("bim", "linf"),
        ("apgd-ce", "linf"),
        ("apgd-t", "linf"),
        ("apgd-ce", "l2"),
        ("cw", "l2"),
        ("cw-search", "l2"),
        ("deepfool", "l2"),
    )
)


def test_no_attack_stumbles_over_a_missing_gradient(evaluated: Callable[..., ShardResult]) -> None:
    found = evaluated(EVERY, Killer, Declared("exact"))
    exact = {o.cell for o in found.outcomes if o.cell.endswith("exact")}
    assert len(exact) == 8
    assert all(accuracy(found, cell) == 1 for cell in exact if "fgsm" in cell or "cw-3" in cell)


def test_rounding_that_has_no_gradient_falls_to_straight_through(
    evaluated: Callable[..., ShardResult],
) -> None:
    bits = submitted("bit-depth", "BitDepth", bits=3)
    found = evaluated(PGD, bits, Declared("exact"))
    left = {e: accuracy(found, f"white-box/pgd-20/linf-8/{e}") for e in ("exact", "noise")}
    left["straight-through"] = accuracy(found, "white-box/pgd-20/linf-8/straight-through")
    assert left["exact"] > 0.8
    assert left["straight-through"] == 0
    assert left["noise"] == 0


def test_ten_fold_jpeg_stands_only_before_its_own_gradient(
    evaluated: Callable[..., ShardResult],
) -> None:
    ten = submitted("sequential-jpeg", "SequentialJpeg", quality=25, rounds=10)
    found = evaluated(PGD, ten, Declared("surrogate"))
    assert accuracy(found, "white-box/pgd-20/linf-8/surrogate") > 0.4
    assert accuracy(found, "white-box/pgd-20/linf-8/one-round") == 0


RANDOM = """
[[cell]]
attack = "pgd"
access = "transfer"
radii = [8]
steps = 20
[[cell]]
attack = "pgd"
access = "eot"
radii = [8]
steps = 20
draws = 24
"""


def test_random_resizing_falls_to_expectation_over_transformation(
    evaluated: Callable[..., ShardResult],
) -> None:
    """Xie et al. 2018; 0 % under EOT is what Athalye et al. 2018 found."""
    xie = submitted("random-resize", "RandomResize", smallest=0.9)
    found = evaluated(RANDOM, xie, Declared("exact", randomized=True))
    assert accuracy(found, CLEAN) > 0.9
    assert accuracy(found, "eot/pgd-20d24/linf-8/exact") < 0.05
    assert accuracy(found, "transfer/pgd-20/linf-8/bare") > 0.15
    assert {o.draws for o in found.outcomes} == {20}


def test_draws_come_from_the_seed(evaluated: Callable[..., ShardResult]) -> None:
    """Those of the attack and those of the judge; three steps and four draws show it."""
    short = RANDOM.replace("steps = 20", "steps = 3").replace("draws = 24", "draws = 4")
    xie = submitted("random-resize", "RandomResize", smallest=0.9)
    one, other = (evaluated(short, xie, Declared("exact", randomized=True)) for _ in range(2))
    assert one.outcomes == other.outcomes


def test_eot_cells_are_for_randomized_defenses(evaluated: Callable[..., ShardResult]) -> None:
    found = evaluated(RANDOM, Killer, Declared("none"))
    assert {o.cell for o in found.outcomes} == {CLEAN, "transfer/pgd-20/linf-8/bare"}


class Fragile(Codec):
    """Its decoder gives up on streams whose length 4 divides, and on all if `always`."""

    def __init__(self, *, always: bool = False) -> None:
        super().__init__()
        self.always, self.inner = always, Jpeg(75)

    def compress(self, x: Images) -> list[bytes]:
        return self.inner.compress(x)

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        if self.always or any(len(stream) % 4 == 0 for stream in streams):
            raise RuntimeError("a symbol out of range")
        return self.inner.decompress(streams, size)


def test_a_decoder_that_fails_is_counted_and_fails_the_image(
    evaluated: Callable[..., ShardResult],
) -> None:
    found = evaluated(PGD, Fragile, Declared("none"))
    wrong = [o for o in found.outcomes if (o.bits or 0) // 8 % 4 == 0]
    assert found.diagnostics["decode_failures"] == len(wrong) > 0
    assert not any(o.correct for o in wrong)
    with pytest.raises(ContractError, match=r"no clean picture .* decodes: RuntimeError: a symbol"):
        evaluated(PGD, lambda: Fragile(always=True), Declared("none"))


def test_minimal_attacks_are_crafted_once_for_all_radii(
    evaluated: Callable[..., ShardResult],
) -> None:
    cells = PGD.replace('"pgd"', '"cw"').replace("[8]", '[0.1, 1, 4]\nnorm = "l2"')
    found = evaluated(cells, Killer, Declared("none"))
    names = [f"white-box/cw-20/l2-{radius}/identity" for radius in ("0.1", "1", "4")]
    by_cell = [[o for o in found.outcomes if o.cell == name] for name in names]
    assert [o.gradient_steps for o in by_cell[0]] == [o.gradient_steps for o in by_cell[2]]
    assert accuracy(found, names[0]) > accuracy(found, names[2]) == 0
    for outcome, radius in (
        (o, r) for row, r in zip(by_cell, (0.1, 1, 4), strict=True) for o in row
    ):
        assert outcome.l2 <= radius
    reached = max(o.l2 for o in by_cell[2])
    assert reached < 4  # the nearest example, not one moved to the sphere


def test_lower_precision_never_counts_as_robustness(
    evaluated: Callable[..., ShardResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fast model that calls nearly everything misclassified: the precise one attacks again."""
    monkeypatch.setattr("benchmark.evaluate.prepared", lambda *_: _misled)
    found = evaluated(PGD, Killer, Declared("none"), "bf16")
    # One picture is of the class that the fast model prefers; there the two agree.
    assert accuracy(found, "white-box/pgd-20/linf-8/identity") <= 1 / 12


def _misled(x: torch.Tensor) -> torch.Tensor:
    """Always the last class, with no gradient."""
    return 0 * x.flatten(1).sum(1, keepdim=True) + torch.arange(10.0)


def test_bf16_finds_what_fp32_finds(evaluated: Callable[..., ShardResult]) -> None:
    cells = PGD.replace("[8]", "[1, 2]")
    found = {p: evaluated(cells, Killer, Declared("none"), p) for p in ("fp32", "bf16")}
    for radius in (1, 2):
        cell = f"white-box/pgd-20/linf-{radius}/identity"
        assert abs(accuracy(found["bf16"], cell) - accuracy(found["fp32"], cell)) <= 1 / 12


REST = """
[[cell]]
attack = "fgsm"
access = "white-box"
radii = [4]
[[cell]]
attack = "pgd"
access = "white-box"
radii = [4]
steps = 10
rest = true
"""


def test_a_cell_of_the_rest_attacks_what_is_left(evaluated: Callable[..., ShardResult]) -> None:
    found = evaluated(REST, lambda: Jpeg(50), Declared("surrogate"))
    cells = [f"white-box/fgsm-1/linf-4/{e}" for e in ("surrogate", "identity")]
    cells += [f"white-box/pgd-10-rest/linf-4/{e}" for e in ("surrogate", "identity")]
    fallen: dict[str, str] = {}
    for cell in cells:
        for outcome in (o for o in found.outcomes if o.cell == cell):
            if outcome.image in fallen and "rest" in cell:
                assert outcome.png_sha256 == fallen[outcome.image]
                assert (outcome.gradient_steps, outcome.correct) == (0, False)
            elif "rest" in cell:
                assert outcome.gradient_steps > 0 or not outcome.linf
            if not outcome.correct:
                fallen.setdefault(outcome.image, outcome.png_sha256)
    assert 0 < accuracy(found, cells[0]) < 1
    left = [accuracy(found, cell) for cell in cells]
    assert left[2] <= min(left[:2])
    assert left[3] <= left[2]
