"""Time ours and theirs in turns, and judge what each made by the same model in fp32."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from benchmark import attacks
from benchmark.attacked import AttackedModel
from benchmark.bench import peers, subjects
from benchmark.bench.cases import Case
from benchmark.bench.subjects import Subject, logits
from benchmark.geometry import distance, to_lattice, to_lattice_in_ball
from benchmark.loss import loss_gradient, margin
from benchmark.precision import crafting_dtype
from benchmark.prepare import prepare
from benchmark.tensors import Images, Mask
from benchmark.threat import Norm

EXAMPLES = 2
"""Images that the preparation is checked on."""


CLOCKS: Mapping[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "cpu": time.process_time,
}
"""Seconds of the clock; or of the processors, for a machine that others use at the same time."""


@dataclass(frozen=True)
class Row:
    """Our attack against one peer's. Seconds are the least of the repeats, for all the images.

    `floor_seconds` is bare forward and backward of the model as it was loaded, times the steps.
    `l2` is the mean over the images that both broke, None if there are none or if the attack does
    not minimize it.
    """

    attack: str
    model: str
    peer: str
    precision: str
    images: int
    seconds: float
    peer_seconds: float
    ratio: float
    accuracy: float
    peer_accuracy: float
    l2: float | None
    peer_l2: float | None
    floor_seconds: float
    ratio_to_floor: float
    prepare_seconds: float


@dataclass
class Contender:
    """Somebody's attack on a subject: how to run it, what it took at best, what it made."""

    run: Callable[[], Images]
    prepare_seconds: float = 0.0
    seconds: float = float("inf")
    x_adv: Images | None = None

    def time(self, clock: Callable[[], float]) -> None:
        """Run it once more."""
        started = clock()
        self.x_adv = self.run()
        if self.x_adv.is_cuda:
            torch.cuda.synchronize(self.x_adv.device)
        self.seconds = min(self.seconds, clock() - started)


