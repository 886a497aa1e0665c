"""An unexpected error of a submission in one sentence, with the line that is to be looked at."""

import traceback
from pathlib import Path

from leaderboard.sandbox.loading import MODULE

MOST = 300


def blame(problem: BaseException) -> str:
    """What was raised, at the submission's innermost line; at the innermost of all if it has none.

    The libraries below a submission raise what its author did, at a line that the author never saw.
    """
    frames = [
        (frame.f_globals.get("__name__", ""), frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(problem.__traceback__)
    ]
    own = [found for found in frames if str(found[0]).startswith(MODULE)] or frames
    where = f" at {Path(own[-1][1]).name}:{own[-1][2]}" if own else ""
    said = " ".join(str(problem).split())[:MOST]
    return (
        f"{type(problem).__name__}{where}: {said}" if said else f"{type(problem).__name__}{where}"
    )
