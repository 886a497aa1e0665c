"""Flags: named signs that a figure may be wrong, derived from what a run stores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmark.flags import outcomes, probed
from benchmark.flags.evidence import Evidence, evidence_of
from benchmark.records import Run


@dataclass(frozen=True)
class Flag:
    """When a flag is raised and what it means, for readers, and the rule that says so."""

    raised_if: str
    means: str
    rule: Callable[[Evidence], str | None]


@dataclass(frozen=True)
class Raised:
    """A flag that a run raised, and a sentence with the figures that did."""

    name: str
    evidence: str


def raised(run: Run, classifier: str) -> tuple[Raised, ...]:
    """The flags of `run` before `classifier`, in the order of `FLAGS`."""
    evidence = evidence_of(run, classifier)
    found = [(name, flag.rule(evidence)) for name, flag in FLAGS.items()]
    return tuple(Raised(name, sentence) for name, sentence in found if sentence)


def _incoherent(evidence: Evidence) -> str | None:
    found = (outcomes.incoherent_gradient(evidence), probed.contradicted_gradient(evidence))
    return " ".join(sentence for sentence in found if sentence) or None


FLAGS: Mapping[str, Flag] = {
    "black-box-beats-white-box": Flag(
        "At some radius fewer pictures stand under all transfer attacks, or under all query "
        "attacks, than under all white-box and EOT attacks together, by more than two standard "
        "errors of the paired difference over the pictures that both attacked.",
        "Who knows the defense should find at least what is found without knowing it. If not, the "
        "white-box attacks are misled, most often by a masked gradient, and their figure is too "
        "high. The worst case counts every attack, but it too may fall under a better one.",
        outcomes.black_box_beats_white_box,
    ),
    "zero-gradient": Flag(
        "The gradient that the submission declares is exactly zero for at least one picture that "
        "is right without attack.",
        "An attack that follows this gradient stands still on such a picture. Only the other "
        "estimators and the query attacks say something about it.",
        probed.zero_gradient,
    ),
    "incoherent-gradient": Flag(
        "With the same attacks, at some radius, another estimator leaves fewer pictures than the "
        "declared gradient (surrogate, else exact), by at least 5 points and more than two paired "
        "standard errors. Or: a step of 2/255 along the declared gradient raises the loss of the "
        "real defended model more than the opposite step for so few pictures that, with 95 % "
        "confidence, it does for less than 80 % of them. A useless gradient has 50 %.",
        "The declared gradient points elsewhere than the loss. Figures that rest on it alone are "
        "too high; published robustness of repeated JPEG was of this kind.",
        _incoherent,
    ),
    "not-monotone-in-eps": Flag(
        "The same attack leaves more pictures at a larger radius than at a smaller one, by more "
        "than two paired standard errors.",
        "The larger ball contains the smaller one, so the attack fails to use its room, or the "
        "defense acts only on large changes. White-box attacks keep what a smaller radius broke, "
        "so this shows mainly under transfer.",
        outcomes.not_monotone,
    ),
    "not-zero-at-large-eps": Flag(
        "At the largest L-inf radius of 64/255 or more, the accuracy under every attack up to it "
        "is above guessing (1 / classes): the lower end of its 95 % interval is.",
        "Within 64 grey levels nearly every picture can be turned into another. What stands there "
        "stands because the attack fails, not because the defense holds; smaller radii are then "
        "in doubt too.",
        outcomes.not_zero_at_large_eps,
    ),
    "not-converged": Flag(
        "An attack ran twice, once with at least twice the steps or queries, and without its long "
        "runs the worst case over the whole suite would be higher by more than the half-width of "
        "its 95 % interval.",
        "More effort still finds more. The figure is an upper bound that a longer attack will "
        "lower.",
        outcomes.not_converged,
    ),
    "undeclared-randomness": Flag(
        "Two immediate calls on the same pictures differ by more than 0.0001 (a fortieth of a grey "
        "level; of a classifier that is submitted, the probability of a class) somewhere, and the "
        "defense does not say that it is randomized.",
        "Chance stands in for robustness: attacks without averaging (EOT) follow noise, and one "
        "judgment of each picture is one draw.",
        probed.undeclared_randomness,
    ),
    "stateful": Flag(
        "A picture's logits change by more than 1 % of their spread when it is asked again after "
        "all attacks, one by one, in reversed order; or when a second instance, whose answers are "
        "the ones that count, is asked about all attacked pictures in a secret order; or when the "
        "instance that was attacked is asked about some of these. Not asked of randomized "
        "defenses; not raised where two immediate calls differ already.",
        "The answer depends on what was asked before or on the other pictures of the batch. Such "
        "a defense can recognize its judge, and its figures depend on the order of work.",
        probed.stateful,
    ),
    "memorises": Flag(
        "Of the pictures right with and without the defense, a horizontal flip or a shift by 2 "
        "pixels turns wrong at least 40 points (and more than two paired standard errors) more "
        "with the defense than without.",
        "The defense knows these very pictures, not pictures like them. Its figures say nothing of "
        "others.",
        probed.memorises,
    ),
    "surrogate-mismatch": Flag(
        "On clean pictures the declared surrogate is further from the defense than the unchanged "
        "picture is, and by more than 4 grey levels root mean square.",
        "The stand-in is a stand-in of something else, so its gradient says little about this "
        "defense.",
        probed.surrogate_mismatch,
    ),
    "rate-mismatch": Flag(
        "The bits that the codec's likelihood model estimates are more than 10 % away from those "
        "of its real streams, over the clean pictures.",
        "Rates and rate attacks that rest on the likelihood are about another codec than the one "
        "whose bytes are counted.",
        probed.rate_mismatch,
    ),
    "decode-failures": Flag(
        "At least one picture, clean or attacked, did not come back from the stream that the codec "
        "made of it.",
        "The codec is not one that could be used. Pictures that failed count as wrong answers, not "
        "as missing ones.",
        probed.decode_failures,
    ),
}
