"""Comparisons whose answer is known: binomial tails, planted orders, points of a line."""

from math import comb

import numpy as np
import pytest

from benchmark.comparison import (
    at_rate,
    holm,
    paired_difference,
    paired_p,
    tiers,
)
from benchmark.score import mean_share, wilson


@pytest.mark.parametrize(("one", "other"), [(8, 2), (5, 0), (6, 6), (0, 30), (41, 20)])
def test_of_right_and_wrong_it_is_the_exact_test_of_mcnemar(one: int, other: int) -> None:
    n, smaller = one + other, min(one, other)
    tail = sum(comb(n, k) for k in range(smaller + 1)) / 2**n
    differences = np.array([1.0] * one + [-1.0] * other + [0.0] * 7)
    assert paired_p(differences) == pytest.approx(min(1, 2 * tail))


def test_of_two_classifiers_every_sign_is_counted() -> None:
    differences = np.array([0.5, 0.5, 1.0, -0.5, 1.0])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1)
    sums = np.abs(differences) @ signs
    expected = np.mean(np.abs(sums) >= differences.sum() - 1e-9)
    assert paired_p(differences, steps=2) == pytest.approx(expected)


def test_the_bound_is_never_smaller_than_the_exact_figure() -> None:
    draws = np.random.default_rng(0)
    for _ in range(200):
        differences = draws.choice([-1.0, 0.0, 1.0], 40, p=[0.1, 0.5, 0.4])
        assert paired_p(differences, steps=None) >= paired_p(differences)


def test_of_a_few_images_without_a_grid_every_sign_is_counted() -> None:
    differences = np.array([0.31, 0.2, -0.05, 0.4, 0.17])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1)
    sums = np.abs(np.abs(differences) @ signs)
    assert paired_p(differences, steps=None) == np.mean(sums >= differences.sum() - 1e-9)


def test_of_draws_every_sign_is_counted() -> None:
    differences = np.array([0.35, -0.1, 0.55, 0.95, 0.05, 0.6])
    on_a_grid, one_by_one = paired_p(differences, steps=20), paired_p(differences, steps=None)
    assert on_a_grid == pytest.approx(one_by_one)
    assert paired_p(np.full(20, 0.5), steps=20) == pytest.approx(2 / 2**20)


def test_equal_entries_cannot_be_told_apart() -> None:
    assert paired_p(np.zeros(9)) == 1.0


def test_holm_refuses_all_after_the_first_that_fails() -> None:
    assert holm([0.01, 0.06, 0.03, 0.005]) == [True, False, False, True]
    assert holm([]) == []


def test_tiers_of_planted_entries() -> None:
    n = 200
    strong = np.arange(n) < 150
    alike = np.roll(strong, 1)
    middle = np.arange(n) < 90
    none = np.zeros(n)
    order = np.array([none, strong, middle, alike, none], dtype=float)
    assert tiers(order, [1] * 5) == [3, 1, 2, 1, 3]


def test_what_a_few_images_show_is_one_tier() -> None:
    shares = np.array([[1, 1, 1, 1, 0], [0, 0, 1, 0, 0]], dtype=float)
    assert tiers(shares, [1, 1]) == [1, 1]


def test_within_a_tier_no_two_are_told_apart() -> None:
    draws = np.random.default_rng(1)
    shares = np.array([draws.random(120) < p for p in np.linspace(0, 0.9, 12)], dtype=float)
    found = tiers(shares, [1] * 12)
    pairs = [(i, j) for i in range(12) for j in range(i + 1, 12)]
    apart = holm([paired_p(shares[i] - shares[j]) for i, j in pairs])
    assert max(found) > 2
    assert not any(held and found[i] == found[j] for (i, j), held in zip(pairs, apart, strict=True))


def test_the_difference_is_of_the_same_images() -> None:
    one, other = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    found = paired_difference(one, other)
    assert found.estimate == 0.25
    assert found.low == 0.0
    assert 0.5 <= found.high <= 0.75


def test_an_interval_of_nothing_does_not_shrink_to_a_point() -> None:
    found = mean_share([0.0] * 24)
    assert (found.estimate, found.low) == pytest.approx((0, 0))
    assert found.high == pytest.approx(0.138, abs=1e-3)


def test_at_a_rate_between_two_settings_the_line_is_read() -> None:
    shares = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], dtype=float)  # of 1.0 and of 0.25 bits
    middle = at_rate([1.0, 0.25], shares, 0.5)
    assert middle is not None
    assert middle == wilson(1.5, 4)
    assert at_rate([1.0, 0.25], shares, 1.0) == wilson(3, 4)


@pytest.mark.parametrize("rate", [0.2, 1.1])
def test_outside_of_its_rates_a_codec_has_no_figure(rate: float) -> None:
    assert at_rate([0.25, 1.0], np.ones((2, 3)), rate) is None
    assert at_rate([rate], np.ones((1, 3)), rate) is None
