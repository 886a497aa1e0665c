"""The probes on defenses that cheat, each of which raises its flag, and on honest ones: none."""

import hashlib
from collections.abc import Callable

import pytest
import torch

from benchmark.batches import Batch, batch_of
from benchmark.classifiers import LoadedClassifier
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.sequential import Sequential
from benchmark.datasets import find, fingerprinted
from benchmark.defense import Defense
from benchmark.draws import seeded
from benchmark.errors import ContractError
from benchmark.flags import raised
from benchmark.geometry import from_bytes, to_bytes
from benchmark.gradients import blurred_round
from benchmark.judge import Judge
from benchmark.probes import Subject, probe
from benchmark.protocol import DatasetSpec
from benchmark.records import Shard, ShardResult
from benchmark.tensors import Images, PerImage
from tests.benchmark.test_flags import run_of

N = 20


@pytest.fixture(scope="module")
def batch(mini_resnet: LoadedClassifier) -> Batch:
    sample = fingerprinted(find(DatasetSpec(name="shapes", sample=48)))
    return batch_of(sample, mini_resnet, range(48))


Probed = Callable[..., dict[str, float]]


@pytest.fixture
def probed(mini_resnet: LoadedClassifier, batch: Batch) -> Probed:
    """Judge the clean pictures, attack a little, probe: what the harness does with a shard."""

    def run(make: Callable[[], Defense], gradient: str, n: int = N) -> dict[str, float]:
        some = batch.first(n)
        attacked, judging = make().eval(), make().eval()
        draws = 20 if judging.randomized else 1
        verdict = Judge(mini_resnet.model, judging, draws)(some.pixels, some.y)
        x = from_bytes(some.pixels)
        with seeded("attack"):
            for _ in range(5):
                attacked.forward(x)
        model, logits = mini_resnet.model, verdict.logits
        subject = Subject(model, attacked, judging, x, some.y, logits, model)
        return probe(subject, gradient=gradient, randomized=judging.randomized)

    return run


def flags_of(diagnostics: dict[str, float]) -> set[str]:
    result = ShardResult(Shard("c", 0, N), (), 0.0, 0.0, diagnostics)
    return {flag.name for flag in raised(run_of(results=(result,)), "c")}


class Identity(Defense):
    def forward(self, x: Images) -> Images:
        return x


class BitDepth(Defense):
    def forward(self, x: Images) -> Images:
        return (x * 7).round() / 7

    def surrogate(self, x: Images) -> Images:
        return blurred_round(x * 7) / 7


class Blur(Defense):
    def forward(self, x: Images) -> Images:
        x = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect")
        return torch.nn.functional.avg_pool2d(x, 5, stride=1)


class Noisy(Defense):
    randomized = True

    def forward(self, x: Images) -> Images:
        return (x + 0.05 * torch.randn_like(x)).clamp(0, 1)


@pytest.mark.parametrize(
    ("make", "gradient"),
    [
        (Identity, "exact"),
        (Identity, "none"),
        (lambda: Jpeg(50), "surrogate"),
        (lambda: Jpeg(5), "surrogate"),
        (lambda: Sequential(Jpeg(25), 3), "surrogate"),
        (BitDepth, "surrogate"),
        (Blur, "exact"),
        (Noisy, "exact"),
    ],
)
def test_honest_defenses_raise_nothing(
    probed: Probed, make: Callable[[], Defense], gradient: str
) -> None:
    diagnostics = probed(make, gradient)
    assert flags_of(diagnostics) == set(), diagnostics
    assert diagnostics["probed_images"] == N
    assert ("gradient_images" in diagnostics) == (gradient != "none")
    assert ("randomness_max" in diagnostics) == (not make().randomized)


def test_what_is_measured_of_the_identity(probed: Probed) -> None:
    found = probed(Identity, "exact")
    assert found["probed_right"] == found["gradient_images"] == found["motion_images"] > N / 2
    assert found["gradient_zero"] == found["gradient_falls"] == 0
    assert found["gradient_rises"] == found["gradient_images"]
    assert (found["randomness_max"], found["stateful_images"]) == (0, 0)
    assert found["flip_lost_defended"] == found["flip_lost_bare"] == found["flip_lost_both"]


def test_nothing_is_drawn_from_the_global_generators(probed: Probed) -> None:
    before = torch.get_rng_state()
    first = probed(Noisy, "exact")
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert probed(Noisy, "exact") == first


class Detached(Defense):
    def forward(self, x: Images) -> Images:
        return x.detach()


class Rounding(Defense):
    def forward(self, x: Images) -> Images:
        return (x * 31).round() / 31


@pytest.mark.parametrize("killer", [Detached, Rounding])
def test_a_gradient_killer(probed: Probed, killer: type[Defense]) -> None:
    found = probed(killer, "exact")
    assert found["gradient_zero"] == found["gradient_images"] > 0
    assert flags_of(found) == {"zero-gradient"}


def test_a_surrogate_that_points_the_other_way(probed: Probed) -> None:
    class Inverted(Blur):
        def surrogate(self, x: Images) -> Images:
            return 1 - self.forward(x)

    assert flags_of(probed(Inverted, "surrogate")) == {"incoherent-gradient", "surrogate-mismatch"}


