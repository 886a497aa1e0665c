"""How long a site of many runs takes: `python -m tests.site.bench [RUNS] [FOLDER]`."""

import resource
import sys
import time
from pathlib import Path

from leaderboard.render.render import Options, render
from leaderboard.store import Store
from tests.site.generated import database


def main(runs: int, folder: Path) -> None:
    path, site = folder / f"generated-{runs}.db", folder / f"site-{runs}"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        database(path, runs)
    say(f"{runs} runs, {path.stat().st_size / 1e6:.0f} MB")
    moved = Options(url="https://example.org/x")
    for what, options in (("first", Options()), ("unchanged", Options()), ("all pages", moved)):
        started, busy = time.perf_counter(), processor()
        render(Store(str(path)), site, options)
        seconds, busy = time.perf_counter() - started, processor() - busy
        say(f"{what}: {seconds:.2f} s of the clock, {busy:.2f} s of all cores")


def processor() -> float:
    """Seconds that this process and those that it started have computed."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 1000, Path(given[1] if given[1:] else "build/generated"))
