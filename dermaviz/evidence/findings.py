"""The story of a checkpoint in five findings, from its evidence: what Home, the lesson and the report tell. Free of torch.

A finding is a sentence of at most 20 words, a table of estimates that is its picture, and the page behind it. A checkpoint
without some evidence has a shorter story, and the command that would complete it. ``STORY`` is the registry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dermaviz.attention.methods import DEFAULT_METHOD, METHODS
from dermaviz.data.labels import TONE_LABEL, scale_of
from dermaviz.errors import DermaVizError, EvidenceError
from dermaviz.evidence.predictions import (
    BALANCED,
    PREDICTIONS,
    TONE,
    TONE_GROUP,
    Audited,
    alike,
    cannot_have,
    evidence_of,
    external_sets,
    internal,
    read_audited,
)
from dermaviz.evidence.ranking import HALF, what_is_left
from dermaviz.evidence.store import DataSplit, audit_command, has_evidence
from dermaviz.fairness.groups import MALIGNANT, audit_figures, either_too_few, measure_groups, sides, too_few_sides
from dermaviz.fairness.tone_groups import GROUPS
from dermaviz.metrics.bootstrap import DRAWS, FEWEST, Bootstrap, Estimate, estimate
from dermaviz.metrics.calibration import FlaggedShare
from dermaviz.metrics.classification import MELANOMA, Metric, accuracy
from dermaviz.metrics.comparison import BesideConstant, beside_constant
from dermaviz.metrics.ranking import group_auc
from dermaviz.models.card import Checkpoint
from dermaviz.plots.intervals import estimates_figure
from dermaviz.plots.robustness import DEFAULT_SIZE, epsilon_in_words
from dermaviz.plots.theme import percent
from dermaviz.robustness.outcomes import ANSWERED, BY_ATTACK, Answers, curves, median_flip_distance, read_answers

MOST_WORDS = 20
"""Words of a finding's sentence."""
NOISE = "uniform noise"
"""The method of the table ``attacks`` that attacks are compared with."""
_GREY_LEVELS = 255


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that evidence says of a checkpoint.

    Args:
        key: its row of ``STORY``.
        question: what it answers.
        sentence: the answer, at most ``MOST_WORDS`` words of plain text.
        detail: n, intervals and what the sentence leaves out.
        table: its picture: ``label, value, low, high, exact, n``, NaN where there are too few images to say.
        axis: what the values are, with their range; span: the ends of their axis.
        page: title of the page behind it; link: the query parameters that open it there.
        reference: a line to hold the values against, and its name.
    """

    key: str
    question: str
    sentence: str
    detail: str
    table: pd.DataFrame
    axis: str
    page: str
    link: Mapping[str, str] = field(default_factory=dict)
    span: tuple[float, float] = (0.0, 1.0)
    reference: tuple[float, str] | None = None

    def chart(self, ink: str | None = None) -> go.Figure:
        """The table as dots with 95% intervals."""
        return estimates_figure(self.table, title=self.axis, span=self.span, reference=self.reference, ink=ink)


@dataclass(frozen=True)
class Missing:
    """A finding that the checkpoint has no evidence for: why, and the command that makes it ("": none would)."""

    key: str
    question: str
    reason: str
    command: str
    page: str

    @property
    def next_step(self) -> str:
        """What to do, as Markdown."""
        return f"Make the evidence: `{self.command}`." if self.command else self.reason[:1].upper() + self.reason[1:]


@dataclass(frozen=True)
class Chapter:
    """A row of the story: its question, the page behind it, the table of evidence that it needs first, and its function."""

    question: str
    page: str
    needs: str
    find: Callable[[Audited, DataSplit, int], Finding]


def read_findings(checkpoint: Checkpoint, of: DataSplit | None = None, draws: int = DRAWS) -> list[Finding | Missing]:
    """The five findings about a checkpoint in their order, :class:`Missing` where evidence is; the first four are about the
    split ``of`` a data set (None: its own test split)."""
    images = of or internal(checkpoint.card)
    try:
        audited = read_audited(checkpoint, images)
    except EvidenceError as error:
        command = audit_command(checkpoint.folder, images, PREDICTIONS)
        return [Missing(key, row.question, str(error), command, row.page) for key, row in STORY.items()]
    story: list[Finding | Missing] = []
    for key, chapter in STORY.items():
        try:
            story.append(chapter.find(audited, images, draws))
        except DermaVizError as error:
            if key == "elsewhere":
                command = audit_command(checkpoint.folder, None, folder="ANOTHER_FOLDER")
            elif _can_be_made(checkpoint, chapter.needs, images):
                command = audit_command(checkpoint.folder, images, chapter.needs)
            else:
                command = ""
            story.append(Missing(key, chapter.question, str(error), command, chapter.page))
    return story


def command_missing(checkpoint: Checkpoint, of: DataSplit) -> str:
    """The command that makes all tables which the story of these images needs and has not; "" where none is missing."""
    needed = dict.fromkeys(chapter.needs for key, chapter in STORY.items() if key != "elsewhere")
    missing = [table for table in needed if _can_be_made(checkpoint, table, of)]
    return audit_command(checkpoint.folder, of, *missing) if missing else ""


def _can_be_made(checkpoint: Checkpoint, table: str, of: DataSplit) -> bool:
    """Whether a table of evidence is not there, and can be."""
    return not (cannot_have(checkpoint.card, table) or has_evidence(checkpoint.folder, table, of))


def _says(audited: Audited, of: DataSplit, draws: int) -> Finding:
    """How often it is right, how often it finds what is looked for, and whether its maps lie on the lesion."""
    card = audited.checkpoint.card
    found: dict[str, Metric] = {"Classified correctly": accuracy}
    wanted, name = _wanted(audited)
    if wanted:
        found[f"{name.capitalize()} found"] = FlaggedShare(wanted, wanted, None)
    rows = estimate(found, audited.labels, audited.probabilities, audited.clusters, draws)
    table = _table(rows, [len(audited), *([int(np.isin(audited.labels, wanted).sum())] if wanted else [])])
    right = next(iter(rows.values()))
    beside, no_better = _beside_constant(audited, draws)
    images = f"{len(audited):,} {'balanced ' * audited.balanced}images"
    sentence = no_better or f"{percent(right.value)} of {images} are classified correctly."
    if has_evidence(audited.checkpoint.folder, "attention", of) and not cannot_have(card, "attention"):
        seen = evidence_of(audited.checkpoint, "attention", of).table.set_index("image_id")
        seen = seen.reindex(audited.table["image_id"])
        known = (seen["energy"].notna() & seen["energy_centre"].notna()).to_numpy()
        on_lesion = (seen["energy"] > seen["energy_centre"]).to_numpy()[known]
        share = Bootstrap.over(audited.clusters, draws).take(known).mean(on_lesion).estimate()
        table = pd.concat([table, _table({"Map closer to the lesion than a centre spot": share}, [int(known.sum())])])
        sentence = no_better or (
            f"{percent(right.value)} of {images} are classified correctly; {percent(share.value)} of all maps "
            "fit the lesion better than a centre spot."
        )
    detail = (
        f"Classified correctly: {right.text(percent)}; always naming the most frequent diagnosis would get "
        f"{percent(beside.n_commonest / len(audited))}. Balanced accuracy: {beside.balanced.text('{:.2f}'.format)}; a constant "
        f"answer gets {beside.chance:.2f}. "
        + (f"{name.capitalize()} found: {rows[f'{name.capitalize()} found'].text(percent)}. " if wanted else "")
        + (f"{BALANCED} " if audited.balanced else "")
        + f"Model {card.name} · data set {of.data_set}, {of.split} images."
    )
    return _finding("says", sentence, detail, table, "share of images, 0 to 1")


def _flips(audited: Audited, of: DataSplit, draws: int) -> Finding:
    """The smallest change known to flip half of the right answers, and what an attack and noise of one size cost."""
    flips = evidence_of(audited.checkpoint, "flips", of).table.set_index("image_id").reindex(audited.table["image_id"])
    median = median_flip_distance(flips["flip_epsilon"].to_numpy(np.float64), audited.clusters, draws)
    attacks = evidence_of(audited.checkpoint, "attacks", of, (*ANSWERED, *BY_ATTACK)).table
    answers = read_answers(attacks, audited, BY_ATTACK)
    table, size = _under_attack(answers, draws)
    levels, cap = median.value * _GREY_LEVELS, flips["cap"].max() * _GREY_LEVELS
    by, flipped, also, n_right = "one FGSM step", "half", "", int(answers.clean.sum())
    _, no_better = _beside_constant(audited, draws)
    if (half := _half_flipped(answers, draws)) and half[0] < median.value:
        levels, by, share = half[0] * _GREY_LEVELS, half[1].upper(), half[2]
        flipped, also = percent(share.value), f"{by} of {levels:.2g} flips {share.text(percent)} of these. "
    if math.isfinite(levels):
        unseen = "" if levels > 3 else ", too small to see,"
        sentence = (
            f"A change of {levels:.2g} grey levels ({by}){unseen} flips {flipped} of the {n_right:,} correct answers."
        )
    else:
        sentence = f"Half of the {n_right:,} correct answers withstand every FGSM step up to {cap:.0f} grey levels."
    detail = (f"{no_better} " if no_better else "") + (
        f"Median smallest FGSM step: {median.text(lambda e: f'{e * _GREY_LEVELS:.2f}')} of 255 grey levels, over images that "
        f"are classified correctly. {also}The chart: balanced accuracy at ε = {epsilon_in_words(size)}."
    )
    return _finding("flips", sentence, detail, table, "balanced accuracy, 0 to 1")


def _half_flipped(answers: Answers, draws: int) -> tuple[float, str, Estimate] | None:
    """The smallest ε at which an attack of the table flips half of the right answers: ε, method and share; None if none does."""
    right = Bootstrap.over(answers.cluster_ids, draws).take(answers.clean)
    for epsilon, made in answers.conditions.groupby("epsilon"):
        attacks = made.index[made["method"] != NOISE]
        lost = {str(made["method"][row]): ~answers.right[answers.clean, row] for row in attacks}
        most = max(lost, key=lambda method: lost[method].mean(), default="")
        if most and lost[most].mean() >= 0.5:
            return float(epsilon), most, right.mean(lost[most]).estimate()
    return None


def _under_attack(answers: Answers, draws: int) -> tuple[pd.DataFrame, float]:
    """Balanced accuracy as they are, under noise and under the strongest attack of one size: the rows, and the ε."""
    made = answers.conditions
    both = [e for e in sorted(set(made["epsilon"])) if NOISE in set(made.loc[made["epsilon"] == e, "method"])]
    if not both:
        raise EvidenceError(
            "expected noise among the attacks of the evidence, found none. Audit the table attacks again."
        )
    size = min(both, key=lambda e: abs(math.log(e / DEFAULT_SIZE)))
    keep = (made["epsilon"] == size).to_numpy()
    some = replace(answers, conditions=made[keep].reset_index(drop=True), right=answers.right[:, keep])
    rows = curves(some, draws)
    rows = rows[rows["metric"] == "balanced_accuracy"]
    clean, after = rows[rows["epsilon"] == 0].iloc[0], rows[rows["epsilon"] > 0].set_index("method")
    attack = after.drop(index=NOISE, errors="ignore")["value"].idxmin()
    levels = f"of {size * _GREY_LEVELS:.2g} grey levels"
    shown = {"As they are": clean, f"Noise {levels}": after.loc[NOISE], f"{attack.upper()} {levels}": after.loc[attack]}
    return _table({name: Estimate.of(row) for name, row in shown.items()}, [len(answers)] * 3), float(size)


def _map(audited: Audited, of: DataSplit, draws: int) -> Finding:
    """How much of each method's map is left when the classifier layer is random: that much is not the classifier's."""
    cluster_of = dict(zip(audited.table["image_id"], audited.clusters, strict=True))
    left = what_is_left(evidence_of(audited.checkpoint, "randomisation", of).table, cluster_of, draws)
    first = left[left["step"] == 1].set_index("method")
    shown = first.loc[[name for name in (DEFAULT_METHOD, *sorted(first.index)) if name in first.index]]
    shown = shown[~shown.index.duplicated() & [name in METHODS for name in shown.index]]
    name = shown.index[0]
    label, kept = METHODS[name].label, Estimate.of(shown.loc[name])
    number = f"(rank correlation {kept.value:.2f})"
    if kept.low >= HALF:
        said = f"draws almost the same map {number}: it shows little of what was learnt."
    elif kept.high < HALF:
        said = f"draws another map {number}: it depends on what was learnt."
    else:
        said = f"may draw the same map {number}: too few images to tell."
    sentence = f"With random classifier weights, {label} {said}"
    best = METHODS[shown["value"].idxmin()].label
    detail = (
        f"Mean rank correlation of maps before and after the classifier layer is randomised: {kept.text('{:.2f}'.format)} for "
        f"{label}; {best} changes most. A map that keeps more than half does not pass."
    )
    table = _table({METHODS[m].label: Estimate.of(row) for m, row in shown.iterrows()}, shown["n_images"].tolist())
    axis = "share of the map left (rank correlation)"
    return _finding("map", sentence, detail, table, axis, span=(-0.3, 1.0), reference=(HALF, "half is left"))


def _whom(audited: Audited, of: DataSplit, draws: int) -> Finding:
    """How often what is looked for is found by estimated tone group, and in which groups nothing can be said."""
    wanted, name = _wanted(audited)
    # People's labels come before estimates.
    labelled = TONE_LABEL in audited.table and scale_of(audited.table[TONE_LABEL])
    column, levels = (TONE_LABEL, labelled.levels) if labelled else (TONE_GROUP, GROUPS)
    card = audited.checkpoint.card
    if not wanted:
        raise EvidenceError(
            f"expected classes of {card.name} that count as malignant, found none, so there is nothing to look for. Name them as "
            f"`malignant` in its card.json, or import it again: `dermaviz import SOURCE --name {card.name} --malignant a,b "
            "--replace` with the other options as before. Evidence that does not depend on it stays."
        )
    if column not in audited.table:
        evidence_of(audited.checkpoint, TONE, of)  # says what is missing
        raise EvidenceError("expected tone groups, found none to compare. Audit the table tone again.")
    figure = audit_figures(card.classes, frozenset(card.malignant), _positive(audited), None)[:4]  # shares of one side
    groups = audited.table[column].fillna("").tolist()
    rows = measure_groups(audited.labels, audited.probabilities, audited.clusters, groups, figure, draws).table()
    counts = rows[rows["metric"] == "sensitivity"].set_index("group")
    estimates = {group: Estimate.of(row) for group, row in counts.iterrows()}
    order = [group for group in levels if group in counts.index]
    n = [int(counts.loc[group, "n_positives"]) for group in order]
    table = _table({f"{group} skin": estimates[group] for group in order}, n)
    known = [group for group in order if not math.isnan(estimates[group].value)]
    dark = [group for group in levels if group not in known]
    if not known:
        sentence = f"No tone group can be judged: each has {too_few_sides(counts, f'{name}s', audited.unit)}."
    elif dark:
        best = max(known, key=lambda g: counts.loc[g, "n_positives"])
        few = counts.loc[[group for group in dark[-2:] if group in counts.index]]
        counted, others = int(few["n_positives"].sum()), int(few["n_negatives"].sum())
        none = f"{counted or 'no'} {name}{'' if counted < 2 else 's'}"
        if (few["clusters_with_positives"] >= FEWEST).any():  # then it is the other side that is too small
            none += f", {others:,} other{'' if others == 1 else 's'}"
        sentence = (
            f"{percent(estimates[best].value)} of {name}s on {best} skin are found; {' and '.join(dark[-2:])} skin ({none}) "
            "cannot be judged."
        )
    else:
        low, high = min(known, key=lambda g: estimates[g].value), max(known, key=lambda g: estimates[g].value)
        shares = (percent(estimates[group].value) for group in (low, high))
        sentence = f"{name.capitalize()}s found: from {next(shares)} on {low} skin to {next(shares)} on {high} skin."
    looked_for = name if _positive(audited) == MELANOMA else f"{name}s"
    detail = (
        f"Tone {'as people labelled it' if labelled else 'groups are estimated from the skin round the lesion'}. Not judged: a "
        f"group with {either_too_few(looked_for, audited.unit)}. There are: "
        + "; ".join(sides(group, counts.loc[group], audited.unit) for group in order)
        + "."
    )
    return _finding("whom", sentence, detail, table, f"share of {name}s found, 0 to 1")


def _elsewhere(audited: Audited, of: DataSplit, draws: int) -> Finding:
    """The same figures at home and on an external data set, on shared diagnoses: the set asked for, else the first."""
    checkpoint, home_set = audited.checkpoint, internal(audited.checkpoint.card)
    outside = [one for one in external_sets(checkpoint) if one.data_set != of.data_set]
    if of.data_set != home_set.data_set and has_evidence(checkpoint.folder, PREDICTIONS, home_set):
        audited, outside, of = read_audited(checkpoint, home_set), [of], home_set
    if not outside:
        raise EvidenceError("expected predictions of photographs from elsewhere, found none.")
    audited, other = alike(audited, read_audited(checkpoint, outside[0]))
    wanted, name = _wanted(audited)
    metrics: dict[str, Metric] = {"accuracy": accuracy}
    if wanted:
        metrics = {f"{name} AUC": group_auc(wanted), f"{name}s found": FlaggedShare(wanted, wanted, None)}
    found = [estimate(metrics, one.labels, one.probabilities, one.clusters, draws) for one in (audited, other)]
    rows, n = {}, []
    for metric in metrics:
        for where, images, figures in zip(
            (of.data_set, f"{outside[0].data_set} (elsewhere)"), (audited, other), found, strict=True
        ):
            rows[f"{metric[0].upper()}{metric[1:]}, {where}"] = figures[metric]
            n.append(int(np.isin(images.labels, wanted).sum()) if metric.endswith("found") else len(images))
    home, away = (list(one.values()) for one in found)
    metric = next(iter(metrics))
    sentence = f"On {len(other):,} images from elsewhere, {metric} is {away[0].value:.2f}, not {home[0].value:.2f}"
    if wanted:
        sentence += f"; {percent(away[-1].value)} of {name}s are found, not {percent(home[-1].value)}"
    detail = "; ".join(f"{label}: {value.text('{:.2f}'.format)}" for label, value in rows.items()) + "."
    link = {"data": str(outside[0])}
    return _finding("elsewhere", f"{sentence}.", detail, _table(rows, n), "value, 0 to 1", link=link)


STORY: Mapping[str, Chapter] = MappingProxyType(
    {
        "says": Chapter("What does it say, and where does it look?", "Confusion", PREDICTIONS, _says),
        "flips": Chapter("How small a change flips the answer?", "Robustness", "flips", _flips),
        "map": Chapter("How much of the map depends on what the model learnt?", "Attention", "randomisation", _map),
        "whom": Chapter("For whom does it work, and what cannot be said?", "Skin tone", TONE, _whom),
        "elsewhere": Chapter("How does it do on photographs from elsewhere?", "Confusion", PREDICTIONS, _elsewhere),
    }
)
"""The story in its order."""
_LINKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"flips": {"part": "The test set", "test": "Smallest change"}, "map": {"audit": "Trust"}}
)


def _finding(key: str, sentence: str, detail: str, table: pd.DataFrame, axis: str, **more: object) -> Finding:
    chapter = STORY[key]
    link = more.pop("link", _LINKS.get(key, {}))
    rows = table.reset_index(drop=True)
    return Finding(key, chapter.question, sentence, detail, rows, axis, chapter.page, link, **more)  # type: ignore[arg-type]


def _beside_constant(audited: Audited, draws: int) -> tuple[BesideConstant, str]:
    """The model beside always giving one class; and that it is no better, in a sentence, "" where it is."""
    found = beside_constant(audited.labels, audited.probabilities, audited.clusters, draws)
    return found, found.finding(list(audited.checkpoint.card.words.values()))


def _wanted(audited: Audited) -> tuple[tuple[int, ...], str]:
    """The classes that are looked for, as indices, and their name: melanoma, else all malignant ones, else none."""
    positive, card = _positive(audited), audited.checkpoint.card
    names = set(card.malignant) if positive == MALIGNANT else {positive}
    wanted = tuple(i for i, name in enumerate(card.classes) if name in names)
    if not 0 < len(wanted) < len(card.classes):
        return (), ""
    return wanted, "melanoma" if positive == MELANOMA else "malignant lesion"


def _positive(audited: Audited) -> str:
    return MELANOMA if MELANOMA in audited.classes else MALIGNANT


def _table(rows: Mapping[str, Estimate], n: list[int]) -> pd.DataFrame:
    return pd.DataFrame([{"label": label, **asdict(found)} for label, found in rows.items()]).assign(n=n)
