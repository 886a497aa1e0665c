"""Freed memory: kept for the next tensor, and given back when asked."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

FRESH = 64 * 2**20 // 4
"""Floats of a tensor that glibc, left alone, takes from the system and returns to it."""
PROGRAM = f"""
import sys, resource
from pathlib import Path
import torch
from benchmark.memory import give_back, keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return int(Path("/proc/self/statm").read_text().split()[1])

if "keep" in sys.argv:
    assert keep_freed()
# Something small may take a place in what was freed; after some rounds nothing small is left to.
for _ in range(40):
    before = faults()
    torch.ones({FRESH}).sum()
again, kept = faults() - before, held()
give_back()
print(again, kept - held())
"""


def counted(arguments: Sequence[str] = ()) -> tuple[int, int]:
    """Page faults of a tensor like many before it, and pages that were given back at the end."""
    run = [sys.executable, "-c", PROGRAM, *arguments]
    words = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    return int(words[0]), int(words[1])


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc and /proc")
def test_memory_is_kept_and_given_back() -> None:
    pages = 4 * FRESH // 4096
    fresh, _ = counted()
    again, returned = counted(["keep"])
    assert again < fresh / 4
    assert returned > 0.9 * pages
