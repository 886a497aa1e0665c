"""The flags: hand-made runs whose answer is known, and real attacks that must raise them."""

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor

from benchmark import attacks
from benchmark.attacked import AttackedModel
from benchmark.batches import Batch, batch_of
from benchmark.classifiers import LoadedClassifier
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.sequential import Sequential
from benchmark.datasets import find, fingerprinted
from benchmark.defense import Defense
from benchmark.errors import ContractError
from benchmark.estimators import ESTIMATORS
from benchmark.flags import FLAGS, raised
from benchmark.flags.evidence import paired, summed
from benchmark.geometry import from_bytes, to_bytes, to_lattice_in_ball
from benchmark.judge import Judge
from benchmark.protocol import DatasetSpec
from benchmark.records import (
    CLEAN,
    Cell,
    ClassifierRecord,
    Outcome,
    Run,
    RunHeader,
    Shard,
    ShardResult,
)
from benchmark.tensors import Images
from benchmark.threat import Access, Budget, Norm, ThreatModel

N = 24


def outcome(cell: str, image: str, share: float, draws: int = 1) -> Outcome:
    return Outcome(
        classifier="c",
        cell=cell,
        image=image,
        correct=share > 0.5,
        predicted=0,
        margin=share - 0.5,
        linf=0,
        l2=0.0,
        bits=None,
        gradient_steps=0,
        queries=0,
        png_sha256="",
        draws=draws,
        draws_correct=round(share * draws),
    )


def run_of(
    cells: Sequence[Cell] = (), results: Sequence[ShardResult] = (), classes: int = 10
) -> Run:
    header = RunHeader(
        key="k",
        submission="s",
        variant="v",
        title="S",
        kind="codec",
        parameters={},
        submission_hash="h",
        protocol="p",
        protocol_hash="h",
        protocol_content={},
        dataset="d",
        dataset_fingerprint="f",
        images=5,
        unofficial_reason=None,
        classifiers=(ClassifierRecord("c", "i", 10, 20, classes),),
        cells=(Cell(CLEAN, Access.NONE), *cells),
        environment={},
    )
    return Run(1, header, "", "completed", "", tuple(results))


def judged(right: Mapping[Cell, Sequence[float]], draws: int = 1, classes: int = 10) -> Run:
    """A run whose images are right without attack; `right` has the shares under each cell."""
    n = max(map(len, right.values()))
    shares = {CLEAN: [1.0] * n} | {cell.name: list(values) for cell, values in right.items()}
    outcomes = tuple(
        outcome(cell, str(i), share, draws)
        for cell, values in shares.items()
        for i, share in enumerate(values)
    )
    return run_of(tuple(right), [ShardResult(Shard("c", 0, n), outcomes, 0.0, 0.0)], classes)


def cell(
    access: Access = Access.WHITE_BOX,
    radius: float = 4,
    estimator: str = "exact",
    steps: int = 10,
    **given: object,
) -> Cell:
    name = f"{access}/{steps}/{radius}/{estimator}/{sorted(given.items())}"
    return Cell(name, access, "pgd", estimator, "linf", radius, steps, 1, **given)  # type: ignore[arg-type]


def first(right: int, n: int = 20) -> list[float]:
    """The first `right` of `n` pictures stand."""
    return [float(i < right) for i in range(n)]


def names(run: Run) -> set[str]:
    return {flag.name for flag in raised(run, "c")}


BARE = cell(Access.TRANSFER, estimator="bare")
ASKING = cell(Access.QUERY, estimator="none", queries=500)
CHECK = cell(radius=64, check=True)


def test_the_paired_error_by_hand() -> None:
    """Of 5 pictures 3 fell and 1 rose: (3 - 1) / 5, standard error sqrt(4) / 5."""
    before = dict(zip("abcde", (1.0, 1, 1, 0, 0), strict=True))
    after = dict(zip("abcdefg", (0.0, 0, 0, 1, 0, 1, 1), strict=True))
    found = paired(before, after)
    assert found == (pytest.approx(0.4), pytest.approx(0.4), 5)
    assert not found.significant
    assert found.in_words == "40.0 points, standard error 40.0, over 5 pictures"
    assert paired({}, after) == (0, 0, 0)


@pytest.mark.parametrize(("fallen", "significant"), [(0, False), (4, False), (5, True)])
def test_five_that_fall_together_are_more_than_chance(fallen: int, *, significant: bool) -> None:
    """McNemar: (b - c) / sqrt(b + c) is 2 for 4 pictures, 2.24 for 5."""
    before = {str(i): 1.0 for i in range(20)}
    after = {str(i): float(i >= fallen) for i in range(20)}
    assert paired(before, after).significant is significant


