"""One of two training processes, started by test_processes.py: RECIPES_AND_DATA.pickle RUNS."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from torch import Tensor

from dermaviz.training.loop import Trainer


class Interrupted(Trainer):
    """A trainer that is stopped in the middle of the second epoch."""

    def train_step(self, images: Tensor, views: Tensor, labels: Tensor, size: int) -> float:
        """Stop before the third batch of the second epoch."""
        if (self.progress.epoch, self.progress.step) == (1, 2):
            raise InterruptedError
        return super().train_step(images, views, labels, size)


def main(inputs: Path, runs: Path) -> None:
    """Train the first recipe; train the second one unbroken, and once more with an interruption."""
    plain, varied, data = pickle.loads(inputs.read_bytes())
    Trainer(plain, data, runs / "plain").fit()
    Trainer(varied, data, runs / "unbroken").fit()
    try:
        Interrupted(varied, data, runs / "interrupted").fit()
    except InterruptedError:
        Trainer(varied, data, runs / "interrupted").fit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
