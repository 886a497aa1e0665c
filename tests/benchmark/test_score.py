"""Scores against published values and cases worked by hand."""

import pytest

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
from benchmark.score import bootstrap_mean, score, wilson
from benchmark.threat import Access, Norm, ThreatModel


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_published_intervals(
    successes: int, n: int, low: float, high: float
) -> None:
    interval = wilson(successes, n)
    assert interval.estimate == successes / n
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_wilson_is_symmetric_and_stays_in_bounds() -> None:
    none, all_ = wilson(0, 10), wilson(10, 10)
    assert (none.low, all_.high) == (0, pytest.approx(1))
    assert none.high == pytest.approx(1 - all_.low)
    with pytest.raises(ValueError, match="at least one image"):
        wilson(0, 0)


def test_bootstrap_has_the_width_of_the_normal_approximation() -> None:
    values = [float(i % 10) for i in range(1000)]  # mean 4.5, deviation 2.872
    interval = bootstrap_mean(values)
    assert interval.estimate == 4.5
    half = 1.96 * 2.872 / 1000**0.5
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.1)
    assert bootstrap_mean(values) == interval


CELLS = (
    Cell(CLEAN, Access.NONE),
    Cell("t4", Access.TRANSFER, "pgd", "bare", "linf", 4, 10, 1),
    Cell("w2", Access.WHITE_BOX, "pgd", "exact", "linf", 2, 10, 1),
    Cell("w4a", Access.WHITE_BOX, "pgd", "exact", "linf", 4, 10, 1),
    Cell("w4b", Access.WHITE_BOX, "pgd", "identity", "linf", 4, 10, 1),
    Cell("w8", Access.WHITE_BOX, "pgd", "exact", "linf", 8, 10, 1),
    Cell("l2", Access.WHITE_BOX, "pgd", "exact", "l2", 0.5, 10, 2),
)
# Which of the five images survive each cell. Image 4 is wrong without attack.
SURVIVORS = {
    CLEAN: "0123",
    "t4": "01234",
    "w2": "0124",
    "w4a": "013",
    "w4b": "023",
    "w8": "0123",
    "l2": "12",
}


def run(cells: tuple[Cell, ...] = CELLS, outcomes: tuple[Outcome, ...] | None = None) -> Run:
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
        classifiers=(ClassifierRecord("c", "i", 10, 20, 3),),
        cells=cells,
        environment={},
    )
    outcomes = outcomes or tuple(
        Outcome(
            classifier="c",
            cell=cell.name,
            image=image,
            correct=image in SURVIVORS[cell.name],
            predicted=0,
            margin=0.0,
            linf=0,
            l2=0.0,
            bits=100 * int(image) if cell.name == CLEAN else 10**6,
            gradient_steps=7,
            queries=8,
            png_sha256="",
            draws=1,
            draws_correct=int(image in SURVIVORS[cell.name]),
        )
        for cell in CELLS
        for image in "01234"
    )
    result = ShardResult(Shard("c", 0, 5), outcomes, seconds=2.0, defense_seconds=0.5)
    return Run(1, header, "", "completed", "", (result,))


def test_worst_case_per_image() -> None:
    found = score(run(), "c")
    assert found.clean.estimate == 4 / 5
    at4 = found.at(ThreatModel(Norm.LINF, 4))
    assert at4 is not None
    # Transfer: 0123. White-box: 01(3 falls at 2) and 02: only 0. A mean over attacks would say 0.6.
    assert at4.by_access[Access.TRANSFER].estimate == 4 / 5
    assert at4.by_access[Access.WHITE_BOX].estimate == 1 / 5
    assert at4.worst == wilson(1, 5)
    assert at4.success == wilson(3, 4)


def test_a_larger_ball_contains_the_smaller_ones() -> None:
    found = score(run(), "c")
    shares = [r.worst.estimate for r in found.robustness if r.threat.norm is Norm.LINF]
    assert shares == [3 / 5, 1 / 5, 1 / 5]  # the cell of radius 8 alone lets all four live
    alone = {c.cell.name: c.accuracy.estimate for c in found.cells}
    assert alone["w8"] == 4 / 5
    l2 = found.at(ThreatModel(Norm.L2, 0.5))
    assert l2 is not None
    assert l2.worst.estimate == 2 / 5
    assert found.at(ThreatModel(Norm.L2, 3)) is None


