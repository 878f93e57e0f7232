"""The questions of a report as the page shows them: their charts as rows, and what those show in a sentence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from dermaviz.diagnoses import names_of
from dermaviz.metrics.bootstrap import off_zero
from studies.five_reports.claims.answers import (
    AS_CLAIMED,
    CANNOT_BE_TOLD,
    DIRECTION,
    NO_VERDICT,
    NOT_COMPARABLE,
    OTHER_WAY,
    PAIR_NOT_RUN,
    REPRODUCED,
    VERDICTS,
    DifferenceAnswer,
    QuestionAnswer,
    RowAnswer,
)
from studies.five_reports.claims.sentences import (
    difference_sentence,
    metric_words,
    signed,
    tally_words,
    trainings,
)
from studies.five_reports.claims.verdicts import WIDEST

Row = dict[str, Any]

UNANSWERED = "the report claims nothing"
"""In place of a verdict on a question, where the report says nothing that a run could bear out."""
_INTERVALS = "Intervals: 95%, from resampling whole lesions. They hold the chance of the photos, not that of training"
_CLAIMED = {AS_CLAIMED: "as claimed", OTHER_WAY: "the other way", CANNOT_BE_TOLD: "cannot be told"}
_UNCLAIMED = {AS_CLAIMED: "above 0", OTHER_WAY: "below 0", CANNOT_BE_TOLD: "not to be told from 0"}
"""What findings are called where the report claims an order, and where it claims none."""
_MOST_NUMBERS = 3
"""Of a single pair, so many differences are shown in large figures."""


def questions_sentence(asked: Sequence[QuestionAnswer]) -> str:
    """How many questions there are, and how many of each verdict, as Markdown."""
    counts = Counter(question.verdict for question in asked)
    total = counts.total()
    told = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    told += [f"{counts[NO_VERDICT]} on which {UNANSWERED}"] if counts[NO_VERDICT] else []
    return (
        f"**{total} question{'s' if total != 1 else ''}**, put to models that we trained ourselves: {', '.join(told)}."
    )


def question_page(question: QuestionAnswer) -> Row:
    """A question with its answer, its charts, and the numbers of a single pair."""
    charted, rows = charted_differences(question), row_rows(question)
    metric = metric_words(question.metric, question.label)
    shown = charted[:_MOST_NUMBERS] if is_of_one_pair(question) else ()
    return {
        **{name: getattr(question, name) for name in ("name", "asks", "says", "sentence", "why", "note")},
        "verdict": question.verdict or UNANSWERED,
        "measured": measured_sentence(question),
        "judged": judged_sentence(question),
        "numbers": [_number(found) for found in shown] if rows else [],
        "rows": {"title": f"{titled(metric)}, 0 to 1", "rows": rows, "told": rows_sentence(question)} if rows else None,
        "differences": _chart_of_differences(question, charted, metric) if rows and charted else None,
        "every_difference": _told(difference_rows(run_differences(question))) if rows else [],
    }


def deciding(question: QuestionAnswer) -> DifferenceAnswer | None:
    """The difference in the charted metric that the verdict rests on: one that goes the other way, else one that cannot be
    told, else the first; None where no pair has run."""
    found = [one for one in run_differences(question) if (one.metric, one.label) == (question.metric, question.label)]
    weight = (OTHER_WAY, CANNOT_BE_TOLD, AS_CLAIMED)
    return min(found, key=lambda one: weight.index(one.finding), default=None)


def measured_sentence(question: QuestionAnswer) -> str:
    """What our runs measured of a claim: both rows in the trainings that they share, their difference and its interval; of
    several pairs that on which the verdict rests, and how many go which way."""
    if (found := deciding(question)) is None:
        return "Nothing yet: its rows have not run."
    rows = {row.row: row for row in question.rows}
    known = [rows[name] for name in (found.better, found.worse) if name in rows]
    better, worse = (
        f"{_over(rows[name], found.seeds) if name in rows else known[0].constant:.3f} with {label}"
        for name, label in ((found.better, found.better_label), (found.worse, found.worse_label))
    )
    fall = found.better_label == "clean photos"
    write = _plain if fall else signed
    ends = "no interval" if math.isnan(found.low) else f"95% interval {write(found.low)} to {write(found.high)}"
    words = names_of([found.label])[found.label] if found.label else ""
    photos = " and ".join(f"{n:,}" for n in dict.fromkeys(row.n for row in known))
    told = (
        f"{titled(metric_words(found.metric, words))}: {better}, {worse}. {'Fall' if fall else 'Difference'}: "
        f"**{write(found.value)}** ({ends}; {photos} photos; {trainings(found)}).{_stand_ins(question, found)}"
    )
    told = told.replace("FGSM at ε = 3e-3", "FGSM at ε = 3e-3 (0.77/255)")
    pairs = [one for one in run_differences(question) if (one.metric, one.label) == (found.metric, found.label)]
    if len(pairs) == 1:
        return told
    if question.says:
        return f"{told} {titled(tally_words(pairs, 'comparisons go as claimed'))}."
    clear = sum(one.finding != CANNOT_BE_TOLD for one in pairs)
    return f"{told} {clear} of {len(pairs)} such comparisons show a difference."


def _plain(value: float) -> str:
    """A fall as pages write it: without a plus."""
    return signed(value).removeprefix("+")


def _stand_ins(question: QuestionAnswer, found: DifferenceAnswer) -> str:
    """Which networks were run in place of those that the claim names; "" where none was."""
    named = dict.fromkeys(re.findall(r"(?:ResNet|Inception|VGG)(?:-v?\d+)?", question.says))
    labels = f"{found.better_label} {found.worse_label}"
    ours = dict.fromkeys(re.findall(r"EfficientNet-Lite\d", labels))
    if not ours or any(name in labels for name in named):
        return ""
    return f" In place of {' and '.join(named)}: {' and '.join(ours)}." if named else ""


def _over(row: RowAnswer, seeds: Sequence[int]) -> float:
    """The mean of a row over some of its seeds."""
    return math.fsum(row.by_seed[row.seeds.index(seed)] for seed in seeds) / len(seeds)


def judged_sentence(question: QuestionAnswer) -> str:
    """What that says of the claim, and where verdict and interval seem to disagree, why; "" without a claim or a run."""
    if (found := deciding(question)) is None or not question.says:
        return ""
    side, clear = "above" if found.value > 0 else "below", off_zero(found.low, found.high)
    if question.verdict in (REPRODUCED, DIRECTION):
        return f"The whole interval lies {side} 0, as claimed."
    if question.verdict == NOT_COMPARABLE and difference_sentence(found) not in question.why:
        why = question.why.partition(" Ours had a laptop's budget")[0]
        return f"The interval lies {side} 0, but the test is not fair. {why}" if clear else why
    if found.finding == OTHER_WAY:
        return f"The whole interval lies {side} 0: the opposite of what is claimed."
    if clear and len(found.seeds) > 1:
        return f"The interval lies {side} 0, but training again could turn it round: {trainings(found)}."
    if clear:
        most = "an unknown amount" if math.isnan(found.spread) else f"up to {found.spread:.3f}"
        return f"The interval lies {side} 0, but it leaves out training again, which alone moves a figure by {most}."
    width = found.high - found.low
    if question.verdict != NOT_COMPARABLE:
        return f"No difference found, and the interval is narrow ({width:.2f} wide)."
    also = "is too wide to say more" if width > WIDEST else "holds the claimed difference as well"
    return f"The interval holds 0, and it {also}."


def _told(rows: Sequence[Row]) -> list[Row]:
    """Rows in which the values of the seeds are words."""
    words = [", ".join(map(signed, row["by_seed"])) for row in rows]
    return [
        {"each seed" if key == "by_seed" else key: told if key == "by_seed" else value for key, value in row.items()}
        for row, told in zip(rows, words, strict=True)
    ]


def _number(found: DifferenceAnswer) -> Row:
    ends = "no interval" if math.isnan(found.low) else f"95%: {signed(found.low)} to {signed(found.high)}"
    return {"label": titled(metric_words(found.metric, found.label)), "value": signed(found.value), "ends": ends}


def _chart_of_differences(question: QuestionAnswer, charted: Sequence[DifferenceAnswer], metric: str) -> Row:
    """Of one pair a row for each metric, of several pairs a row for each of them."""
    rows, title = difference_rows(charted), f"difference in {metric}"
    if is_of_one_pair(question):
        title = rows[0]["label"]
        rows = [{**row, "label": titled(row["metric"])} for row in rows]
    return {"title": title, "rows": rows, "told": differences_sentence(question)}


def row_rows(question: QuestionAnswer) -> list[Row]:
    """A row for each rerun row, as ``plots.reports.rows_figure`` draws them."""
    return [
        {
            "label": row.label, "value": row.value, "low": row.low, "high": row.high, "constant": row.constant,
            "n": row.n, "lesions": row.lesions, "seeds": len(row.seeds), "by_seed": row.by_seed, "row": row.row,
        }
        for row in _run(question)
    ]  # fmt: skip


def _run(question: QuestionAnswer) -> list[RowAnswer]:
    """The rows that have been rerun."""
    return [row for row in question.rows if row.seeds]


def run_differences(question: QuestionAnswer) -> tuple[DifferenceAnswer, ...]:
    """The differences of rows that have both been rerun."""
    return tuple(found for found in question.differences if found.finding != PAIR_NOT_RUN)


def charted_differences(question: QuestionAnswer) -> tuple[DifferenceAnswer, ...]:
    """The differences that are drawn: of one pair those in all metrics, of several pairs those in the first metric."""
    known = run_differences(question)
    if is_of_one_pair(question):
        return known
    return tuple(found for found in known if (found.metric, found.label) == (question.metric, question.label))


def is_of_one_pair(question: QuestionAnswer) -> bool:
    """Whether a question sets a single pair of rows against each other."""
    return len({(found.better, found.worse) for found in question.differences}) == 1


def difference_rows(differences: Iterable[DifferenceAnswer]) -> list[Row]:
    """A row for each difference, as ``plots.reports.rows_figure`` draws them."""
    return [
        {
            "label": f"{found.better_label} minus {found.worse_label}",
            "metric": metric_words(found.metric, found.label),
            "value": found.value, "low": found.low, "high": found.high, "finding": found.finding,
            "trainings": trainings(found), "by_seed": found.by_seed,
            "paired": found.paired, "seeds alone": found.spread,
        }
        for found in differences
    ]  # fmt: skip


def rows_sentence(question: QuestionAnswer) -> str:
    """What the chart of the rows shows, as Markdown."""
    rows = [row for row in _run(question) if not math.isnan(row.value)]
    absent = ", ".join(row.label for row in question.rows if not row.seeds)
    trained_again = any(len(row.seeds) > 1 for row in rows)
    ending = f" Not yet run: {absent}." if absent else ""
    ending += f" {_INTERVALS}{': for it, look at how far the seeds lie apart' if trained_again else ''}."
    if not rows:
        return f"The photos are too few for this figure.{ending}"
    best, worst = max(rows, key=lambda row: row.value), min(rows, key=lambda row: row.value)
    said = f"{titled(metric_words(question.metric, question.label))}: **{best.value:.3f}** for {best.label}"
    said += f", **{worst.value:.3f}** for {worst.label}" if best is not worst else ""
    counts = " and ".join(f"{n:,}" for n in sorted({row.n for row in rows}))
    above = sum(row.low > row.constant for row in rows)
    return (
        f"{said}, on {counts} test photos. {above} of {len(rows)} lie above the constant answer with all of their "
        f"interval.{ending}"
    )


def differences_sentence(question: QuestionAnswer) -> str:
    """What the chart of the differences shows, as Markdown."""
    differences = charted_differences(question)
    words = _CLAIMED if question.says else _UNCLAIMED
    counts = Counter(found.finding for found in differences)
    told = ", ".join(f"**{counts[finding]} {word}**" for finding, word in words.items() if counts[finding])
    widest = max(differences, key=lambda found: abs(found.value))
    return (
        f"{len(differences)} difference{'s' if len(differences) != 1 else ''}: {told}. "
        f"The largest: {metric_words(widest.metric, widest.label)} {signed(widest.value)}, {widest.better_label} minus "
        f"{widest.worse_label}; {trainings(widest)}."
    )


def titled(words: str) -> str:
    """As a sentence begins."""
    return words[0].upper() + words[1:]
