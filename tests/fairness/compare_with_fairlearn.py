"""Figures by group, differences and ratios beside fairlearn's MetricFrame, on shipped evidence. Needs fairlearn:

pip install fairlearn==0.15.0 && python tests/fairness/compare_with_fairlearn.py

No photos: the default checkpoint's predictions of the test split say who is in which group. fairlearn compares the best with
the worst group, so both groupings here have two.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from dermaviz.fairness.groups import MALIGNANT, audit_figures, gaps_to, measure_groups
from dermaviz.metrics.confusion import cohort_names

PREDICTIONS = Path("checkpoints/ham10000-efficientnet-lite0/evidence/ham10000/test/predictions.parquet")
ROOT = Path(__file__).parents[2]
MALIGNANT_CLASSES = frozenset({"akiec", "bcc", "mel"})
ALLOWED = 1e-12


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per grouping, question and figure; 1 if any value, difference or ratio is another one."""
    parser = argparse.ArgumentParser(description="Figures by group beside fairlearn's.")
    parser.add_argument("--predictions", type=Path, default=ROOT / PREDICTIONS)
    table = pd.read_parquet(parser.parse_args(arguments).predictions)
    print(f"fairlearn {version('fairlearn')}, {len(table):,} images of {table['lesion_id'].nunique():,} lesions")
    print(f"{'question':<10}{'groups':<22}{'figure':<18}{'values':>16}{'difference':>12}{'ratio':>8}{'apart':>10}")
    ages = pd.Series(cohort_names(table, "age")).replace("under 40", "")
    worst = max(
        compare(table, list(groups), positive)
        for groups in (cohort_names(table, "sex"), ages)
        for positive in ("mel", MALIGNANT)
    )
    print(f"largest distance: {worst:.1e} (allowed: {ALLOWED:g})")
    return int(worst > ALLOWED)


def compare(table: pd.DataFrame, groups: list[str], positive: str) -> float:
    """The largest distance between ours and fairlearn's, of values, differences and ratios of four figures."""
    classes = [column[2:] for column in table if column.startswith("p_")]
    probabilities = table[[f"p_{name}" for name in classes]].to_numpy()
    labels = table["dx"].map(classes.index).to_numpy()
    figures = audit_figures(classes, MALIGNANT_CLASSES, positive)
    start = time.perf_counter()
    by_group = measure_groups(labels, probabilities, table["lesion_id"], groups, figures)
    ours = by_group.table().pivot(index="metric", columns="group", values="value")
    gaps = gaps_to(by_group).set_index("metric")
    seconds = time.perf_counter() - start
    sick = [i for i, name in enumerate(classes) if name in (MALIGNANT_CLASSES if positive == MALIGNANT else {positive})]
    truth, score = np.isin(labels, sick), probabilities[:, sick].sum(1)
    theirs, difference, ratio = fairlearn_figures(truth, score, np.array(groups))
    worst = 0.0
    for figure in theirs:
        values = ours.loc[figure, theirs.index]
        apart = [
            *np.abs(values - theirs[figure]),
            abs(abs(gaps.difference[figure]) - difference[figure]),
            abs(min(gaps.ratio[figure], 1 / gaps.ratio[figure]) - ratio[figure]),
        ]
        worst = max(worst, *apart)
        print(
            f"{positive:<10}{' / '.join(values.index):<22}{figure:<18}{' / '.join(f'{v:.4f}' for v in values):>16}"
            f"{gaps.difference[figure]:>12.4f}{gaps.ratio[figure]:>8.3f}{max(apart):>10.1e}"
        )
    print(f"{'':<10}two tables with 1,000 draws of lesions in {seconds:.2f} s", flush=True)
    return worst


def fairlearn_figures(
    truth: np.ndarray, score: np.ndarray, groups: np.ndarray
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """fairlearn's values by group, its differences and its ratios between groups, of the images of known groups."""
    from fairlearn.metrics import MetricFrame, true_negative_rate

    known = groups != ""
    called = score >= 0.5
    rates = {
        "sensitivity": recall_score,
        "specificity": true_negative_rate,
        "balanced_accuracy": balanced_accuracy_score,
    }
    frames = [
        MetricFrame(metrics=metrics, y_true=truth[known], y_pred=said[known], sensitive_features=groups[known])
        for metrics, said in ((rates, called), ({"roc_auc": roc_auc_score}, score))
    ]
    return (
        pd.concat([frame.by_group for frame in frames], axis=1).astype(float),
        pd.concat([frame.difference() for frame in frames]),
        pd.concat([frame.ratio() for frame in frames]),
    )


if __name__ == "__main__":
    sys.exit(main())
