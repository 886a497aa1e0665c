"""Start a worker in as little time as can be: most of it goes into imports.

`python -m leaderboard.sandbox.starting MODULE ARGUMENTS` calls the `main` of the module. What it
does not need is not imported (`leaderboard.sandbox.spared`), and the collector of garbage is off:
libraries make a million objects that all stay, and it looks at them again and again.
"""

import gc
import importlib
import sys

from leaderboard.sandbox.spared import spare, without_compiler


def started() -> None:
    """Collect garbage from here on, leaving out all that there is already."""
    gc.freeze()
    gc.enable()


def main() -> None:
    """Import the module that the first argument names, and leave it the others."""
    gc.disable()
    spare()
    with without_compiler():
        module = importlib.import_module(sys.argv.pop(1))
    module.main()


if __name__ == "__main__":
    main()
