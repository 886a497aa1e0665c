"""What is compared with whom: the table of cases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.errors import CallError
from benchmark.threat import Budget, Norm, ThreatModel

LINF_1, LINF_4 = ThreatModel(Norm.LINF, 1), ThreatModel(Norm.LINF, 4)
ALL = ("art", "torchattacks", "foolbox")
NOT_ALL = ("art", "foolbox")


@dataclass(frozen=True)
class Case:
    """One of our attacks on one subject, and the peers that have the same attack."""

    name: str
    attack: str
    subject: str
    budget: Budget
    images: int
    peers: tuple[str, ...] = ALL
    minimal: bool = False

    @property
    def title(self) -> str:
        """The case as its rows call it."""
        return f"{self.name} {self.subject}"


def _every_step(steps: int) -> Budget:
    return Budget(LINF_4, steps=steps, until_broken=False)


def _until_broken(steps: int) -> Budget:
    return Budget(LINF_4, steps=steps)


def _weak(steps: int) -> Budget:
    return Budget(LINF_1, steps=steps)


CASES = (
    Case("pgd-10", "pgd", "resnet50", _every_step(10), 32),
    Case("pgd-10", "pgd", "vit-small", _every_step(10), 32),
    Case("pgd-10", "pgd", "deit-tiny", _every_step(10), 32),
    Case("pgd-10", "pgd", "mini-resnet", _every_step(10), 128),
    Case("fgsm", "fgsm", "resnet50", _every_step(1), 16),
    Case("fgsm", "fgsm", "deit-tiny", _every_step(1), 32),
    Case("pgd-100 until broken", "pgd", "deit-tiny", _until_broken(100), 8),
    Case("pgd-100 until broken", "pgd", "mini-resnet", _until_broken(100), 64),
    Case("apgd-ce-20", "apgd-ce", "deit-tiny", _until_broken(20), 8, ("art", "torchattacks")),
    Case("apgd-t-20", "apgd-t", "deit-tiny", _until_broken(20), 8, ("torchattacks",)),
    # At a radius that leaves pictures standing, so that strength shows.
    Case("apgd-ce-10 at 1", "apgd-ce", "deit-tiny", _weak(10), 32, ("torchattacks",)),
    Case("apgd-t-3 at 1", "apgd-t", "deit-tiny", _weak(3), 32, ("torchattacks",)),
    Case("cw-20", "cw", "deit-tiny", _until_broken(20), 8, minimal=True),
    # Torchattacks' asks for a gradient of each of the thousand classes.
    Case("deepfool-10", "deepfool", "deit-tiny", _until_broken(10), 8, NOT_ALL, minimal=True),
    Case("square-100 at 1", "square", "deit-tiny", Budget(LINF_1, queries=100), 8, ("art",)),
    Case("apgd-ce-50", "apgd-ce", "mini-resnet", _until_broken(50), 64, ("art", "torchattacks")),
    Case("apgd-t-50", "apgd-t", "mini-resnet", _until_broken(50), 64, ("torchattacks",)),
    Case("cw-50", "cw", "mini-resnet", _until_broken(50), 32, minimal=True),
    Case(
        "cw-search-50",
        "cw-search",
        "mini-resnet",
        _until_broken(50),
        8,
        NOT_ALL,
        minimal=True,
    ),
    Case("deepfool-50", "deepfool", "mini-resnet", _until_broken(50), 32, minimal=True),
    Case(
        "square-500",
        "square",
        "mini-resnet",
        Budget(LINF_4, queries=500),
        32,
        ("art", "torchattacks"),
    ),
)


def chosen(pattern: str | None, cases: Sequence[Case] = CASES) -> list[Case]:
    """The cases whose title the regular expression `pattern` is found in; all if it is None."""
    try:
        found = [case for case in cases if re.search(pattern or "", case.title)]
    except re.error as problem:
        raise CallError(f"--only {pattern}: {problem}; expected a regular expression") from problem
    if not found:
        titles = ", ".join(case.title for case in cases)
        raise CallError(f"--only {pattern} fits no case; known: {titles}")
    return found


def against(cases: Sequence[Case], peers: Sequence[str]) -> list[Case]:
    """The cases with those of their peers that `peers` names; cases that none of them has go."""
    left = [replace(case, peers=tuple(p for p in case.peers if p in peers)) for case in cases]
    kept = [case for case in left if case.peers]
    if not kept:
        raise CallError(f"--peer {', '.join(peers)}: none of the cases has that attack there")
    return kept