def run(
    cases: Sequence[Case],
    *,
    repeats: int = 2,
    images: int | None = None,
    batch: int | None = None,
    device: str = "cpu",
    clock: str = "wall",
    say: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """The rows of every case; `images` overrides how many each attacks, `batch` at once."""
    rows: list[Row] = []
    for case in cases:
        sized = replace(case, images=images or case.images)
        subject = subjects.find(case.subject, sized.images).to(device)
        for row in compare(sized, subject, repeats, CLOCKS[clock], batch=batch):
            rows.append(row)
            say(
                f"{row.attack} {row.model} {row.precision}: {row.seconds:.2f} s, {row.peer} "
                f"{row.peer_seconds:.2f} s, ratio {row.ratio:.2f}, accuracy {row.accuracy:.3f} "
                f"against {row.peer_accuracy:.3f}"
            )
    return rows


def compare(
    case: Case,
    subject: Subject,
    repeats: int,
    clock: Callable[[], float],
    *,
    batch: int | None = None,
) -> Iterator[Row]:
    """One row for each peer and each precision of ours. All take turns, so noise meets all.

    Everybody is given `batch` images at once, or all of them: a peer's memory grows with them.
    """
    parts = list(_parts(subject, batch or len(subject.x)))
    dtypes = dict.fromkeys((torch.float32, crafting_dtype(subject.x.device)))
    if case.minimal:  # on the boundary itself a margin of bf16 says nothing
        dtypes = {torch.float32: None}
    ours = {_precision(dtype): _ours(case, subject, parts, dtype) for dtype in dtypes}
    theirs = {peer: _theirs(case, parts, peer) for peer in case.peers}
    floor = Contender(
        lambda: torch.cat([loss_gradient(part.model, part.x, part.y)[0] for part in parts])
    )
    for _ in range(repeats):
        for contender in (*ours.values(), *theirs.values(), floor):
            contender.time(clock)
    steps = max(case.budget.steps, 1) * case.budget.restarts
    for precision, our in ours.items():
        for peer, their in theirs.items():
            yield _row(case, subject, (precision, our), (peer, their), floor.seconds * steps)


def _parts(subject: Subject, batch: int) -> Iterator[Subject]:
    for start in range(0, len(subject.x), batch):
        here = slice(start, start + batch)
        yield Subject(subject.model, subject.x[here], subject.y[here])


def _ours(case: Case, subject: Subject, parts: Sequence[Subject], dtype: torch.dtype) -> Contender:
    """Our attack as the harness runs it: rounding, counting, and fp32's word on what bf16 claims.

    The model is prepared once before, as a run prepares it once for all its images.
    """
    started = time.perf_counter()
    precise = prepare(subject.model, subject.x[:EXAMPLES], dtype=torch.float32)
    fast = precise
    if dtype is not torch.float32:
        fast = prepare(subject.model, subject.x[:EXAMPLES], dtype=dtype)
    prepared = time.perf_counter() - started
    attack = attacks.find(case.attack)

    def crafted(model: nn.Module, part: Subject) -> Images:
        attacked = AttackedModel(model, None, len(part.x))
        return attack(attacked, part.x, part.y, case.budget).detach()

    def run(part: Subject) -> Images:
        x_adv = crafted(fast, part)
        if fast is precise or not case.budget.until_broken:
            return x_adv
        judged = _judged(case, part, x_adv)
        claimed = margin(logits(fast, judged), part.y) < fast.uncertainty
        doubted = claimed & (margin(logits(precise, judged), part.y) >= 0)
        if bool(doubted.any()):
            again = Subject(part.model, part.x[doubted], part.y[doubted])
            x_adv[doubted] = crafted(precise, again)
        return x_adv

    return Contender(lambda: torch.cat([run(part) for part in parts]), prepared)


def _theirs(case: Case, parts: Sequence[Subject], peer: str) -> Contender:
    attack = peers.find(peer, case.attack)
    return Contender(
        lambda: torch.cat([attack(part.model, part.x, part.y, case.budget) for part in parts])
    )


def _judged(case: Case, subject: Subject, x_adv: Images) -> Images:
    """The 8-bit pictures that are judged: in the ball, unless the attack looks for the nearest."""
    if case.minimal:
        return to_lattice(x_adv)
    return to_lattice_in_ball(x_adv, subject.x, case.budget.threat)


def _broken(case: Case, subject: Subject, x_adv: Images) -> Mask:
    judged = _judged(case, subject, x_adv)
    return margin(logits(subject.model, judged), subject.y) < 0


def _row(
    case: Case,
    subject: Subject,
    ours: tuple[str, Contender],
    theirs: tuple[str, Contender],
    floor_seconds: float,
) -> Row:
    (precision, our), (peer, their) = ours, theirs
    broken, sizes = [], []
    for contender in (our, their):
        x_adv = subject.x if contender.x_adv is None else contender.x_adv
        broken.append(_broken(case, subject, x_adv))
        sizes.append(distance(subject.x, _judged(case, subject, x_adv), Norm.L2))
    right = margin(logits(subject.model, subject.x), subject.y) >= 0
    both = broken[0] & broken[1] & right
    measured = case.minimal and bool(both.any())
    l2 = [float(size[both].mean()) if measured else None for size in sizes]
    return Row(
        attack=case.name,
        model=case.subject,
        peer=peer,
        precision=precision,
        images=len(subject.x),
        seconds=our.seconds,
        peer_seconds=their.seconds,
        ratio=their.seconds / our.seconds,
        accuracy=1 - float(broken[0].float().mean()),
        peer_accuracy=1 - float(broken[1].float().mean()),
        l2=l2[0],
        peer_l2=l2[1],
        floor_seconds=floor_seconds,
        ratio_to_floor=floor_seconds / our.seconds,
        prepare_seconds=our.prepare_seconds,
    )


def _precision(dtype: torch.dtype) -> str:
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
