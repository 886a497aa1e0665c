"""Submissions: a folder with `submission.toml` and `defense.py`, refused early and clearly."""

from leaderboard.submission.loading import SUBMISSIONS, Submission, load
from leaderboard.submission.manifest import MANIFEST, Claim, Manifest, Variant, WeightFile

__all__ = [
    "MANIFEST",
    "SUBMISSIONS",
    "Claim",
    "Manifest",
    "Submission",
    "Variant",
    "WeightFile",
    "load",
]
