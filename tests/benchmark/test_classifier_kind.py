"""Submissions that classify by themselves: judged, attacked and probed in the protocol's place."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmark import classifiers
from benchmark.challenge import challenge_cell, judge_pictures
from benchmark.classifiers import LoadedClassifier
from benchmark.contract import check_logits
from benchmark.datasets import Sample
from benchmark.defense import Classifier, Defense, Plugin
from benchmark.draws import seeded
from benchmark.errors import ContractError
from benchmark.estimators import ESTIMATORS, admitted
from benchmark.evaluate import Declared, Harness
from benchmark.flags import raised
from benchmark.protocol import ClassifierSpec, Protocol
from benchmark.records import CLEAN, Outcome, Shard, ShardResult
from benchmark.replacement import Replacement, behind, placed
from benchmark.tensors import Images, Logits
from benchmark.threat import Norm, ThreatModel
from tests.benchmark.test_flags import run_of

X = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
W = torch.randn(5, 3 * 8 * 8, generator=torch.Generator().manual_seed(1))


class Linear(Classifier):
    """Five logits, linear in the pixels; says that their slope is twice as large."""

    def forward(self, x: Images) -> Logits:
        return x.flatten(1) @ W.T

    def surrogate(self, x: Images) -> Logits:
        return 2 * self.forward(x)


class Rounding(Linear):
    """The same of pictures in few grey levels."""

    def forward(self, x: Images) -> Logits:
        return super().forward((x * 7).round() / 7)


def other(x: Images) -> Logits:
    """The protocol's classifier, of the labels 4, 0 and 2."""
    return -3 * x.flatten(1) @ W[[4, 0, 2]].T


def slope(estimator: str, classifier: Classifier) -> Tensor:
    """Gradient of the second logit, which stands for label 0."""
    replacement = Replacement(classifier, other, (4, 0, 2))
    x = X.clone().requires_grad_()
    with seeded(0):
        logits = ESTIMATORS[estimator](replacement)(x)
    torch.testing.assert_close(logits, classifier.forward(X)[:, [4, 0, 2]])
    (found,) = torch.autograd.grad(logits[:, 1].sum(), x)
    return found


@pytest.mark.parametrize(
    ("estimator", "made", "times"),
    [
        ("exact", Linear, 1),
        ("surrogate", Linear, 2),
        ("identity", Linear, -3),
        ("exact", Rounding, 0),
        ("straight-through", Rounding, 1),
        ("noise", Rounding, 1),
    ],
)
def test_every_estimator_has_the_logits_and_its_own_slope(
    estimator: str, made: type[Classifier], times: float
) -> None:
    expected = times * W[0].view(1, 3, 8, 8).expand_as(X)
    torch.testing.assert_close(slope(estimator, made()), expected)


def test_which_estimators_a_classifier_admits() -> None:
    """Without a gradient of its own it is followed along that of the classifier it replaces."""
    assert admitted(Linear(), "exact", X) == ("exact", "identity")
    assert admitted(Linear(), "surrogate", X) == ("surrogate", "identity")
    assert admitted(Linear(), "none", X) == ("identity",)
    assert admitted(Rounding(), "exact", X) == ("exact", "straight-through", "noise", "identity")
    with pytest.raises(TypeError, match="Linear replaces no classifier"):
        ESTIMATORS["identity"](Linear())


def test_what_stands_before_a_classifier_stays_there() -> None:
    class Same(Defense):
        def forward(self, x: Images) -> Images:
            return x

    same = Same()
    assert placed(same, other, (0, 1)) is same
    assert behind(same, other) is other
    replacement = placed(Linear(), other, (4, 0, 2))
    logits = replacement.forward(X)
    assert behind(replacement, other)(logits) is logits


