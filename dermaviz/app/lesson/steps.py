"""The eight steps of the lesson: each asks something that the class can guess, and answers it from evidence or live.

``STEPS`` is the registry: a row is a title, minutes, notes for the speaker, and a function that makes an :class:`Asked`. The page
and the printed sheet show the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import plotly.graph_objects as go

from dermaviz.app.case import Case, true_class, true_label
from dermaviz.app.checkpoints import audited, classifier, data_in_use
from dermaviz.app.home import story
from dermaviz.app.reports.results import read_page, table_of
from dermaviz.app.robustness.live import Attempt, Outcome, attempt, levels_words, smallest_flip
from dermaviz.app.sessions import TURN, remembered
from dermaviz.app.text import class_with_probability, escaped, escaped_message
from dermaviz.app.widgets.chart import size_words
from dermaviz.attention.localisation import overlay
from dermaviz.attention.methods import DEFAULT_METHOD, METHODS, AttentionMap
from dermaviz.errors import EvidenceError
from dermaviz.evidence.findings import Finding
from dermaviz.evidence.predictions import cannot_have
from dermaviz.evidence.store import audit_command
from dermaviz.images import RGB
from dermaviz.metrics.bootstrap import Estimate, exact_interval
from dermaviz.metrics.calibration import reliability
from dermaviz.plots.intervals import rows_figure
from dermaviz.plots.theme import percent, signed

SEED = 16
"""Decides where the real map and the changed photo stand, for each image anew."""
FOUND, OF = 8, 9
"""What a report found of the malignant lesions on darker skin, and of how many (Gupta et al., section 9)."""
_LEVELS, ALIKE = 255, 0.9


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels uint8 ``[S, S, 3]`` with a caption and an alternative text."""

    pixels: RGB
    caption: str
    alt: str


@dataclass(frozen=True, eq=False)
class Asked:
    """A question with its choices, the index of the right one (None: all are worth asking), and what is revealed.

    ``pictures`` are seen before the choice, ``after`` and ``chart`` with the ``answer``, which is Markdown.
    """

    question: str
    choices: tuple[str, ...]
    right: int | None
    answer: str
    pictures: tuple[Picture, ...] = ()
    after: tuple[Picture, ...] = ()
    chart: go.Figure | None = None


@dataclass(frozen=True)
class Step:
    """A step of the lesson: ``make`` gives what it asks of a case, on a page whose words have the colour ``ink``."""

    title: str
    minutes: int
    notes: str
    make: Callable[[Case, str | None], Asked]


def _finding(case: Case, key: str) -> Finding:
    """A finding of the model's story.

    Raises:
        EvidenceError: the model has no evidence for it; the message has the command that makes it.
    """
    found = next(one for one in story(case.checkpoint) if one.key == key)
    if isinstance(found, Finding):
        return found
    raise EvidenceError(f"This step needs evidence that the model does not have yet. {found.next_step}")


def _told(case: Case, key: str) -> Finding | None:
    """The same finding where there is one, for a step that does without it."""
    try:
        return _finding(case, key)
    except EvidenceError:
        return None


def _photo(case: Case, caption: str = "") -> Picture:
    return Picture(
        case.answer.prepared,
        caption or f"What the model sees {size_words(case.answer.prepared)}",
        f"Model input of {case.photo.name}",
    )


def _diagnosis(case: Case, ink: str | None) -> Asked:
    card, names, answer = case.card, case.card.words, case.answer
    truth, label = true_class(case.photo, case), true_label(case.photo, case)
    order = np.argsort(-answer.probabilities)
    offered = list(dict.fromkeys(card.classes[i] for i in order[:3])) + ([truth] if truth else [])
    choices = sorted(dict.fromkeys(names[name] for name in offered))
    said = f"The model says **{class_with_probability(card, answer)}**."
    known = " Nobody has told us the true diagnosis."
    if truth:
        known = f" The true diagnosis is **{escaped(names[truth])}**."
    elif label:
        known = f" The true diagnosis, **{escaped(card.called(label))}**, is none of the model's classes."
    asked = Asked(
        "What does this photo show? Choose before you see what the model says.",
        tuple(choices),
        None if label and not truth else choices.index(names[truth or answer.diagnosis]),
        said + known,
        (_photo(case),),
    )
    try:
        images = audited(case.checkpoint)
    except EvidenceError:
        return asked
    bins = reliability(images.labels, images.probabilities)
    row = bins[(bins["low"] <= answer.confidence) & (answer.confidence <= bins["high"])].iloc[-1]
    if not row["n"]:
        return asked
    share = Estimate.of(row, "accuracy").text(percent)
    sure = f" Of the {int(row['n']):,} test images on which it is about as sure, {share} are right."
    return replace(asked, answer=asked.answer + sure)


