"""Real ImageNet photographs and pretrained classifiers, through the command line, end to end."""

from pathlib import Path

import pytest
import torch

from benchmark import classifiers, datasets
from benchmark import protocol as protocols
from benchmark.batches import batch_of
from benchmark.defense import Defense
from benchmark.flags import raised
from benchmark.judge import Judge
from benchmark.places import DATA_VARIABLE
from benchmark.records import Run
from benchmark.score import Score, score
from benchmark.tensors import Images
from benchmark.threat import Access, Norm, ThreatModel
from leaderboard.store import Store
from tests.leaderboard.commands import SUBMISSIONS, succeed

HERE = Path(__file__).parent
K4 = ThreatModel(Norm.LINF, 4)
BATCH = 50


class Undefended(Defense):
    def forward(self, x: Images) -> Images:
        return x


def evaluated(submission: str, protocol: str, db: Path, data: Path, *options: object) -> Run:
    call = ("evaluate", SUBMISSIONS / submission, "--protocol", HERE / protocol, "--db", db)
    succeed(*call, *options, SQUEEZEBENCH_DATA=str(data))
    store = Store(str(db))
    return store.run(store.runs()[-1].id)


@pytest.mark.real
@pytest.mark.parametrize(("name", "published"), [("deit-tiny", 0.808), ("mobilenetv2", 0.789)])
def test_clean_accuracy_is_the_published_one(
    real_folder: Path, name: str, published: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Top-1 of the folder's README, within 0.3 points, judged over all 1,300 photographs.

    The judge alone, for a run would judge every picture four times.
    """
    monkeypatch.setenv(DATA_VARIABLE, str(real_folder))
    protocol = protocols.load(str(HERE / "clean.toml"))
    (spec,) = [one for one in protocol.classifiers if one.name == name]
    loaded = classifiers.load(spec, [], torch.device("cpu"))
    sample = datasets.fingerprinted(datasets.find(protocol.dataset))
    judge, n, right = Judge(loaded.model, Undefended()), len(sample.pictures), 0
    for start in range(0, n, BATCH):
        batch = batch_of(sample, loaded, range(start, min(start + BATCH, n)))
        right += int(judge(batch.pixels, batch.y).draws_correct.sum())
    assert n == 1300
    assert right / n == pytest.approx(published, abs=0.003)


def at_k4(found: Score, access: Access) -> float:
    robustness = found.at(K4)
    assert robustness is not None
    return robustness.by_access[access].estimate


@pytest.mark.real
def test_jpeg_helps_under_transfer_and_falls_under_white_box(
    real_folder: Path, tmp_path: Path
) -> None:
    """At k = 4, over 20 of the 200 photographs of the published table; its page says so."""
    db = tmp_path / "r.db"
    run = evaluated("jpeg", "short.toml", db, real_folder, "--variant", "q25", "--limit", 20)
    for record in run.header.classifiers:
        found = score(run, record.name)
        assert found.clean.estimate >= 0.5
        assert at_k4(found, Access.WHITE_BOX) < 0.1
        assert at_k4(found, Access.TRANSFER) >= at_k4(found, Access.WHITE_BOX) + 0.1
        assert found.bits_per_pixel is not None
        assert 0.4 < found.bits_per_pixel.estimate < 1.5

    succeed("render", "--db", db, "--out", tmp_path / "site")
    (board,) = (tmp_path / "site" / "boards").iterdir()
    text = board.read_text()
    assert "limited to 20 of 200 images" in text
    assert "mobilenetv2" in text


@pytest.mark.real
def test_ten_fold_jpeg_is_gradient_masking_and_flagged(real_folder: Path, tmp_path: Path) -> None:
    """Its own (polynomial) gradient leaves most photographs, the suite next to none."""
    options = ("--variant", "q25x10", "--limit", 12)
    run = evaluated("sequential-jpeg", "short.toml", tmp_path / "r.db", real_folder, *options)
    for record in run.header.classifiers:
        found = score(run, record.name)
        alone = {c.cell.name: c.accuracy.estimate for c in found.cells}
        own = alone["white-box/pgd-10/linf-4/surrogate"]
        assert own >= 0.4 * found.clean.estimate
        assert at_k4(found, Access.WHITE_BOX) <= 0.1
        names = [flag.name for flag in raised(run, record.name)]
        assert "incoherent-gradient" in names
