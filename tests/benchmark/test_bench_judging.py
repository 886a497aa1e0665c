"""The bench of judging: both sides of each pair do the same work on the same pictures."""

import torch

from benchmark.bench.judging import measure, pairs


def test_a_learned_pair_computes_the_same_pictures() -> None:
    for what, peer, ours, theirs in pairs(images=2, threads=1):
        found, expected = ours.run(), theirs.run()
        assert found.shape == expected.shape, what
        if peer == "compressai":
            torch.testing.assert_close(found, expected.clamp(0, 1), rtol=0, atol=1e-5)


def test_a_ratio_is_ours_over_theirs() -> None:
    rows = list(measure(images=2, threads=1, repeats=1, clock="cpu"))
    assert [row.peer for row in rows] == ["Pillow", "compressai", "compressai"]
    for row in rows:
        assert row.ratio == row.seconds / row.peer_seconds
        assert row.images > 0
