"""What a submission says of itself, from its manifest; all of it is a stranger's text."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import SubmissionError
from leaderboard.submission import Manifest, load

SUBMISSIONS = Path(__file__).parents[2] / "submissions"


@dataclass(frozen=True)
class About:
    """The manifest as an entry's page shows it; empty for a submission that is not at hand.

    `hash` is that of the folder now; a run's own may be that of an older version.
    """

    hash: str = ""
    version: str = ""
    authors: tuple[str, ...] = ()
    license: str = ""
    paper: str = ""
    url: str = ""
    gradient: str = ""
    learned: bool = False
    randomized: bool = False
    notes: tuple[str, ...] = ()


UNKNOWN = About()


def about_all(folder: Path = SUBMISSIONS) -> dict[str, About]:
    """The readable submissions in `folder`, by name; a broken one is as if it were not there."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not path.is_dir():
            continue
        try:
            submission = load(path)
        except SubmissionError:
            continue
        found[submission.manifest.name] = _about(submission.manifest, submission.hash)
    return found


def _about(manifest: Manifest, hashed: str) -> About:
    return About(
        hash=hashed,
        version=manifest.version,
        authors=manifest.authors,
        license=manifest.license,
        paper=manifest.paper or "",
        url=manifest.url or "",
        gradient=manifest.defense.gradient,
        learned=manifest.defense.learned,
        randomized=manifest.defense.randomized,
        notes=tuple(note.text for note in manifest.notes),
    )