def _map(case: Case, ink: str | None) -> Asked:
    found = _finding(case, "says")
    rows = found.table.set_index("label")["value"]
    name = next((label for label in rows.index if "centre spot" in label), "")
    if not name:
        of = data_in_use(case.checkpoint)
        raise EvidenceError(
            cannot_have(case.card, "attention")
            or f"This step needs the table attention: `{audit_command(case.checkpoint.folder, of, 'attention')}`."
        )
    share, cuts = float(rows[name]), (0.5, 0.75)
    laid = Picture(
        overlay(case.answer.prepared, case.attention(), 0.6),
        f"{METHODS[DEFAULT_METHOD].label} for {class_with_probability(case.card, case.answer)}",
        "The attention map of the answer laid over the photo",
    )
    return Asked(
        "In how many test images does the attention map fit the lesion better than a centre spot?",
        ("fewer than half", "half to three in four", "more than three in four"),
        sum(share > cut for cut in cuts),
        f"In **{percent(share)}** of them. {escaped(found.detail)}",
        (_photo(case),),
        (laid,),
        found.chart(ink),
    )


def _drill(case: Case, ink: str | None) -> Asked:
    answer = case.answer
    other = int(np.argsort(-answer.probabilities)[1])
    real = case.attention()
    maps = {
        "the real map": real,
        "the map of random weights": _of_random_weights(case),
        "a spot at random": _spot(case, real),
        f"the map for {case.card.words[case.card.classes[other]]}": case.attention(other),
    }
    names = list(maps)
    order = _shuffled(case, names)
    letters = "ABCD"
    laid = [overlay(answer.prepared, maps[name], 0.6) for name in order]
    told, same = _told(case, "map"), _correlation(real, maps[names[-1]])
    alike = f" The map for the other class is nearly the same (correlation {same:.2f})." if same > ALIKE else ""
    return Asked(
        "One of these four is the map of the answer. Which one?",
        tuple(letters[: len(order)]),
        order.index("the real map"),
        "; ".join(f"**{letter}** is {escaped(name)}" for letter, name in zip(letters, order, strict=True))
        + f".{alike}{f' {escaped(told.sentence)}' if told else ''}",
        tuple(
            Picture(pixels, letter, f"Map {letter} laid over the photo")
            for letter, pixels in zip(letters, laid, strict=True)
        ),
    )


@remembered(max_entries=64, show_spinner="Giving the network random weights …")
def _of_random_weights(case: Case) -> AttentionMap:
    """The map of the answer's class from a network of the same form that has learnt nothing."""
    from dermaviz.attention.faithfulness import randomised
    from dermaviz.attention.maps import explain

    with TURN:
        model = classifier(case.checkpoint)
        for _, one in randomised(model, SEED):
            random_model = one  # the last one has no weight left
        return explain(random_model, model.to_tensor([case.answer.prepared]), case.answer.index)[0]


def _spot(case: Case, like: AttentionMap) -> AttentionMap:
    """A round spot somewhere, as large as lesions often are."""
    chance = random.Random(f"{SEED} {case.photo.key}")
    h, w = like.raw.shape
    y, x = np.mgrid[:h, :w] / np.array([h, w]).reshape(2, 1, 1)
    away = (y - chance.uniform(0.15, 0.85)) ** 2 + (x - chance.uniform(0.15, 0.85)) ** 2
    return replace(like, raw=np.exp(-away / 0.04).astype(np.float32))


