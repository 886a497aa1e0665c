"""The second judge: the same verdicts in any order, and a nose for who minds the order."""

import torch
from torch import Tensor

from benchmark.asking import Asking, Remembering
from benchmark.batches import Batch
from benchmark.crafting import Crafted
from benchmark.defense import Defense
from benchmark.judge import Judge
from benchmark.records import Cell
from benchmark.scoring import (
    Exhibit,
    attacked_differently,
    decoy,
    disagreeing,
    exhibit,
    in_secret,
    judged,
)
from benchmark.tensors import Images
from benchmark.threat import Access

SEED = (5, "classifier")
N = 4


class Squared(Defense):
    def forward(self, x: Images) -> Images:
        return x * x


class Faithful(Defense):
    """Gives the first picture it saw back for every one that is near."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Images) -> Images:
        return torch.stack([self.first(one) for one in x])

    def first(self, one: Tensor) -> Tensor:
        for other in self.seen:
            if float((other - one).abs().max()) < 0.05:
                return other
        self.seen.append(one)
        return one


class Counted:
    """Brightness against a half, and how often it was asked."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.rows += len(x)
        return torch.stack([x.mean((1, 2, 3)) - 0.3, torch.zeros(len(x))], 1)


def exhibits() -> list[Exhibit]:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(40, 200, (N, 3, 8, 8), generator=generator, dtype=torch.uint8)
    batch = Batch(tuple("abcd"), pixels, torch.zeros(N, dtype=torch.int64), 0)
    shown = [exhibit(batch, Cell("clean", Access.NONE), Crafted.untouched(pixels))]
    for step in range(1, 6):
        part = batch.first(N if step != 3 else 2)
        moved = Crafted.untouched(part.pixels + step)
        shown.append(exhibit(part, Cell(f"brighter-{step}", Access.TRANSFER), moved))
    return [*shown, decoy(batch)]


def verdicts(defense: Defense, model: object, shown: list[Exhibit]) -> list:
    judge = Judge(model, defense)  # type: ignore[arg-type]
    return [judged(judge, one, SEED, shown[0].batch) for one in shown]


def in_another_order(defense: Defense, model: object, shown: list[Exhibit]) -> list:
    judge = Judge(model, defense)  # type: ignore[arg-type]
    return in_secret(judge, shown, SEED, shown[0].batch, randomized=False)


def test_what_minds_no_order_gets_the_same_verdicts() -> None:
    shown, model = exhibits(), Counted()
    known = Remembering(model)
    first, second = verdicts(Squared(), known, shown), in_another_order(Squared(), known, shown)
    assert model.rows == N * len(shown)  # the classifier was not asked again
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.logits, other.logits)
        assert torch.equal(one.predicted, other.predicted)
        assert torch.equal(one.draws_correct, other.draws_correct)
        assert one.bits == other.bits
    assert [len(verdict.logits) for verdict in second] == [N, N, N, 2, N, N, N]
    assert not disagreeing(first, second, N).any()


def test_who_remembers_the_clean_picture_is_found() -> None:
    """In order it wins: every attacked picture comes back clean. In a secret order it does not."""
    shown = exhibits()
    first = verdicts(Faithful(), Counted(), shown)
    assert all(torch.equal(one.logits, first[0].logits[: len(one.logits)]) for one in first[:-1])
    second = in_another_order(Faithful(), Counted(), shown)
    # That none of four pictures is met in the first order's way has a chance of 1 - 6 ** -4.
    assert disagreeing(first, second, N).any()


def test_batches_are_of_one_size_and_mixed() -> None:
    sizes, clean_rows = [], []
    shown = exhibits()
    clean = shown[0].pixels.float() / 255

    class Watching(Squared):
        def forward(self, x: Images) -> Images:
            sizes.append(len(x))
            clean_rows.append(int((x == clean).flatten(1).all(1).sum()))
            return super().forward(x)

    in_another_order(Watching(), Counted(), shown)
    assert sizes == [N] * len(shown)
    # Two images have one picture less than the others, so that two rows show one of theirs again.
    assert N <= sum(clean_rows) <= N + 2
    assert max(clean_rows) < N or len(set(clean_rows)) > 1


def repeated() -> list[Exhibit]:
    """Three more cells: two with nothing new, and one in which one image is."""
    shown = exhibits()
    again = [shown[0]._replace(cell=Cell("same", Access.TRANSFER)), shown[1]]
    mixed = shown[2].pixels.clone()
    mixed[0] = shown[5].pixels[0] + 3
    part = Crafted.untouched(mixed)
    return [*shown[:-1], *again, exhibit(shown[0].batch, Cell("new", Access.NONE), part), shown[-1]]


class Rows(Squared):
    """Counts its batches, and remembers how often it was shown each picture."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0
        self.shown: dict[bytes, int] = {}

    def forward(self, x: Images) -> Images:
        self.batches += 1
        for row in x:
            name = row.contiguous().numpy().tobytes()
            self.shown[name] = self.shown.get(name, 0) + 1
        return super().forward(x)


def test_a_picture_that_is_repeated_is_judged_once() -> None:
    """Seven different exhibits and one with a new picture in ten; verdicts are those of ten."""
    shown = repeated()
    expected = verdicts(Squared(), Counted(), shown)
    asked, in_secrecy = Rows(), Rows()
    ask = Asking(Judge(Counted(), asked), SEED, shown[0].batch, randomized=False)  # type: ignore[arg-type]
    answers = [ask(one) for one in shown]
    second = in_another_order(in_secrecy, Counted(), shown)
    assert len(shown) == 10
    assert asked.batches == 8
    assert in_secrecy.batches == 8
    assert asked.shown.keys() == in_secrecy.shown.keys()
    for one, first, other in zip(expected, answers, second, strict=True):
        assert torch.equal(one.logits, first.logits)
        assert torch.equal(one.logits, other.logits)
        assert torch.equal(one.draws_correct, first.draws_correct)
        assert one.bits == first.bits == other.bits


def test_a_randomized_defense_is_asked_every_time() -> None:
    shown, defense = repeated(), Rows()
    ask = Asking(Judge(Counted(), defense), SEED, shown[0].batch, randomized=True)  # type: ignore[arg-type]
    for one in shown:
        ask(one)
    assert defense.batches == len(shown)


def test_a_randomized_defense_keeps_its_draws() -> None:
    class Noisy(Defense):
        randomized = True

        def forward(self, x: Images) -> Images:
            return (x + 0.3 * torch.rand_like(x)).clamp(0, 1)

    shown = exhibits()
    first = verdicts(Noisy(), Counted(), shown)
    judge = Judge(Counted(), Noisy())
    second = in_secret(judge, shown, SEED, shown[0].batch, randomized=True)
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(first, second, strict=True))


def test_who_answers_attacks_otherwise_is_found() -> None:
    shown = exhibits()
    found = in_another_order(Squared(), Counted(), shown)
    honest, liar = Squared(), lambda x: 1 - x
    assert not attacked_differently(honest.forward, Counted(), shown, found).any()
    assert attacked_differently(liar, Counted(), shown, found).all()