def test_rate_and_time_are_those_of_clean_images() -> None:
    found = score(run(), "c")
    assert found.bits_per_pixel is not None
    assert found.bits_per_pixel.estimate == (0 + 100 + 200 + 300 + 400) / 5 / (10 * 20)
    assert found.milliseconds == 100
    assert found.cells[0].gradient_steps == 7


def drawn(cell: str, image: str, right: int) -> Outcome:
    """An image of a randomized defense of whose 20 draws `right` were right."""
    return Outcome("c", cell, image, right > 10, 0, 0.0, 0, 0.0, None, 1, 2, "", 20, right)


def test_a_randomized_defense_by_hand() -> None:
    """Shares without attack 1 and 0.8; under two attacks at most 0.5 and 0.6, then 0.7 and 0.2."""
    cells = (CELLS[0], CELLS[3], CELLS[4])
    shares = {CLEAN: (20, 16), "w4a": (10, 12), "w4b": (14, 4)}
    outcomes = tuple(
        drawn(cell, str(i), n) for cell, row in shares.items() for i, n in enumerate(row)
    )
    found = score(run(cells, outcomes), "c")
    assert found.clean.estimate == pytest.approx(0.9)
    assert found.clean_any_draw == wilson(1, 2)
    at4 = found.at(ThreatModel(Norm.LINF, 4))
    assert at4 is not None
    assert at4.worst.estimate == pytest.approx((0.5 + 0.2) / 2)
    assert at4.any_draw == wilson(2, 2)
    assert at4.success is not None
    assert at4.success.estimate == pytest.approx(1 - 0.35 / 0.9)
    assert at4.success.low <= at4.success.estimate <= at4.success.high


def test_a_deterministic_defense_has_no_draws() -> None:
    found = score(run(), "c")
    assert found.clean_any_draw is None
    assert {robustness.any_draw for robustness in found.robustness} == {None}


def test_a_cell_of_a_subset_speaks_for_its_images() -> None:
    """A query attack on images 0 and 1 breaks 0; the worst case counts it, its access has n = 2."""
    query = Cell("q4", Access.QUERY, "square", "none", "linf", 4, images=2)
    base = run().outcomes
    extra = tuple(
        Outcome("c", "q4", i, i == "1", 0, 0.0, 0, 0.0, None, 0, 9, "", 1, int(i == "1"))
        for i in "01"
    )
    found = score(run((*CELLS, query), (*base, *extra)), "c").at(ThreatModel(Norm.LINF, 4))
    assert found is not None
    assert found.by_access[Access.QUERY] == wilson(1, 2)
    assert found.worst == wilson(0, 5)  # image 0 was the last to stand under white-box attacks


def test_the_worst_case_is_over_what_was_attacked() -> None:
    """Cells on images 0 and 1 alone say nothing of the others, which no one attacked."""
    only = Cell("l2", Access.WHITE_BOX, "cw", "exact", "l2", 1, 10, 1, images=2)
    clean = tuple(o for o in run().outcomes if o.cell == CLEAN)
    attacked = tuple(
        Outcome("c", "l2", i, i == "1", 0, 0.0, 0, 0.0, None, 0, 9, "", 1, int(i == "1"))
        for i in "01"
    )
    found = score(run((CELLS[0], only), (*clean, *attacked)), "c").robustness
    assert [robustness.worst for robustness in found] == [wilson(1, 2)]
    assert [robustness.success for robustness in found] == [wilson(1, 2)]


def test_a_check_cell_gives_no_radius_but_counts_inside_a_larger_one() -> None:
    check = Cell("w3", Access.WHITE_BOX, "pgd", "exact", "linf", 3, check=True)
    extra = tuple(
        Outcome("c", "w3", i, False, 0, 0.0, 0, 0.0, None, 0, 9, "", 1, 0) for i in "01234"
    )
    found = score(run((*CELLS, check), (*run().outcomes, *extra)), "c")
    assert found.at(ThreatModel(Norm.LINF, 3)) is None
    at4 = found.at(ThreatModel(Norm.LINF, 4))
    assert at4 is not None
    assert at4.worst == wilson(0, 5)
