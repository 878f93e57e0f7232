"""The public surface: load a model, ask it about an image, explain and attack its answer, audit it, and report.

Each function is a few lines over a room of the library. Examples run as written in a clone or after ``pip install``; a test
runs them on a drawn lesion. Educational; nothing here is a diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dermaviz.errors import AttackError, AttentionError
from dermaviz.images import RGB, Image

if TYPE_CHECKING:
    from dermaviz.attention.methods import AttentionMap
    from dermaviz.data.records import Dataset
    from dermaviz.evidence.predictions import Audited
    from dermaviz.models.answer import Prediction
    from dermaviz.models.classifier import Classifier
    from dermaviz.models.importing import ImportedModel


def load(checkpoint: str | Path = "ham10000-efficientnet-lite0", *, device: str = "cpu") -> Classifier:
    """A classifier with its card: by the name of an installed checkpoint, or the path of a checkpoint's folder.

    Args:
        checkpoint: a name such as ``ham10000-efficientnet-lite0``, or a folder with ``card.json`` and ``model.safetensors``.
        device: ``cpu``, ``cuda``, ``cuda:1`` …

    Returns:
        A frozen classifier in eval mode; threads may share it. It knows what is out of distribution where its folder does.

    Raises:
        CheckpointError: there is none of this name (those there are named), or it is damaged.

    >>> import dermaviz as dv
    >>> model = dv.load("ham10000-efficientnet-lite0")
    >>> model.classes
    ('akiec', 'bcc', 'bkl', 'df', 'mel', 'nv', 'vasc')
    """
    from dermaviz.models.card import find_checkpoint
    from dermaviz.models.checkpoint import load_checkpoint
    from dermaviz.ood import read_detector

    folder = find_checkpoint(checkpoint)
    model = load_checkpoint(folder, device)
    found = read_detector(folder, model.card)
    return replace(model, detector=found[0]) if found else model


def import_model(source: str | Path, *, name: str, **known: Any) -> ImportedModel:
    """Make a checkpoint of a network from elsewhere, and try it on a drawn lesion.

    Args:
        source: a state dict (plain, of Lightning, DataParallel, EMA, or nested), safetensors, TorchScript, ONNX, a Hugging Face
            folder, ``hf-hub:OWNER/NAME``, or ``FILE.py:FACTORY``, code of your own, which only then is run.
        name: what the checkpoint is called from now on.
        known: what the source does not say: ``architecture``, ``classes`` (in the order of the outputs), ``malignant``,
            ``input_size`` in pixels, ``mean`` and ``std`` for pixels in [0, 1], ``sharpness`` in pixels, ``layer`` to explain,
            the ``folder`` to write, and ``replace=True`` to import anew what was imported there.

    Raises:
        WeightsError: the source holds no network, or does not say something that is not given either; the message asks for it.
        CheckpointError: the name is taken.

    >>> import dermaviz as dv
    >>> imported = dv.import_model("resnet.pth", name="mine", classes=["benign", "mel"])
    >>> imported.model.card.architecture, imported.checks["map"]
    ('resnet18', 'a Grad-CAM++ map of 7 × 7 places at layer4')
    """
    from dermaviz.models.importing import import_checkpoint

    made = import_checkpoint(str(source), name, **known)
    return replace(made, checks=try_out(made.model))


_TOO_COARSE = 4
"""Places along a map's side below which it cannot say where on a lesion."""


def try_out(model: Classifier) -> dict[str, str]:
    """What a model gives for a drawn lesion: "diagnosis", "map" and "attack", each with a sentence, or why it gives nothing."""
    from dermaviz.attention.methods import METHODS
    from dermaviz.models.card import no_maps_reason
    from dermaviz.synthetic import Parameters, draw

    image = draw(Parameters()).image
    answer = model.predict(image)
    tried = {"diagnosis": f"{answer.diagnosis} ({answer.confidence:.0%}) for a drawn nevus"}
    try:
        found = explain(model, image)
        height, width = found.raw.shape
        said = f"a {METHODS[found.method].label} map of {height} × {width} places at {found.layer}"
        tried["map"] = no_maps_reason(model.card.architecture) if found.status == "unavailable" else said
        if min(height, width) < _TOO_COARSE and found.status != "unavailable":
            tried["map"] += ", too coarse to say where on a lesion"
        if found.status not in ("ok", "unavailable"):
            tried["map"] += f", which is {found.status} here"
    except AttentionError as error:
        tried["map"] = f"none: {error}"
    try:
        tried["attack"] = str(attack(model, image))
    except AttackError as error:
        tried["attack"] = f"none: {error}"
    return tried


