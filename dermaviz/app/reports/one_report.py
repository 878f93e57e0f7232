"""One report: its claims beside ours, what it asks and our runs answer, the checks of its own figures, and each of its runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dermaviz.app.confusion.matrix import matrix_sentence, mistake_sentence
from dermaviz.app.confusion.metrics import show_by_class, training_sentence
from dermaviz.app.confusion.view import GROUP_WORDS, MALIGNANT, OTHERS
from dermaviz.app.frame import show_open_tab
from dermaviz.app.link import choose, choose_button
from dermaviz.app.reports.claims import badge, show_claims, show_statements
from dermaviz.app.reports.results import Page, Question, Report, Result, finished, read_page, read_vouched_for, table_of
from dermaviz.app.text import figure, images
from dermaviz.app.widgets.chart import draw_chart, ink, show_chart, show_table
from dermaviz.diagnoses import names_of
from dermaviz.metrics.bootstrap import Estimate
from dermaviz.metrics.confusion import Verdicts, by_class, most_frequent_mistakes
from dermaviz.metrics.ranking import binary_view, roc_points
from dermaviz.metrics.summary import figures_for
from dermaviz.plots.confusion_matrix import confusion_figure
from dermaviz.plots.curves import learning_figure, roc_figure
from dermaviz.plots.intervals import beside_figure, rows_figure

_OUTCOMES = {"does not hold": "Does not hold", "cannot be said": "Cannot be said", "holds": "Holds"}


def show_report() -> None:
    """Choose a report and see it."""
    page = read_page()
    reports = {report.name: report for report in page.reports}
    asking, saying = st.columns([6, 7], gap="large")
    with asking:
        report = reports[choose("Report", {name: one.label for name, one in reports.items()}, "report")]
        st.markdown(f"**{report.title}** · {report.authors}")
        st.markdown("\n".join(f"- {line}" for line in report.did))
    with saying:
        st.header("What became of its claims?", anchor=False)
        if note := report.note or page.stale:
            st.info(note, icon=":material/info:")
        if report.verdicts and not page.stale:
            table = table_of(report.verdicts).rename(columns={"means": "which means"})
            st.table(table, border="horizontal", hide_index=True)
        st.markdown(report.checks)
    show_open_tab(_LOOKS, "look", page, report)


def _show_beside(page: Page, report: Report) -> None:
    """The chart of a figure, then figure by figure and statement by statement."""
    if page.stale:
        st.info(page.stale, icon=":material/info:")
        return
    charts = {chart.label: chart for chart in report.charts}
    chart = charts[choose("Figure", list(charts), f"charted_{report.name}")]
    table = table_of(chart.rows)
    show_chart(beside_figure(table, title=chart.title, ink=ink()), "runs", chart.told)
    show_table(table, chart.file, "runs")
    st.subheader("Figure by figure", anchor=False)
    st.markdown(report.figures_told)
    table = table_of(report.figures)
    results = table[table.pop("of_a_run")]
    show_claims(results.drop(columns="report"), f"{report.name}-beside", page)
    st.subheader("Statement by statement", anchor=False)
    st.markdown(report.statements_told)
    show_statements(report.statements)


def _show_questions(page: Page, report: Report) -> None:
    """Choose one of the questions of a report, and see what the finished runs answer."""
    command = f"dermaviz reproduce {report.folder} --data FOLDER"
    offered = {question.name: question for question in report.questions}
    if page.stale or report.note or not offered:
        st.info(page.stale or f"No run has answered anything yet: `{command}`.", icon=":material/info:")
        return
    st.markdown(report.questions_told)
    asking, saying = st.columns([5, 8], gap="large")
    with asking:
        name = st.radio(
            "Question", tuple(offered), format_func=lambda key: offered[key].asks, key=f"asked_{report.folder}",
            captions=[question.verdict for question in offered.values()], bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        question = offered[name]
        if question.says:
            st.markdown(f"**The report**: {question.says}")
        st.markdown(f"**We measured**: {question.measured}")
        st.markdown(f"{badge(question.verdict)} {question.judged}")
        if question.note:
            st.caption(question.note)
        with st.expander("In full"):
            st.markdown(f"{question.sentence} {question.why}")
    with saying:
        st.subheader(question.asks, anchor=False)
        if question.rows:
            _show_answer(question, f"{report.folder}-{question.name}")
        else:
            st.markdown("None of its rows has been rerun yet. Do it with")
            st.code(command, language="sh")


def _show_answer(question: Question, name: str) -> None:
    """A single pair's differences in large, the rows with their seeds, the differences beside 0, and the tables of both."""
    assert question.rows is not None
    if question.numbers:
        for column, number in zip(st.columns(len(question.numbers)), question.numbers, strict=True):
            column.metric(
                number["label"], number["value"], number["ends"], delta_color="off", delta_arrow="off", border=True
            )
    rows = table_of(question.rows.rows)
    show_chart(rows_figure(rows, question.rows.title, ink=ink()), f"rows {name}", question.rows.told)
    if drawn := question.differences:
        figure = rows_figure(table_of(drawn.rows), drawn.title, change=True, ink=ink())
        show_chart(figure, f"differences {name}", drawn.told)
    seeds = rows.pop("by_seed").map(lambda values: ", ".join(f"{value:.3f}" for value in values))
    show_table(rows.assign(**{"each seed": seeds}), f"{name}-rows", f"rows {name}", "The table of the rows")
    if question.every_difference:
        table = table_of(question.every_difference)
        show_table(table, f"{name}-differences", f"differences {name}", "The table of all differences")