def test_noise_without_saying_so(probed: Probed) -> None:
    class Silent(Noisy):
        randomized = False

    found = probed(Silent, "exact")
    assert found["randomness_max"] > 0.1
    assert flags_of(found) == {"undeclared-randomness"}


class Counting(Defense):
    """Blurs once it has been asked often enough."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.calls, self.patience = 0, patience

    def forward(self, x: Images) -> Images:
        self.calls += 1
        return x if self.calls <= self.patience else Blur()(x)


@pytest.mark.parametrize("patience", [3, 5, 10])
def test_a_defense_that_counts_calls(probed: Probed, patience: int) -> None:
    """Whether the judging instance loses patience or the attacked one, which is asked more."""
    assert "stateful" in flags_of(probed(lambda: Counting(patience), "exact"))


def test_a_patient_counter_is_not_flagged(probed: Probed) -> None:
    assert flags_of(probed(lambda: Counting(10**6), "exact")) == set()


def test_a_defense_that_looks_at_the_rest_of_the_batch(probed: Probed) -> None:
    class Company(Defense):
        def forward(self, x: Images) -> Images:
            return (0.5 * x + 0.5 * x.mean(0, keepdim=True)).clamp(0, 1)

    assert flags_of(probed(Company, "exact")) == {"stateful"}


def test_a_codec_whose_forward_is_not_its_streams(probed: Probed) -> None:
    """What attacks ask is not what the judge asks."""

    class TwoFaced(Jpeg):
        def forward(self, x: Images) -> Images:
            return 1 - super().forward(x)

    assert "stateful" in flags_of(probed(lambda: TwoFaced(50), "surrogate"))


def test_a_defense_that_knows_the_pictures(probed: Probed, batch: Batch) -> None:
    known = {hashlib.sha256(one.numpy().tobytes()).digest() for one in batch.pixels}

    class Hashing(Defense):
        """Gives pictures that it has seen as they are, and of others next to nothing."""

        def forward(self, x: Images) -> Images:
            bytes_of = [hashlib.sha256(one.numpy().tobytes()).digest() for one in to_bytes(x)]
            seen = torch.tensor([one in known for one in bytes_of]).view(-1, 1, 1, 1)
            return torch.where(seen, x, (2 * x).round() / 2 * 0.2)

    found = probed(Hashing, "none")
    assert flags_of(found) == {"memorises"}


def test_a_defense_that_remembers_the_nearest_picture(probed: Probed, batch: Batch) -> None:
    """It undoes every small attack, and has no gradient: zero, not incoherent."""
    stored = from_bytes(batch.pixels)

    class Nearest(Defense):
        def forward(self, x: Images) -> Images:
            nearest = torch.cdist(x.flatten(1), stored.flatten(1)).argmin(1)
            return stored[nearest]

    assert flags_of(probed(Nearest, "exact")) == {"memorises", "zero-gradient"}


def test_a_surrogate_of_something_else(probed: Probed) -> None:
    class Elsewhere(Jpeg):
        def surrogate(self, x: Images) -> Images:
            return x.flip(2)

    assert "surrogate-mismatch" in flags_of(probed(lambda: Elsewhere(75), "surrogate"))


def test_the_identity_is_a_fair_surrogate(probed: Probed) -> None:
    class Plain(Jpeg):
        def surrogate(self, x: Images) -> Images:
            return x

    found = probed(lambda: Plain(5), "surrogate")
    assert found["surrogate_error"] == pytest.approx(found["identity_error"])
    assert "surrogate-mismatch" not in flags_of(found)


@pytest.mark.parametrize(("factor", "flags"), [(1.3, {"rate-mismatch"}), (1.05, set())])
def test_a_likelihood_that_is_off(probed: Probed, factor: float, flags: set[str]) -> None:
    class Estimated(Jpeg):
        def likelihood_bits(self, x: Images) -> PerImage:
            bits = [8 * len(stream) for stream in self.compress(x)]
            return factor * torch.tensor(bits, dtype=torch.float32)

    found = probed(lambda: Estimated(50), "surrogate")
    assert found["likelihood_bits"] == pytest.approx(factor * found["real_bits"], rel=1e-4)
    assert flags_of(found) == flags


def test_a_decoder_that_fails_on_attacked_pictures_is_probed_all_the_same(
    probed: Probed, batch: Batch
) -> None:
    clean = set(Jpeg(50).compress(from_bytes(batch.pixels)))

    class Fragile(Jpeg):
        def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
            if any(stream not in clean for stream in streams):
                raise ContractError("a symbol that no clean picture has")
            return super().decompress(streams, size)

    found = probed(lambda: Fragile(50), "surrogate")
    assert found["stateful_images"] == 0
    assert found["gradient_images"] > 0


def test_ten_rounds_of_jpeg_with_the_polynomial_surrogate(probed: Probed) -> None:
    """Its gradient is not zero, but hardly says which way to go; that of slope 1 does."""
    codec = Jpeg(25, rounding="polynomial")
    found = probed(lambda: Sequential(codec, 10), "surrogate", 48)
    assert found["gradient_zero"] == 0
    assert flags_of(found) == {"incoherent-gradient"}
    plain = Jpeg(25, rounding="straight-through")
    assert flags_of(probed(lambda: Sequential(plain, 10), "surrogate")) == set()