def test_diagnostics_are_summed_but_for_the_largest() -> None:
    shards = [{"n": 1.0, "a_max": 0.5}, {"n": 2.0, "a_max": 0.25, "b": 1.0}, {}]
    assert summed(shards) == {"n": 3.0, "a_max": 0.5, "b": 1.0}


@pytest.mark.parametrize("blind", [BARE, ASKING])
@pytest.mark.parametrize(("left", "flags"), [(9, {"black-box-beats-white-box"}), (10, set())])
def test_black_box_beats_white_box(blind: Cell, left: int, flags: set[str]) -> None:
    """14 stand under white-box attacks. At 9 five more fell, at 10 four."""
    run = judged({blind: first(left), cell(): first(14)})
    assert names(run) == flags
    if flags:
        (flag,) = raised(run, "c")
        assert flag.evidence == (
            "At L-inf 4/255 70.0 % stand under white-box attacks and 45.0 % under "
            f"{blind.access} attacks: 25.0 points, standard error 11.2, over 20 pictures."
        )


def test_only_images_that_both_attacked_count() -> None:
    """The queries broke all five pictures that they asked about, as white-box attacks did."""
    asked = cell(Access.QUERY, estimator="none", queries=500, images=5)
    assert names(judged({asked: [0] * 5, cell(): first(20)[5:] + [0] * 5})) == {
        "black-box-beats-white-box"
    }
    assert names(judged({asked: [0] * 5, cell(): [0] * 5 + [1] * 15})) == set()


def test_what_eot_breaks_counts_as_white_box() -> None:
    averaged = cell(Access.EOT, draws=24)
    assert names(judged({BARE: first(9), cell(): first(14), averaged: first(9)})) == set()


def test_shares_of_draws_are_compared_as_they_are() -> None:
    """Twenty pictures at 0.6 and 0.5 of 20 draws: 2 points each, error 0.1 / sqrt(20)."""
    run = judged({BARE: [0.5] * 20, cell(): [0.6] * 20}, draws=20)
    (flag,) = raised(run, "c")
    assert "10.0 points, standard error 2.2, over 20 pictures" in flag.evidence


@pytest.mark.parametrize(("left", "flags"), [(9, {"incoherent-gradient"}), (10, set())])
@pytest.mark.parametrize("declared", ["exact", "surrogate"])
def test_estimators_that_disagree(declared: str, left: int, flags: set[str]) -> None:
    run = judged({cell(estimator=declared): first(14), cell(estimator="identity"): first(left)})
    assert names(run) == flags


def test_estimators_are_compared_in_the_same_attacks() -> None:
    """The longer attack ran with the identity alone, so it says nothing of the declared one."""
    more = cell(estimator="identity", steps=15)
    assert names(judged({cell(): first(14), more: first(2)})) == set()


def test_a_small_gap_is_no_incoherence() -> None:
    """Six of 200 is more than chance, and less than 5 points."""
    right = {cell(): first(100, 200), cell(estimator="identity"): first(94, 200)}
    assert names(judged(right)) == set()


def test_the_declared_gradient_may_be_the_better_one() -> None:
    assert names(judged({cell(): first(2), cell(estimator="identity"): first(20)})) == set()


@pytest.mark.parametrize(("left", "flags"), [(10, {"not-monotone-in-eps"}), (9, set())])
def test_accuracy_that_rises_with_the_radius(left: int, flags: set[str]) -> None:
    small, large = BARE, cell(Access.TRANSFER, 8, "bare")
    assert names(judged({small: first(5), large: first(left)})) == flags
    other = cell(Access.TRANSFER, 8, "bare", steps=15)
    assert names(judged({small: first(5), other: first(left)})) == set()


@pytest.mark.parametrize(("left", "flags"), [(6, {"not-zero-at-large-eps"}), (5, set())])
def test_accuracy_at_a_radius_that_reaches_everything(left: int, flags: set[str]) -> None:
    """Wilson's lower bound of 6/20 is 0.145, of 5/20 0.112; chance with 8 classes 0.125."""
    assert names(judged({CHECK: first(left)}, classes=8)) == flags
    assert names(judged({cell(radius=48): first(20)})) == set()


