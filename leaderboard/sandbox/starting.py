"""Start a worker with the collector of garbage off, which takes a fifth of the time of its imports.

`python -m leaderboard.sandbox.starting MODULE ARGUMENTS` calls the `main` of the module. Libraries
make a million objects that all stay, and the collector looks at them again and again.
"""

import gc
import importlib
import sys


def started() -> None:
    """Collect garbage from here on, leaving out all that there is already."""
    gc.freeze()
    gc.enable()


def main() -> None:
    """Import the module that the first argument names, and leave it the others."""
    gc.disable()
    importlib.import_module(sys.argv.pop(1)).main()


if __name__ == "__main__":
    main()
