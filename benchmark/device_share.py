"""What a worker, its boxes included, may take of the memory of its accelerator."""

import os

from benchmark.errors import CallError

VARIABLE = "SQUEEZEBENCH_DEVICE_SHARE"
SHARE = 0.9


def device_share() -> float:
    """The share of a device's memory that may be taken; what the variable says, or `SHARE`."""
    given = os.environ.get(VARIABLE, str(SHARE))
    try:
        share = float(given)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise CallError(f"{VARIABLE} is {given}: expected a number above 0, 1 at most")
    return share


def shared(workers: int) -> dict[str, str]:
    """The environment of a worker that has a device together with `workers - 1` others."""
    return {VARIABLE: f"{device_share() / workers:.6g}"}
