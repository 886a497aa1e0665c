"""Writes until there is no room."""

from pathlib import Path

from benchmark.api import Defense, Images

PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/submission", "/")


class Cheat(Defense):
    """Never answers well."""

    def forward(self, x: Images) -> Images:
        """Writes a hundred files of 16 MiB in each place; fails with what stopped it."""
        written, reasons = 0, []
        for place in PLACES:
            try:
                for number in range(100):
                    with Path(place, f"fill-{number}").open("wb") as file:
                        written += file.write(bytes(2**24))
            except OSError as problem:
                reasons.append(f"{place}: {problem.strerror}")
        raise OSError(f"wrote {written / 2**20:.0f} MiB; {'; '.join(reasons)}")