def _show_findings(_page: Page, report: Report) -> None:
    """The checks with one outcome, by kind, each in its sentence."""
    st.markdown(report.checks)
    outcome = choose_button("Checks", _OUTCOMES, "outcome", label_visibility="collapsed")
    found = report.findings[outcome]
    for place, (kind, lines) in enumerate(found.items()):
        with st.expander(f"{kind[0].upper()}{kind[1:]}: {len(lines)}", expanded=place == 0):
            st.markdown("\n".join(f"- {line}" for line in lines))
    if not found:
        st.markdown("None.")


_LOOKS: Mapping[str, Callable[[Page, Report], None]] = {
    "Beside ours": _show_beside,
    "What it asks": _show_questions,
    "One run": lambda _, report: show_run(report.folder),
    "Its own figures": _show_findings,
}


_WORDS = {**GROUP_WORDS, "other": GROUP_WORDS[OTHERS]}


@dataclass(frozen=True)
class Rerun:
    """A finished run: its result, its ``curve`` (a row for each epoch, or empty), and its answers to N test images.

    ``labels`` int64 ``[N]`` and ``probabilities`` float64 ``[N, C]`` are in the order of the result's classes.
    """

    result: Result
    curve: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def verdicts(self) -> Verdicts:
        """What each test image is and is called."""
        return by_class(self.labels, self.probabilities, self.result.classes)

    @property
    def names(self) -> dict[str, str]:
        """Each class in words, as sentences name it."""
        return {name: _WORDS.get(name, words) for name, words in names_of(self.result.classes).items()}

    @property
    def commonest(self) -> str:
        """The commonest class of the test images: the constant answer."""
        return self.result.classes[int(np.bincount(self.labels, minlength=len(self.result.classes)).argmax())]

    @property
    def sought(self) -> Mapping[str, tuple[str, ...]]:
        """What a ROC curve can be drawn for, and the classes that count as a yes: of two classes the second alone."""
        result = self.result
        if len(result.classes) == 2:
            return {result.classes[1]: (result.classes[1],)}
        malignancy = {MALIGNANT: result.malignant} if set(result.malignant) < set(result.classes) else {}
        return {**malignancy, **{name: (name,) for name in result.classes}}

    def roc(self, sought: str) -> pd.DataFrame:
        """The points of the ROC curve of one of ``sought``."""
        indices = [self.result.classes.index(name) for name in self.sought[sought]]
        return roc_points(*binary_view(self.labels, self.probabilities, indices))

    def area(self, sought: str) -> Estimate:
        """The area under that curve, with its interval."""
        whole = sought == MALIGNANT and sought not in self.result.classes
        row = self.result.figure("malignant_auc") if whole else self.result.figure("roc_auc", sought)
        return Estimate(*(float("nan") if row[name] is None else float(row[name]) for name in ("value", "low", "high")))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Result: Result.model_dump_json})