def test_a_class_without_methods_says_so() -> None:
    with pytest.raises(ContractError, match="Classifier must define forward"):
        Classifier().surrogate(X)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(2, 4), r"returned shape \(2, 4\), expected \(2, k\): .* largest here is 4"),
        (torch.zeros(3, 5), r"returned shape \(3, 5\), expected \(2, k\)"),
        (torch.zeros(2, 5, 1), r"returned shape \(2, 5, 1\)"),
        (torch.zeros(2, 5, dtype=torch.int64), r"returned torch\.int64, expected floats"),
        (torch.full((2, 5), torch.nan), "logits that are not finite"),
        ([0.0], "returned list, expected a tensor"),
    ],
)
def test_what_a_classifier_may_not_return(given: object, message: str) -> None:
    with pytest.raises(ContractError, match=f"C.forward returned .*{message}|{message}"):
        check_logits(given, 2, 5, "C.forward")
    logits = torch.zeros(2, 6)
    assert check_logits(logits, 2, 5, "C.forward") is logits


Made = Callable[..., Harness]
SHARD = Shard("mini-resnet", 0, 3)


@pytest.fixture
def harness(
    protocol: Protocol, sample: Sample, mini_resnet: LoadedClassifier, tmp_path: Path
) -> Made:
    def make(
        made: Callable[[], Plugin],
        gradient: str = "exact",
        *,
        randomized: bool = False,
        classifier: LoadedClassifier = mini_resnet,
        precision: str = "fp32",
    ) -> Harness:
        loaded, declared = {"mini-resnet": classifier}, Declared(gradient, randomized)
        return Harness(protocol, sample, loaded, made, declared, tmp_path, precision=precision)

    return make


