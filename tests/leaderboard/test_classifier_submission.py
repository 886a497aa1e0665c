"""Submissions of kind `classifier`: made as the manifest says, evaluated by the command line."""

import json
from pathlib import Path

import pytest

from benchmark.errors import SubmissionError
from benchmark.records import CLEAN
from benchmark.score import score
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.engine.wire import Job
from leaderboard.store import Store
from tests.boxes import plugin_of
from tests.leaderboard.commands import SUBMISSIONS, succeed

SOURCE = """
import torch
from benchmark.api import Classifier, Images, Logits


class Own(Classifier):
    def forward(self, x: Images) -> Logits:
        return x.flatten(2).mean(2)


class Loud(Own):
    randomized = True


class Neither(torch.nn.Module):
    pass
"""


def job(folder: Path, **given: object) -> Job:
    source = folder / "defense.py"
    source.write_text(SOURCE)
    fields = {
        "protocol": {},
        "beside": (),
        "source": str(source),
        "class_name": "Own",
        "kind": "classifier",
        "gradient": "exact",
        "randomized": False,
        "parameters": {},
        "device": "cpu",
        "precision": "fp32",
    }
    return Job(**(fields | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "purifier"}, "kind = 'purifier', but Own is a classifier; correct it"),
        ({"kind": "codec"}, "kind = 'codec', but Own is a classifier; correct it"),
        ({"class_name": "Loud"}, "randomized = false, but Loud.randomized is True"),
        ({"class_name": "Neither"}, "is no Defense, Codec or Classifier of the api"),
    ],
)
def test_a_class_that_is_not_what_the_manifest_says(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    with pytest.raises(SubmissionError, match=message):
        plugin_of(job(tmp_path, **given))
    assert type(plugin_of(job(tmp_path))).__name__ == "Own"


def test_the_vaccinated_ensemble_is_evaluated_and_shown(
    tiny_protocol: Path, tmp_path: Path
) -> None:
    """In the place of mini-resnet: transfer from it leaves more than its own gradient does."""
    db = tmp_path / "r.db"
    call = ("evaluate", SUBMISSIONS / "vaccinated-ensemble", "--variant", "jpeg")
    succeed(*call, "--protocol", tiny_protocol, "--db", db, "--workers", 1, "--limit", 3)
    (listed,) = json.loads(succeed("runs", "--json", "--db", db))
    assert (listed["entry"], listed["status"]) == ("vaccinated-ensemble/jpeg", "completed")
    run = Store(str(db)).run(1)
    assert run.header.kind == "classifier"
    assert {cell.estimator for cell in run.header.cells} == {None, "bare", "surrogate", "identity"}
    assert {outcome.bits for outcome in run.outcomes} == {None}
    assert all(outcome.correct for outcome in run.outcomes if outcome.cell == CLEAN)
    found = score(run, "mini-resnet")
    at_4 = found.at(ThreatModel(Norm.LINF, 4))
    assert at_4 is not None
    left = {access: interval.estimate for access, interval in at_4.by_access.items()}
    assert left[Access.WHITE_BOX] <= left[Access.TRANSFER]
    assert left[Access.WHITE_BOX] <= 1 / 3
    succeed("render", "--db", db, "--out", tmp_path / "site")
    (entry,) = (tmp_path / "site" / "entries" / "vaccinated-ensemble").iterdir()
    assert "Vaccinated ensemble, a classifier; settings: compressed = True" in entry.read_text()
