"""One exception family. Every message says what was expected, what was found, and what to do next."""

from __future__ import annotations


class DermaVizError(Exception):
    """Base of every error that a user can act on; pages and commands show its text and nothing else."""


class ImageError(DermaVizError):
    """A picture was refused at the door (``dermaviz.images``)."""


class DatasetError(DermaVizError):
    """A data set, split or packed array is missing, incomplete or contradicts itself."""


class RecipeError(DermaVizError):
    """A training recipe holds a key or a value that means nothing."""


class ResultError(DermaVizError):
    """The result of a report's rerun is missing or damaged, or lacks the figure that is asked for."""


class WeightsError(DermaVizError):
    """Initial weights cannot be had, or do not fit the architecture."""


class CheckpointError(DermaVizError):
    """A checkpoint folder is missing, incomplete, or its weights are not the ones on its card."""


class EvidenceError(DermaVizError):
    """Evidence of a checkpoint is missing, damaged, or was made with another model, data set or setting."""


class MissingEvidenceError(EvidenceError):
    """A table of evidence has not been made yet: nothing is wrong, and the message names the command that makes it."""


class AttentionError(DermaVizError):
    """An attention map was asked of a layer, class or method that cannot give one."""


class AttackError(DermaVizError):
    """An attack was asked for with images, classes, sizes or settings that mean nothing."""


class FairnessError(DermaVizError):
    """A skin tone, a group or a counterfactual was asked for with values that mean nothing."""


class DependencyError(DermaVizError):
    """An optional package is needed here and is not installed."""


class LedgerError(DermaVizError):
    """The ledger of the reports' claims is missing, or holds a figure or a reference that means nothing."""