class Same(Classifier):
    """The protocol's own classifier, handed in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.model(x)
        return logits


class Identity(Defense):
    def forward(self, x: Images) -> Images:
        return x


def of_cell(result: ShardResult, cell: str) -> list[Outcome]:
    return [outcome for outcome in result.outcomes if outcome.cell == cell]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_protocols_own_classifier_handed_in_is_no_defense(
    harness: Made, mini_resnet: LoadedClassifier, precision: str
) -> None:
    """Its figures are those of the identity before it: outcome by outcome where nothing differs."""
    own = harness(lambda: Same(mini_resnet.model), precision=precision)
    bare = harness(Identity, precision=precision)
    assert own.cells == bare.cells
    found, expected = own.evaluate(SHARD), bare.evaluate(SHARD)
    for cell in (CLEAN, "transfer/pgd-5/linf-4/bare"):
        assert of_cell(found, cell) == of_cell(expected, cell)
    for cell in own.cells[2:]:
        ours, theirs = of_cell(found, cell.name), of_cell(expected, cell.name)
        if precision == "fp32" or cell.attack == "pgd":  # one step in bf16 is another one
            assert [o.correct for o in ours] == [o.correct for o in theirs], cell.name
    assert all(o.gradient_steps > 0 for o in of_cell(found, "white-box/fgsm-1/linf-4/identity"))
    assert {o.bits for o in found.outcomes} == {None}


def test_the_classes_are_those_of_the_replaced_classifier(
    harness: Made, mini_resnet: LoadedClassifier
) -> None:
    """Its logits in another order: a submission gives one for each label, whatever the order."""
    spec = ClassifierSpec(
        name="mini-resnet",
        source="bundled",
        architecture="mini-resnet",
        classes=tuple(reversed(range(10))),
    )
    turned = classifiers.load(spec)
    found = harness(lambda: Same(mini_resnet.model), classifier=turned).evaluate(SHARD)
    expected = harness(Identity, classifier=turned).evaluate(SHARD)
    assert of_cell(found, CLEAN) == of_cell(expected, CLEAN)
    assert all(outcome.correct for outcome in of_cell(found, CLEAN))


def test_a_constant_answer_is_never_broken(harness: Made, sample: Sample) -> None:
    class Constant(Classifier):
        def forward(self, x: Images) -> Logits:
            return torch.eye(10)[torch.zeros(len(x), dtype=torch.int64)] + 0 * x.sum()

    result = harness(Constant).evaluate(SHARD)
    right = {sample.pictures.ids[i] for i in range(3) if (sample.pictures.labels or ())[i] == 0}
    assert {o.image for o in result.outcomes if o.correct} == right


def test_the_judge_has_an_instance_of_its_own_and_times_it(
    harness: Made, mini_resnet: LoadedClassifier
) -> None:
    class Slow(Same):
        made: list["Slow"] = []  # noqa: RUF012 (the test reads it)

        def __init__(self) -> None:
            super().__init__(mini_resnet.model)
            self.with_gradient = 0
            self.made.append(self)

        def forward(self, x: Images) -> Logits:
            self.with_gradient += torch.is_grad_enabled()
            time.sleep(0.02)
            return super().forward(x)

    result = harness(Slow).evaluate(SHARD)
    attacked, judging, scoring = Slow.made
    assert attacked.with_gradient > 0
    assert judging.with_gradient == 0
    assert scoring.with_gradient == 0
    assert result.defense_seconds >= 0.02


def test_a_randomized_classifier_is_judged_on_many_draws(
    harness: Made, mini_resnet: LoadedClassifier
) -> None:
    class Noisy(Same):
        randomized = True

        def forward(self, x: Images) -> Logits:
            return super().forward((x + 0.02 * torch.randn_like(x)).clamp(0, 1))

    made = harness(lambda: Noisy(mini_resnet.model), randomized=True)
    first, second = made.evaluate(SHARD), made.evaluate(SHARD)
    assert {outcome.draws for outcome in first.outcomes} == {20}
    assert first.outcomes == second.outcomes
    assert "randomness_max" not in first.diagnostics


def test_logits_that_do_not_fit_stop_the_run(harness: Made) -> None:
    class Few(Classifier):
        def forward(self, x: Images) -> Logits:
            return x.flatten(2).mean(2)

    with pytest.raises(ContractError, match=r"Few.forward returned shape \(3, 3\), expected \(3"):
        harness(Few).evaluate(SHARD)


def flags_of(result: ShardResult) -> set[str]:
    kept = ShardResult(Shard("c", 0, 3), (), 0.0, 0.0, result.diagnostics)
    return {flag.name for flag in raised(run_of(results=(kept,)), "c")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("honest", set()),
        ("votes", {"zero-gradient"}),
        ("noise", {"undeclared-randomness"}),
        ("counting", {"stateful"}),
    ],
)
def test_a_classifier_is_probed(
    harness: Made, mini_resnet: LoadedClassifier, name: str, expected: set[str]
) -> None:
    class Probed(Same):
        calls = 0

        def forward(self, x: Images) -> Logits:
            self.calls += 1
            logits = super().forward(x)
            if name == "votes":
                return torch.eye(10)[logits.argmax(1)] + 0 * logits
            if name == "noise":
                return logits + torch.randn_like(logits)
            return logits.flip(1) if name == "counting" and self.calls > 3 else logits

    result = harness(lambda: Probed(mini_resnet.model)).evaluate(SHARD)
    assert flags_of(result) == expected, result.diagnostics
    assert result.diagnostics["motion_images"] == 3 * (name != "counting")


def test_pictures_handed_in_are_judged_by_the_submission(
    harness: Made, mini_resnet: LoadedClassifier
) -> None:
    made = harness(lambda: Same(mini_resnet.model))
    batch = made.batch("mini-resnet", range(2))
    pixels = batch.pixels.clone()
    pixels[0, 0, 0, 0] ^= 1
    cell = challenge_cell(ThreatModel(Norm.LINF, 4), "0" * 64)
    judged = judge_pictures(made, "mini-resnet", cell, range(2), pixels)
    assert [outcome.correct for outcome in judged.outcomes] == [True]
    assert judged.unchanged == (batch.ids[1],)
