"""The bench of overhead: both sides ask the same model for as many gradients."""

import pytest
import torch
from torch import Tensor, nn

from benchmark.bench import subjects
from benchmark.bench.overhead import attacking, bare, measure
from benchmark.bench.subjects import Subject


class Counting(nn.Module):
    """Counts the images that pass through a model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.seen = model, 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        logits: Tensor = self.model(x)
        return logits


@pytest.mark.parametrize("side", [attacking, bare])
def test_each_side_asks_once_a_step_and_image(side: object) -> None:
    subject = subjects.find("mini-resnet", 3)
    model = Counting(subject.model.requires_grad_(False))
    assert callable(side)
    made = side(model, Subject(model, subject.x, subject.y), 4).run()
    assert model.seen == 3 * 4
    assert made.shape == subject.x.shape
    assert not torch.equal(made, subject.x)


def test_the_overhead_is_a_share_of_the_attack() -> None:
    rows = list(measure("mini-resnet", images=2, steps=2, repeats=1, clock="cpu"))
    assert rows[0].precision == "fp32"
    for row in rows:
        assert row.overhead == 1 - row.floor_seconds / row.seconds < 1
