"""Which pictures of a shard are kept: of a few images the clean one and the worst attacked ones."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from benchmark.codec_track.figures import inflation, psnr_loss
from benchmark.codec_track.judge import CodecJudge
from benchmark.gallery import picture
from benchmark.geometry import to_bytes
from benchmark.records import CLEAN, OUTPUT, SOURCE, Cell, CodecOutcome, Picture
from benchmark.score import inside
from benchmark.threat import Access, ThreatModel

Outcomes = Mapping[str, Mapping[str, CodecOutcome]]
"""Of each cell, of each image."""

Sources = Mapping[tuple[str, str], Tensor]
"""What was judged in bytes (3, h, w), by cell and image, of the images that are kept."""


def pictures(
    judge: CodecJudge,
    cells: Sequence[Cell],
    outcomes: Outcomes,
    sources: Sources,
    headline: ThreatModel,
    seed: int,
) -> Iterator[Picture]:
    """The clean picture of each image, those that cost and lose most, and what came back of them.

    Attacks are those inside the headline's ball. `seed` is the protocol's, so that the codec is
    shown in the first draw that counted.
    """
    attacks = [cell.name for cell in inside(cells, headline) if cell.access is not Access.NOISE]
    images = dict.fromkeys(image for _, image in sources)
    kept = {(CLEAN, image) for image in images}
    for image in images:
        for figure in (inflation, psnr_loss):
            found = {
                name: value
                for name in attacks
                if image in outcomes[name]
                and (value := figure(outcomes[name][image], outcomes[CLEAN][image])) is not None
            }
            if found:
                kept.add((max(found, key=found.__getitem__), image))
    for name, image in ((cell.name, image) for cell in cells for image in images):
        if (name, image) in kept:
            pixels = sources[name, image]
            yield picture(name, image, SOURCE, pixels)
            x_hat = judge.decoded(pixels, seed, name, image)
            if x_hat is not None:
                yield picture(name, image, OUTPUT, to_bytes(x_hat)[0])
