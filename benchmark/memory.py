"""Freed memory is kept for the next tensor: fresh pages often cost more than what fills them."""

import ctypes
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""What glibc's `mallopt` calls the sizes above which memory goes back, and comes on its own."""
NEVER = 2**31 - 1


def keep_freed() -> bool:
    """Let this process hand out again what it freed; False if the C library is not glibc.

    The system otherwise clears every page of a large tensor anew. The process then holds its peak
    until `give_back`, and some more where what is freed is a little too small for what comes next.
    """
    glibc = _glibc()
    if glibc is None:
        return False
    return all(glibc.mallopt(size, NEVER) for size in (MMAP_THRESHOLD, TRIM_THRESHOLD))


def give_back() -> None:
    """Return to the system what is kept and not in use."""
    glibc = _glibc()
    if glibc is not None:
        glibc.malloc_trim(0)


def _glibc() -> Any:  # a library of ctypes, whose functions have no types
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
