"""A short probe of what attacks and judging take here: measured once for each kind of attack."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from benchmark.codec_track.crafting import Attacked
from benchmark.codec_track.evaluate import CodecHarness
from benchmark.codec_track.pictures import Group
from benchmark.cost import JudgingTime, Measured, StepTime, kind
from benchmark.crafting import Crafted
from benchmark.evaluate import Harness
from benchmark.history import Broken
from benchmark.plan import NOTHING_BEHIND
from benchmark.protocol import CLEAN_CELL, PlannedCell
from benchmark.threat import Access

T = TypeVar("T")

FEW = 2
"""Pictures that are probed on a CPU, where time grows with their number."""
STEPS = 3


class Passes(NamedTuple):
    """What crafting counted, of each picture."""

    forwards: Tensor
    backwards: Tensor


Craft = Callable[[PlannedCell], Passes]


def measure(harness: Harness, classifiers: Sequence[str], batch: int, images: int) -> Measured:
    """The times of every attack of the classifier track and of judging, on the first pictures."""
    pictures = min(images, batch if torch.cuda.is_available() else FEW)
    steps: list[StepTime] = []
    judging = []
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        uncached = harness.without_cache(Path(folder))
        for name in classifiers:
            shown = harness.batch(name, range(pictures))
            untouched = Crafted.untouched(shown.pixels)
            standing = Broken(untouched, torch.zeros_like(shown.y, dtype=torch.bool))

            def craft(planned: PlannedCell) -> Passes:
                made = uncached.crafted(name, shown, planned, standing)  # noqa: B023 (called here)
                return Passes(made.forwards, made.backwards)

            steps += _steps(name, craft, harness.planned, pictures)
            seconds, (verdict, _) = _clocked(
                lambda: harness.judged(name, shown, CLEAN_CELL, untouched),  # noqa: B023
                warm=True,
            )
            probes, _ = _clocked(lambda: harness.probed(name, shown, verdict))  # noqa: B023
            again = verdict.defense_seconds * verdict.draws / pictures
            judging.append(JudgingTime(name, seconds / pictures, again, probes / pictures))
    return Measured(pictures, batch, tuple(steps), tuple(judging))


def measure_codec(harness: CodecHarness, batch: int, images: int) -> Measured:
    """Likewise on the codec track, on the first pictures as far as they are of one size."""
    pictures = min(images, batch if torch.cuda.is_available() else FEW)
    with tempfile.TemporaryDirectory(prefix="squeezebench-") as folder:
        uncached = harness.without_cache(Path(folder))
        group = next(harness.pictures(0, pictures))

        def craft(planned: PlannedCell) -> Passes:
            made = uncached.crafted(group, planned)
            return Passes(made.forwards, made.backwards)

        steps = tuple(_steps(NOTHING_BEHIND, craft, harness.planned, len(group.ids)))
        seconds, _ = _clocked(lambda: _judged(harness, group), warm=True)
    judging = JudgingTime(NOTHING_BEHIND, seconds / len(group.ids))
    return Measured(len(group.ids), batch, steps, (judging,))


def _judged(harness: CodecHarness, group: Group) -> None:
    nothing = torch.zeros(len(group.ids), dtype=torch.int64)
    harness.judged(group, CLEAN_CELL, Attacked(group.pixels, nothing, nothing))


def _steps(
    classifier: str, craft: Craft, planned: Sequence[PlannedCell], pictures: int
) -> Iterator[StepTime]:
    """One measurement a kind: one step and several, from which a further one follows."""
    for name, one in {kind(one.cell): one for one in planned}.items():
        if one.cell.access is Access.QUERY:
            seconds, passes = _clocked(lambda: craft(one.shortened(STEPS)), warm=True)  # noqa: B023
            asked = max(1, int(passes.forwards.sum()))
            yield StepTime(classifier, name, 0.0, seconds / asked)
            continue
        first_s, first = _clocked(lambda: craft(one.shortened(1)), warm=True)  # noqa: B023
        all_s, all_passes = first_s, first
        if one.budget.steps > 1:
            all_s, all_passes = _clocked(lambda: craft(one.shortened(STEPS)))  # noqa: B023
        more = int(all_passes.backwards.sum()) - int(first.backwards.sum())
        yield StepTime(
            classifier,
            name,
            first_s / pictures,
            max(0.0, all_s - first_s) / (STEPS - 1) / pictures,
            int(first.backwards.sum()) / pictures,
            max(0, more) / (STEPS - 1) / pictures,
        )


def _clocked(work: Callable[[], T], *, warm: bool = False) -> tuple[float, T]:
    """Seconds of the work, and what it gives; `warm` does it once before."""
    if warm:
        work()
    _settled()
    started = time.perf_counter()
    result = work()
    _settled()
    return time.perf_counter() - started, result


def _settled() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