def opened(result: Result) -> Rerun:
    """A run's curve and answers."""
    table = pd.read_parquet(io.BytesIO(read_vouched_for(result, "predictions.parquet", result.predictions_sha256)))
    epochs = read_vouched_for(result, "curve.csv", result.curve_sha256)
    curve = pd.read_csv(io.BytesIO(epochs)) if epochs.strip() else pd.DataFrame()
    labels = pd.Categorical(table["dx"], categories=list(result.classes)).codes.astype(np.int64)
    columns = [f"p_{name}" for name in result.classes]
    return Rerun(result, curve, labels, table[columns].to_numpy(np.float64))


def figure_table(result: Result) -> pd.DataFrame:
    """Every figure of a run with its interval and counts, and its metric in words: as ``evaluation.summary.measure`` has it."""
    table = pd.DataFrame(list(result.figures))
    labels = {figure.slug: figure.label for figure in figures_for(result.classes, frozenset(result.malignant))}
    shares = dict.fromkeys(("value", "low", "high", "constant"), float)
    table.insert(1, "label", table["metric"].map(labels))
    return table.astype({**shares, "n_positives": "Int64"})


_SPLITS = {"train": "to train on", "validation": "for validation", "test": "for the test"}
_UNDER = {"fgsm": "Under FGSM at ε = {size:g}", "noise": "Under Gaussian noise of σ = {size:g}"}
_SETS = {"ham10000": "HAM10000"}


def data_sentence(result: Result) -> str:
    """Which photos it saw, how many, and how large."""
    name, counts = str(result.data.get("dataset", "")), result.data.get("images", {})
    recipe = result.settings.get("recipe", {})
    told = ", ".join(
        f"{sum(counts[split].values()):,} photos {words}" for split, words in _SPLITS.items() if split in counts
    )
    by_image = recipe.get("data", {}).get("leaky")
    leaky = " The split is by image, so photos of one lesion lie on both sides." if by_image else ""
    side = f", {stages[-1]['size']} × {stages[-1]['size']} pixels" if (stages := recipe.get("stages")) else ""
    return f"{_SETS.get(name, name)}: {told}{side}.{leaky}"


def making_sentence(result: Result) -> str:
    """How long it took, where, and with what."""
    took = f"{result.seconds:.0f} s" if result.seconds < 120 else f"{result.seconds / 60:.1f} min"
    machine = f" on {result.machine}" if result.machine else ""
    made = ", ".join(f"{name} {version}" for name, version in result.made.items())
    return f"Made at the {result.budget} budget in {took}{machine}{f' ({made})' if made else ''}."


def right_sentence(run: Rerun) -> str:
    """How many test images are classified correctly, beside the constant answer, and its most frequent mistake; Markdown."""
    verdicts, row = run.verdicts, run.result.figure("accuracy")
    said = (
        f"**{int(verdicts.right.sum()):,} of {images(len(run.labels))}** are classified correctly: {figure(row)}; "
        f"always answering “{run.commonest}” gets {row['constant']:.3f}."
    )
    mistakes = most_frequent_mistakes(verdicts)
    return f"{said} {mistake_sentence(mistakes, run.names)}" if mistakes else said


def under_attack_sentences(result: Result) -> list[str]:
    """The accuracy under each attack or noise that the row was measured with, beside that of the clean photos."""
    clean, said = result.figure("accuracy")["value"], []
    for name, words in _UNDER.items():
        for row in (row for row in result.under.get(name, ()) if row["metric"] == "accuracy"):
            under = words.format(size=result.settings.get(name, 0.0))
            said.append(f"{under}, its accuracy is {figure(row)}, on clean photos {clean:.3f}.")
    return said


