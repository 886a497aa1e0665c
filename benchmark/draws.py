"""Seeds for what draws from a global generator: a stranger's randomized defense."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def repeated(x: torch.Tensor, times: int) -> torch.Tensor:
    """`x.repeat(times, 1, 1, 1)`, in the memory layout of `x`.

    Pictures are read with their channels last, in which convolutions on a CPU take less time.
    """
    return torch.cat([x] * times)


def seed_of(*parts: object) -> int:
    """A seed of 32 bits from whatever names a draw."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Seed the generators of torch, NumPy and Python inside; put them back afterwards.

    The project's own draws never use these, but a defense may, and a run must repeat itself
    whatever was drawn before.
    """
    seed = seed_of(*parts)
    numpy_state, python_state = np.random.get_state(), random.getstate()
    # Where CUDA is not in use, asking about it takes longer than everything else here.
    on_cuda = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=None if on_cuda else []):
        (torch.manual_seed if on_cuda else torch.default_generator.manual_seed)(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