@pytest.mark.parametrize("more", [{"steps": 20}, {"steps": 10, "queries": 1000}])
@pytest.mark.parametrize(("left", "flags"), [(5, {"not-converged"}), (7, set())])
def test_twice_the_effort(more: dict[str, int], left: int, flags: set[str]) -> None:
    """10 stand without the longer run; Wilson's half-width is 0.184 at 5/20, 0.196 at 7/20."""
    access = Access.QUERY if "queries" in more else Access.WHITE_BOX
    half = {name: value // 2 if name == "queries" else value for name, value in more.items()}
    short = cell(access, **{**half, "steps": 10})  # type: ignore[arg-type]
    longer = cell(access, check=True, **more)  # type: ignore[arg-type]
    assert names(judged({short: first(10), longer: first(left)})) == flags


def test_more_effort_that_lowers_no_figure() -> None:
    """The longer run finds what the shorter did not, but another attack had found it already."""
    other = Cell("other", Access.WHITE_BOX, "apgd", "exact", "linf", 4, 10, 1)
    right = {cell(): first(20), cell(steps=20): first(5), other: first(5)}
    assert names(judged(right)) == set()
    assert names(judged({cell(): first(20), cell(steps=15): first(5), other: first(20)})) == set()


@pytest.mark.parametrize(
    ("diagnostics", "flags"),
    [
        ({"gradient_zero": 1, "gradient_images": 30}, {"zero-gradient"}),
        ({"gradient_zero": 0, "gradient_images": 30}, set()),
        # Wilson's upper bound of 34/50 is 0.792, of 35/50 0.809.
        ({"gradient_rises": 34, "gradient_falls": 16}, {"incoherent-gradient"}),
        ({"gradient_rises": 35, "gradient_falls": 15}, set()),
        ({"randomness_max": 2e-4}, {"undeclared-randomness"}),
        ({"randomness_max": 1e-5}, set()),
        ({"stateful_images": 1, "stateful_asked": 9}, {"stateful"}),
        ({"reordered_images": 1, "reordered_asked": 9}, {"stateful"}),
        ({"reordered_images": 0, "reordered_asked": 9}, set()),
        (
            {"stateful_images": 9, "stateful_asked": 9, "randomness_max": 1},
            {"undeclared-randomness"},
        ),
        ({"motion_images": 20, "flip_lost_defended": 9, "flip_lost_bare": 0}, {"memorises"}),
        ({"motion_images": 20, "shift_lost_defended": 9, "shift_lost_bare": 0}, {"memorises"}),
        ({"motion_images": 20, "flip_lost_defended": 8, "flip_lost_bare": 0}, set()),
        ({"motion_images": 20, "flip_lost_defended": 19, "flip_lost_bare": 15}, set()),
        ({"motion_images": 4, "flip_lost_defended": 4, "flip_lost_bare": 0}, set()),
        (
            {"surrogate_images": 4, "surrogate_error": 0.04, "identity_error": 0.03},
            {"surrogate-mismatch"},
        ),
        ({"surrogate_images": 4, "surrogate_error": 0.03, "identity_error": 0.03}, set()),
        ({"surrogate_images": 4, "surrogate_error": 9e-4, "identity_error": 0.0}, set()),
        ({"likelihood_bits": 112, "real_bits": 100}, {"rate-mismatch"}),
        ({"likelihood_bits": 88, "real_bits": 100}, {"rate-mismatch"}),
        ({"likelihood_bits": 109, "real_bits": 100}, set()),
        ({"decode_failures": 1}, {"decode-failures"}),
        ({"decode_failures": 0}, set()),
        ({}, set()),
    ],
)
def test_rules_on_diagnostics(diagnostics: dict[str, float], flags: set[str]) -> None:
    result = ShardResult(Shard("c", 0, 5), (), 0.0, 0.0, diagnostics)
    other = ShardResult(Shard("another", 0, 5), (), 0.0, 0.0, {"decode_failures": 9})
    found = raised(run_of(results=[result, other]), "c")
    assert {flag.name for flag in found} == flags
    assert all(flag.evidence.endswith(".") for flag in found)


def test_every_flag_of_the_rules_is_described() -> None:
    assert list(FLAGS) == [
        "black-box-beats-white-box",
        "zero-gradient",
        "incoherent-gradient",
        "not-monotone-in-eps",
        "not-zero-at-large-eps",
        "not-converged",
        "undeclared-randomness",
        "stateful",
        "memorises",
        "surrogate-mismatch",
        "rate-mismatch",
        "decode-failures",
    ]
    for flag in FLAGS.values():
        assert flag.raised_if.endswith(".")
        assert flag.means.endswith(".")


# Real attacks on the bundled network.


@pytest.fixture(scope="module")
def batch(mini_resnet: LoadedClassifier) -> Batch:
    sample = fingerprinted(find(DatasetSpec(name="shapes", sample=N)))
    return batch_of(sample, mini_resnet, range(N))


Attacked = Callable[[Defense, Sequence[Cell]], Run]


@pytest.fixture
def attacked(mini_resnet: LoadedClassifier, batch: Batch) -> Attacked:
    """Craft and judge every cell, none of which inherits from another."""
    model, x = mini_resnet.model, from_bytes(batch.pixels)

    def crafted(defense: Defense, cell: Cell) -> Tensor:
        budget = Budget(
            ThreatModel(Norm.LINF, cell.radius or 0),
            steps=cell.steps or 1,
            until_broken=cell.access is not Access.TRANSFER,
        )
        transfers = cell.access is Access.TRANSFER
        mapped = None if transfers else ESTIMATORS[cell.estimator or ""](defense)
        seen = AttackedModel(model, mapped, N)
        x_adv = attacks.ATTACKS["pgd"](seen, x, batch.y, budget)
        return to_bytes(to_lattice_in_ball(x_adv.detach(), x, budget.threat))

    def run(defense: Defense, cells: Sequence[Cell]) -> Run:
        judge = Judge(model, defense)
        outcomes, failures = [], 0
        for one in (Cell(CLEAN, Access.NONE), *cells):
            pixels = batch.pixels if one.name == CLEAN else crafted(defense, one)
            verdict = judge(pixels, batch.y)
            failures += int(verdict.failed.sum())
            outcomes += [
                outcome(one.name, image, float(right))
                for image, right in zip(batch.ids, verdict.draws_correct, strict=True)
            ]
        diagnostics = {"decode_failures": float(failures)}
        result = ShardResult(Shard("c", 0, N), tuple(outcomes), 0.0, 0.0, diagnostics)
        return run_of(cells, [result], len(mini_resnet.numbers))

    return run


class Identity(Defense):
    def forward(self, x: Images) -> Images:
        return x


def test_an_honest_attack_on_nothing_raises_nothing(attacked: Attacked) -> None:
    cells = [BARE, cell(radius=2), cell(), cell(radius=8), cell(estimator="identity"), CHECK]
    run = attacked(Identity(), [*cells, cell(steps=20), cell(radius=8, steps=20)])
    assert raised(run, "c") == ()


def test_jpeg_with_its_surrogate_raises_nothing(attacked: Attacked) -> None:
    cells = [cell(radius=k, estimator=name) for k in (4, 8) for name in ("surrogate", "identity")]
    run = attacked(Jpeg(50), [cell(Access.TRANSFER, 4, "bare"), *cells])
    assert raised(run, "c") == ()


def test_a_killed_gradient_loses_to_transfer(attacked: Attacked) -> None:
    class Rounding(Defense):
        def forward(self, x: Images) -> Images:
            return (x * 255).round() / 255

    assert "black-box-beats-white-box" in names(attacked(Rounding(), [BARE, cell()]))


def test_ten_rounds_of_jpeg_with_the_polynomial_surrogate(attacked: Attacked) -> None:
    """The published control: its own surrogate leaves what a surrogate of one round breaks."""
    defense = Sequential(Jpeg(50, rounding="polynomial"), 10, one_round=Jpeg(50))
    cells = [cell(radius=8, estimator=name) for name in ("surrogate", "one-round", "identity")]
    run = attacked(defense, cells)
    assert "incoherent-gradient" in names(run)


def test_a_detector_that_helps_at_large_radii_alone(attacked: Attacked, batch: Batch) -> None:
    stored = from_bytes(batch.pixels)

    class Detector(Defense):
        """Gives back a picture it knows where the noise is plain to see."""

        def forward(self, x: Images) -> Images:
            nearest = stored[torch.cdist(x.flatten(1), stored.flatten(1)).argmin(1)]
            loud = (x - nearest).abs().flatten(1).mean(1) > 8 / 255
            return torch.where(loud.view(-1, 1, 1, 1), nearest, x)

    cells = [cell(Access.TRANSFER, k, "bare") for k in (4, 16)]
    assert names(attacked(Detector(), cells)) == {"not-monotone-in-eps"}


def test_a_defense_that_remembers_stands_at_any_radius(attacked: Attacked, batch: Batch) -> None:
    stored = from_bytes(batch.pixels)

    class Nearest(Defense):
        def forward(self, x: Images) -> Images:
            return stored[torch.cdist(x.flatten(1), stored.flatten(1)).argmin(1)]

    check = cell(radius=64, estimator="identity", check=True)
    assert names(attacked(Nearest(), [check])) == {"not-zero-at-large-eps"}


def test_an_attack_stopped_too_early(attacked: Attacked) -> None:
    cells = [cell(radius=2, steps=1), cell(radius=2, steps=20, check=True)]
    assert names(attacked(Identity(), cells)) == {"not-converged"}


def test_a_decoder_that_fails_on_attacked_pictures(attacked: Attacked, batch: Batch) -> None:
    clean = set(Jpeg(50).compress(from_bytes(batch.pixels)))

    class Fragile(Jpeg):
        def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
            if any(stream not in clean and len(stream) % 2 for stream in streams):
                raise ContractError("a symbol that no clean picture has")
            return super().decompress(streams, size)

    run = attacked(Fragile(50), [BARE])
    assert names(run) == {"decode-failures"}
