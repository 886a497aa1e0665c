"""What a box may use, and the limits that the process inside sets on itself before it begins."""

import resource
from dataclasses import asdict, dataclass

GIB = 2**30


@dataclass(frozen=True)
class Limits:
    """Of one box. Seconds are of wall clock, but for `cpu_s`; sizes are in bytes.

    `memory` is what all processes of the box together hold, its files included; `processes` and
    `threads` are counted over all of it. `device_share` is what torch may take of an accelerator's
    memory; no kernel holds that one.
    """

    start_s: float = 300.0
    call_s: float = 900.0
    cpu_s: int = 7 * 24 * 3600
    memory: int = 16 * GIB
    processes: int = 64
    threads: int = 512
    files: int = GIB
    shared: int = GIB // 4
    open_files: int = 1024
    device_share: float = 1.0


DEFAULT = Limits()


def restrict(limits: Limits, *, on_cpu: bool) -> None:
    """Set the limits that the kernel holds, on this process and all that it starts."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.files,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: limits.threads,
        resource.RLIMIT_MEMLOCK: 2**26,
    }
    if on_cpu:  # CUDA maps more than it uses
        wanted[resource.RLIMIT_DATA] = limits.memory
    for limit, most in wanted.items():
        _, hard = resource.getrlimit(limit)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (allowed, allowed))


def as_words(limits: Limits) -> list[str]:
    """The limits for a command line."""
    return [f"{name}={value}" for name, value in asdict(limits).items()]


def from_words(words: list[str]) -> Limits:
    """The limits of a command line."""
    given = dict(word.split("=", 1) for word in words)
    return Limits(
        **{
            name: type(default)(float(given[name]))
            for name, default in asdict(DEFAULT).items()
            if name in given
        }
    )
