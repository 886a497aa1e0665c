"""What this machine has, what it lacks for each part, and the remedy."""

from leaderboard.doctor.examine import ASKED, GROUPS, datasets, examine

__all__ = ["ASKED", "GROUPS", "datasets", "examine"]
