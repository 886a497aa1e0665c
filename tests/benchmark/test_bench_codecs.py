"""The bench of the attacks on codecs: rows follow from their seconds, wrong calls are refused."""

import itertools

import pytest
from compressai.models import FactorizedPrior

from benchmark.bench import codecs
from benchmark.codecs.learned import LearnedCodec
from benchmark.draws import seeded


def test_all_take_turns_and_the_fastest_counts() -> None:
    order: list[str] = []
    ticks = itertools.accumulate([0, 5, 0, 7, 0, 3, 0, 9])  # 5 and 7 seconds, then 3 and 9

    seconds = codecs.fastest(
        {("a", ""): lambda: order.append("a"), ("b", ""): lambda: order.append("b")},
        lambda: next(ticks),
        repeats=2,
    )
    assert order == ["a", "b", "a", "b"]
    assert seconds == {("a", ""): 3, ("b", ""): 7}


def test_rows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def tiny() -> LearnedCodec:
        with seeded("tiny"):
            return LearnedCodec(FactorizedPrior(4, 4), 16)

    monkeypatch.setattr(codecs, "CODECS", {"tiny": tiny})
    monkeypatch.setattr(codecs, "DRAWS", 2)
    monkeypatch.setattr(codecs, "keep_freed", bool)  # it would hold for all tests that follow
    assert codecs.main(["--images", "1", "--steps", "1", "--repeats", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(codecs.CASES) + 1
    for line in lines[2:]:
        *_, seconds, _, other, ratio = (cell.strip() for cell in line.strip("|").split("|"))
        assert float(seconds) > 0
        if float(other) >= 0.5:
            assert float(ratio) == pytest.approx(float(seconds) / float(other), abs=0.02)
    row = codecs.Row("bls2017", "pgd", "rate", 4, 3.0, "floor", 2.0)
    assert row.ratio == 1.5
    assert "| 3.00 | floor | 2.00 | 1.50 |" in codecs.table([row])


def test_wrong_calls(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(codecs, "keep_freed", bool)
    assert codecs.main(["--codec", "hyperprior", "--images", "0"]) == 2
    assert "--images 0: expected at least 1" in capsys.readouterr().err