def _correlation(first: AttentionMap, second: AttentionMap) -> float:
    """How alike two maps are: Pearson's correlation; 0 where one of them is flat."""
    if min(first.raw.std(), second.raw.std()) == 0:
        return 0.0
    return float(np.corrcoef(first.raw.ravel(), second.raw.ravel())[0, 1])


def _shuffled(case: Case, names: list[str]) -> list[str]:
    return random.Random(f"{SEED} {len(names)} {case.photo.key}").sample(names, len(names))


def _attacked(case: Case) -> tuple[Outcome, float]:
    """The photo with the smallest change in whole grey levels that flips the answer, as a file holds it."""
    flip = smallest_flip(case, None)
    levels = math.ceil(flip.epsilon * _LEVELS) if math.isfinite(flip.epsilon) else math.ceil(flip.cap * _LEVELS)
    size = max(levels, 1) / _LEVELS
    return attempt(case, Attempt("fgsm", size, None, SEED), lambda passes: None), size


def _change(case: Case, ink: str | None) -> Asked:
    outcome, _ = _attacked(case)
    order = _shuffled(case, ["as it was", "changed"])
    shown = {"as it was": case.answer.prepared, "changed": outcome.filed.pixels}
    before = class_with_probability(case.card, case.answer)
    after = class_with_probability(case.card, outcome.filed.prediction)
    levels = outcome.filed.grey_levels
    if outcome.filed.reached:
        told = f"the model says **{after}** instead of {before}"
    else:
        told = f"but the model still says {after}: this photo withstands it"
    sides = ("left", "right")
    answer = f"The {sides[order.index('changed')]} one. No value moved by more than {levels_words(levels / _LEVELS)}; {told}."
    if whole := _told(case, "flips"):
        answer += f" {escaped(whole.sentence)}"
    return Asked(
        "One of these two photos was changed to fool the model. Which one?",
        sides,
        order.index("changed"),
        answer,
        tuple(Picture(shown[name], side, f"The photo on the {side}") for name, side in zip(order, sides, strict=True)),
    )


def _noise(case: Case, ink: str | None) -> Asked:
    outcome, size = _attacked(case)
    noised = outcome.noised.prediction
    stays = noised.index == case.answer.index
    pixels = np.clip(case.answer.prepared + outcome.noised.difference.astype(np.float32) * _LEVELS, 0, _LEVELS)
    picture = Picture(np.rint(pixels).astype(np.uint8), "Noise of the same size", "The photo with random noise")
    answer = f"With noise it says **{class_with_probability(case.card, noised)}**: the answer {'stays' if stays else 'changes'}."
    asked = Asked(
        f"Now every value moves by as much, {size * _LEVELS:.0f} of 255, but up or down at random. What happens to the answer?",
        ("it stays", "it changes"),
        0 if stays else 1,
        answer,
        (_photo(case, "As it is"), picture),
    )
    if (found := _told(case, "flips")) is None:
        return asked
    whole = f" Balanced accuracy on all test images: {'; '.join(f'{r.label} {r.value:.2f}' for r in found.table.itertuples())}."
    return replace(asked, answer=f"{answer}{whole} {escaped(found.detail)}", chart=found.chart(ink))


def _for_whom(case: Case, ink: str | None) -> Asked:
    proved = exact_interval(FOUND, OF)
    choices = (
        "between 85% and 93%",
        "between 75% and 97%",
        f"between {percent(proved.low)} and {percent(proved.high)}",
    )
    answer = (
        f"{FOUND} of {OF} is {percent(proved.value)}, but so few images fit everything from **{percent(proved.low)} to "
        f"{percent(proved.high)}** (exact 95% interval). Always answering “malignant” finds 9 of 9."
    )
    asked = Asked(
        f"A report found {FOUND} of {OF} malignant lesions on darker skin. How many would it find of a thousand such lesions?",
        choices, 2, answer,
    )  # fmt: skip
    if (found := _told(case, "whom")) is None:
        return asked
    told = escaped(f"{found.sentence} {found.detail}")
    return replace(asked, answer=f"{answer}\n\nOur model: {told}", chart=found.chart(ink))


