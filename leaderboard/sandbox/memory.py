"""The two buffers: shared memory that neither side can take from under the other."""

import fcntl
import mmap
import os
from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.errors import ContractError
from leaderboard.sandbox.layout import Layout, flat, whole
from leaderboard.sandbox.wire import CAPACITY, Message, aligned

SEAL, SHRINK, GROW, FUTURE_WRITE = 0x1, 0x2, 0x4, 0x10
FIXED = SHRINK | GROW
"""A reply buffer that the worker could truncate would kill the harness that reads it (SIGBUS)."""


class Buffer:
    """A piece of shared memory, mapped to be read, or to be written as well."""

    def __init__(self, descriptor: int, *, writable: bool) -> None:
        """Map what `descriptor` stands for; the descriptor stays open."""
        self.descriptor = descriptor
        access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        self._map = mmap.mmap(descriptor, CAPACITY, mmap.MAP_SHARED, access)

    def put(self, tensors: Sequence[Tensor], content: bytes = b"") -> tuple[Layout, ...]:
        """Write tensors and the bytes behind them; the layouts for the message."""
        needed = sum(aligned(4 * tensor.numel()) for tensor in tensors) + len(content)
        if needed > CAPACITY:
            raise ContractError(f"{needed} bytes do not fit into a buffer of {CAPACITY}")
        parts = [flat(tensor) for tensor in tensors]
        start = 0
        for layout, values in parts:
            if layout.values:
                self._floats(start, layout.values).copy_(values)
            start += aligned(4 * layout.values)
        self._map[start : start + len(content)] = content
        return tuple(layout for layout, _ in parts)

    def tensors(self, message: Message) -> list[Tensor]:
        """Copies of the tensors that `message` announces."""
        found, start = [], 0
        for layout in message.tensors:
            values = torch.empty(layout.values)
            if layout.values:
                view = memoryview(self._map)[start : start + 4 * layout.values]
                values.numpy().data.cast("B")[:] = view
            found.append(whole(layout, values))
            start += aligned(4 * layout.values)
        return found

    def content(self, message: Message) -> bytes:
        """A copy of the bytes that `message` announces."""
        return self._map[message.start_of_bytes : message.used]

    def _floats(self, start: int, count: int) -> Tensor:
        return torch.frombuffer(self._map, dtype=torch.float32, count=count, offset=start)

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()
        os.close(self.descriptor)


def request_buffer() -> Buffer:
    """One that this process writes; whoever gets its descriptor can only read."""
    descriptor = _shared("request")
    buffer = Buffer(descriptor, writable=True)
    # What is mapped already stays writable.
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, FIXED | FUTURE_WRITE | SEAL)
    return buffer


def reply_buffer() -> Buffer:
    """One that this process reads and others write."""
    descriptor = _shared("reply")
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, FIXED | SEAL)
    return Buffer(descriptor, writable=False)


def _shared(name: str) -> int:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, CAPACITY)
    return descriptor