def explain(model: Classifier, image: Image | RGB, *, method: str = "gradcam++", of: str | None = None) -> AttentionMap:
    """The attention map of a class: where the image raised its score.

    Args:
        model: as :func:`load` gives it; it is not changed.
        image: as :func:`read_image` gives it, or pixels uint8 ``[H, W, 3]``, sRGB.
        method: a name in ``dermaviz.attention.methods.METHODS``.
        of: the class to explain; the predicted one by default.

    Returns:
        ``raw`` float32 ``[h, w]`` as the method gave it, ``normalised`` in [0, 1], and ``status``, which says where there is
        nothing to see.

    Raises:
        AttentionError: no such method or class, or the network gives no map.

    >>> import dermaviz as dv
    >>> attention = dv.explain(dv.load(), dv.read_image("mole.png"), method="gradcam++", of="mel")
    >>> attention.method, attention.status
    ('gradcam++', 'ok')
    """
    from dermaviz.attention.maps import explain as explain_images

    answer = model.predict(image)
    index = answer.index if of is None else _class_index(model, of, AttentionError)
    return explain_images(model, model.to_tensor([answer.prepared]), index, method=method)[0]


@dataclass(frozen=True, eq=False)
class AttackedImage:
    """An image after an attack: ``pixels`` float32 ``[S, S, 3]`` in [0, 1], nowhere further than ``epsilon`` from the original.

    ``reached`` says whether the attack got where it was meant to. Where there was ``zero_gradient`` it had nothing to follow,
    so that it failed shows no robustness. ``file`` is uint8 ``[S, S, 3]``, the attack in whole grey levels, as a PNG holds it.
    """

    method: str
    epsilon: float
    before: Prediction
    after: Prediction
    pixels: NDArray[np.float32]
    file: RGB
    reached: bool
    zero_gradient: bool

    def __str__(self) -> str:
        before, after = (f"{said.diagnosis} {said.confidence:.1%}" for said in (self.before, self.after))
        return f"{self.method} at ε = {self.epsilon * 255:.3g}/255: {before} before, {after} after."


def attack(
    model: Classifier,
    image: Image | RGB,
    *,
    method: str = "fgsm",
    epsilon: float = 1 / 255,
    towards: str | None = None,
    seed: int = 0,
) -> AttackedImage:
    """An adversarial example: the image as the model sees it, each value of each pixel moved by at most ``epsilon``.

    Args:
        method: a name in ``dermaviz.robustness.attacks.ATTACKS``: attacks, and noise of the same size.
        epsilon: the L∞ radius for pixels in [0, 1]; 1/255 is one grey level.
        towards: the class to arrive at; by default away from the model's own answer.
        seed: of noise and of random starts.

    Raises:
        AttackError: no such attack or class, or an ε outside [0, 1].

    Source: Goodfellow et al. 2015 (FGSM), Madry et al. 2018 (PGD).

    >>> import dermaviz as dv
    >>> attacked = dv.attack(dv.load(), dv.read_image("mole.png"), method="fgsm", epsilon=3e-3)
    >>> attacked.before.diagnosis == attacked.after.diagnosis
    False
    """
    from dermaviz.models.answer import Prediction
    from dermaviz.robustness.attacks import find_attack
    from dermaviz.robustness.flips import eight_bit
    from dermaviz.robustness.gradients import Goal

    answer = model.predict(image)
    goal = (
        Goal.away_from([answer.index]) if towards is None else Goal.towards([_class_index(model, towards, AttackError)])
    )
    images = model.to_tensor([answer.prepared])
    attacked = find_attack(method).run(model, images, goal, epsilon, [seed])
    return AttackedImage(
        method=method,
        epsilon=epsilon,
        before=answer,
        after=Prediction(model.classes, model.calibrated(attacked.logits)[0], model.malignant),
        pixels=attacked.images[0].permute(1, 2, 0).cpu().numpy(),
        file=eight_bit(model, images, attacked, goal).pixels[0],
        reached=bool(attacked.reached[0]),
        zero_gradient=bool(attacked.zero_gradient[0]),
    )