_BY_CLASS = {
    "f1": "F1",
    "sensitivity": "Sensitivity (recall)",
    "precision": "Precision",
    "specificity": "Specificity",
    "roc_auc": "ROC AUC against the rest",
}


def show_run(folder: str) -> None:
    """Choose a run of a report, by its folder's name, and see what it learned."""
    found = finished(folder)
    if not found:
        st.info(f"No run is finished yet: `dermaviz reproduce {folder} --data FOLDER`.", icon=":material/info:")
        return
    asking, saying = st.columns([4, 9], gap="large")
    with asking:
        rows = sorted(found, key=lambda row: -len(found[row][0].claims))  # what most claims rest on first
        row = choose("Row", rows, f"row_{folder}")
        result = _choose_seed(found[row])
        st.markdown(result.about)
        st.caption(f"{data_sentence(result)} {making_sentence(result)}")
        with st.expander("All settings"):
            st.json(result.settings)
    run = opened(result)
    with saying:
        st.markdown(f"## {right_sentence(run)}")
        for said in under_attack_sentences(result):
            st.markdown(said)
        if result.deviations:
            st.markdown("What differs from the report:")
            st.markdown("\n".join(f"- {line}" for line in result.deviations))
    _show_charts(run)


def _choose_seed(results: tuple[Result, ...]) -> Result:
    """One of a row's runs, by its seed, with its budget where that is not the laptop's."""
    if len(results) == 1:
        return results[0]
    labels = {f"seed {one.seed}{'' if one.budget == 'laptop' else f', {one.budget} budget'}": one for one in results}
    return labels[choose_button("Seed of training", list(labels), f"seed_{results[0].row}")]


def _show_charts(run: Rerun) -> None:
    """The charts that the reports show of a run, each with its sentence, and all figures behind them."""
    result = run.result
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How did it learn?", anchor=False)
        _show_learning(run)
    with right:
        st.subheader("What does it mistake for what?", anchor=False)
        matrix = confusion_figure(
            run.verdicts.counts,
            run.verdicts.groups,
            run.verdicts.groups,
            "true",
            ink=ink(),
            malignant=result.malignant,
            names=run.names,
        )
        said = matrix_sentence(run.verdicts, run.names, "% of the true class")
        draw_chart(matrix, "run matrix", right_sentence(run), said)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How well does it rank?", anchor=False)
        _show_roc(run)
    table = figure_table(result)
    with right:
        st.subheader("How good is it for each class?", anchor=False)
        metric = choose("Figure", _BY_CLASS, "by_class")
        rows = table[(table["metric"] == metric) & (table["class"] != "")]
        show_by_class(rows, _BY_CLASS[metric], run.names, run.commonest)
    name = f"{result.report}-{result.row}-{result.budget}-seed{result.seed}"
    show_table(table, name, "run", "All its figures")
    if not run.curve.empty:
        show_table(run.curve, f"{name}-curve", "run curve", "Its learning curve")


def _show_learning(run: Rerun) -> None:
    if run.curve.empty:
        st.markdown("It learns at once, not in epochs, so there is no curve.")
        return
    validated = sum(run.result.data.get("images", {}).get("validation", {}).values())
    by = str(run.result.settings.get("recipe", {}).get("select_by", "balanced_accuracy"))
    said = training_sentence(run.curve, run.result.kept_epoch, validated or None, by)
    show_chart(learning_figure(run.curve, run.result.kept_epoch, ink=ink()), "run learning", said)


def _show_roc(run: Rerun) -> None:
    words, offered = run.names, tuple(run.sought)
    sought = offered[0]
    if len(offered) > 1:
        sought = choose("Curve of", {name: words.get(name, name) for name in offered}, "roc_of")
    said = f"Area under the ROC curve of {words.get(sought, sought)}: {run.area(sought).text()}."
    show_chart(roc_figure({sought: run.roc(sought)}, ink=ink()), "run roc", said)