def _leak(case: Case, ink: str | None) -> Asked:
    page = read_page()
    leak = next((q for report in page.reports for q in report.questions if q.name == "leak"), None)
    if page.stale or leak is None or not leak.differences or not leak.differences.rows:
        raise EvidenceError(page.stale or "This step needs the study's runs: `dermaviz reproduce all --data FOLDER`.")
    row = leak.differences.rows[0]
    added = Estimate(row["value"], row["low"], row["high"])
    told = 0 if added.low <= 0 <= added.high else 1
    auc = [
        line
        for report in page.reports
        for line in report.findings["does not hold"].get("the AUC is no balanced accuracy", [])
    ]
    gain = "a gain" if told else "too little to tell from chance"
    answer = (
        f"It added **{added.text(partial(signed, digits=3))}** to accuracy: {gain} on so few test images. A leak stays a "
        "fault: a test must keep every lesion on one side."
    )
    if auc:
        answer += (
            f"\n\n**A figure can be wrong in its name as well.** {len(auc)} printed AUCs are not AUCs. {auc[0]} "
            "An AUC needs scores; from yes and no alone, the formula gives balanced accuracy."
        )
    chart = rows_figure(table_of(leak.rows.rows), leak.rows.title, ink=ink) if leak.rows else None
    return Asked(
        "Photos of one lesion lie in training and in test data. How much did that add to accuracy when we tried it?",
        ("nothing that can be told from chance", "a gain beyond chance", "more than 10 points"),
        told if added.value < 0.1 else 2,
        answer,
        chart=chart,
    )


def _before_use(case: Case, ink: str | None) -> Asked:
    told = story(case.checkpoint)
    lines = [
        f"- **{one.question}** "
        + (escaped(one.sentence) if isinstance(one, Finding) else escaped_message(f"Not said yet. {one.next_step}"))
        for one in told
    ]
    return Asked(
        "What would you ask first, before anyone uses such a model?",
        (
            "On whose skin was it tested?",
            "What does it miss?",
            "Who tested it elsewhere?",
            "What happens when it errs?",
        ),
        None,
        "All four, and more. This model answers:\n\n"
        + "\n".join(lines)
        + f"\n\nIts card says what it is not for: {case.card.not_for}",
    )


STEPS: tuple[Step, ...] = (
    Step(
        "A diagnosis and its certainty", 5,
        "Let all forty vote with their hands before you press Reveal. Ask who would trust the model more than themselves. "
        "Certainty is a claim that can be checked: of answers given with 80%, 80% should be right.",
        _diagnosis,
    ),
    Step(
        "The map", 5,
        "Ask what “the model looks at” means. A map is computed from the network by one method. Lesions are centred, so a "
        "centre spot fits most of them: every score needs such a baseline.",
        _map,
    ),
    Step(
        "The drill", 7,
        "Vote by letter. Most classes are at chance. If a network that learnt nothing draws a map as convincing, the map's looks "
        "prove nothing (Adebayo et al. 2018).",
        _drill,
    ),
    Step(
        "A change nobody sees", 6,
        "Let them come to the screen. The change is computed from the network's own gradient (FGSM, Goodfellow et al. 2015). It "
        "is saved as an ordinary PNG: the download on Robustness still fools the model.",
        _change,
    ),
    Step(
        "Noise of the same size", 4,
        "The control of the last step. The same amount of change in a random direction does next to nothing: the direction is "
        "the point, not the size.",
        _noise,
    ),
    Step(
        "For whom?", 6,
        "What 8 of 9 proves: little. Ask how many images they would want. Intervals belong beside every figure of a small group, "
        "and the honest answer may be: it cannot be said.",
        _for_whom,
    ),
    Step(
        "What a leak adds", 6,
        "A good figure can mislead in two ways. The test may share lesions with training, or an AUC may be computed from yes and "
        "no. The calculator on Reports catches the second.",
        _leak,
    ),
    Step(
        "Before anyone uses it", 6,
        "Collect questions on the board first. There is no wrong choice here. End with what this model's evidence says to each, "
        "and with what nobody has measured.",
        _before_use,
    ),
)  # fmt: skip
"""The lesson in its order, 45 minutes in all."""