def read_dataset(root: str | Path, *, reader: str = "", columns: str = "") -> Dataset:
    """A data set of labelled images: a folder for each class, any table of images and labels, or one of the published sets.

    Args:
        root: its folder, or its table.
        reader: a name in ``dermaviz.data.readers.READERS``; by default the one that fits what is there.
        columns: which column holds what, as in ``image=path,label=dx,patient=person``; the others are found by their names.

    Returns:
        The records, with ``said``: a sentence for each guess, and for whatever was left out.

    Raises:
        DatasetError: nothing there can be read as a data set.

    >>> import dermaviz as dv
    >>> lesions = dv.read_dataset("lesions/")
    >>> len(lesions), lesions.said
    (14, ('Read as HAM10000 as published, and drawn lesions.',))
    """
    from dermaviz.data import readers
    from dermaviz.data.tables import parse_columns

    return readers.read_dataset(reader, Path(root), parse_columns(columns))


def audit(
    model: Classifier, dataset: Dataset, *, name: str = "your images", labels: Mapping[str, str] | None = None
) -> Audited:
    """Ask the model about every image of a data set: evidence in memory, from which figures, charts and reports are made.

    Images that the model was trained on are left out, by their ids or their look, and so are pictures that cannot be read; both
    are said.

    Args:
        dataset: as :func:`read_dataset` gives it. Some of the model's classes are enough, in any spelling; labels that stand
            for several of them (benign and malignant) are measured as groups.
        name: what the report calls these images.
        labels: what labels stand for where that is not plain: ``{"melanocytic": "nv", "other": "bkl+df"}``.

    Returns:
        Labels, calibrated probabilities ``[N, C]``, lesions and metadata. ``summary()`` is a table of every figure with its
        95% interval, from a bootstrap over patients, or lesions where they are not known; ``said`` are sentences on what was
        guessed and left out.

    Raises:
        DatasetError: it is not known what a label stands for, or no image is left.

    >>> import dermaviz as dv
    >>> audited = dv.audit(dv.load(), dv.read_dataset("lesions/"))
    >>> list(audited.summary().columns)[:3]
    ['metric', 'label', 'class']
    """
    import pandas as pd
    from tqdm import tqdm

    from dermaviz.evidence.evaluate import prediction_rows, without_rows
    from dermaviz.evidence.images import fit_to
    from dermaviz.evidence.predictions import audited_from
    from dermaviz.evidence.tables import PART
    from dermaviz.models.card import Checkpoint
    from dermaviz.models.classifier import grouped

    images = fit_to(model.card, dataset, labels)
    asked = grouped(model, images.groups)
    parts = [slice(first, first + PART) for first in range(0, len(images.dataset), PART)]
    made = prediction_rows(asked, images.dataset, parts)
    rows = pd.concat(tqdm(made, "asking the model", len(parts), delay=2, leave=False), ignore_index=True)
    said = without_rows(images, images.dataset, rows).kept
    checkpoint = Checkpoint(Path(model.card.name), model.card).asked(images.groups)
    return replace(audited_from(rows, checkpoint, name), said=said)


def report(audited: Audited, path: str | Path) -> Path:
    """Write one self-contained HTML file: the model's card, figures with intervals, charts, and what they cannot say.

    It opens without a network. Returns its path.

    >>> import dermaviz as dv
    >>> dv.report(dv.audit(dv.load(), dv.read_dataset("lesions/")), "audit.html").name
    'audit.html'
    """
    from dermaviz.html_report import write_report

    return write_report(audited, Path(path))


def _class_index(model: Classifier, name: str, error: type[AttackError] | type[AttentionError]) -> int:
    if name not in model.classes:
        raise error(f"expected a class among {', '.join(model.classes)}, found {name!r}. Correct the spelling.")
    return model.classes.index(name)
