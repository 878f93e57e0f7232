"""The command line: `dermaviz explain` and `dermaviz predict`, on photos of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermaviz.cli.options import CheckpointName, Device, chosen_device
from dermaviz.models.card import DEFAULT_CHECKPOINT, find_checkpoint

if TYPE_CHECKING:
    from dermaviz.models.classifier import Classifier


def predict(
    folder: Annotated[Path, typer.Argument(help="Folder of photos; every file gets a row.")],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The CSV to write.")] = Path(
        "predictions.csv"
    ),
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    device: Device = "auto",
) -> None:
    """Predict every photo of a folder; an interrupted run is continued."""
    from dermaviz.api import load
    from dermaviz.evidence.folder import predict_folder

    classifier = load(checkpoint, device=chosen_device(device))
    rows = predict_folder(classifier, folder, output, batch_size)
    typer.echo(f"{output}: {rows} rows")


def explain_photos(
    photos: Annotated[list[Path], typer.Argument(help="Photos: JPEG, PNG, TIFF, HEIC, DICOM …")],
    output: Annotated[Path, typer.Option("--output", "-o", file_okay=False, help="Folder for overlays and raw maps.")],
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    method: Annotated[
        str, typer.Option(help="Attention method, e.g. gradcam++, gradcam, layercam, scorecam.")
    ] = "gradcam++",
    class_name: Annotated[str, typer.Option("--class", help="Class to explain; default the predicted one.")] = "",
    opacity: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    device: Device = "auto",
) -> None:
    """Write for each photo the overlay (PNG) and the raw attention map (NPY), and say what the model says."""
    from dermaviz.attention.methods import find_method
    from dermaviz.errors import DermaVizError
    from dermaviz.models.checkpoint import load_checkpoint

    find_method(method)
    classifier = load_checkpoint(find_checkpoint(checkpoint), chosen_device(device))
    if class_name and class_name not in classifier.classes:
        raise typer.BadParameter(
            f"expected one of {', '.join(classifier.classes)}, found {class_name!r}", param_hint="--class"
        )
    output.mkdir(parents=True, exist_ok=True)
    refused = 0
    for photo, stem in zip(photos, _distinct_stems(photos), strict=True):
        try:
            typer.echo(f"{photo}: {_explain_one(classifier, photo, output / stem, method, class_name, opacity)}")
        except DermaVizError as error:
            refused += 1
            typer.echo(f"{photo}: {error}", err=True)
    if refused:
        raise typer.Exit(1)


def _distinct_stems(photos: list[Path]) -> list[str]:
    """A name for each photo's results: its own, numbered where photos of several folders have the same."""
    taken: dict[str, None] = {}
    for photo in photos:
        names = (photo.stem, *(f"{photo.stem}-{number}" for number in range(2, len(photos) + 2)))
        taken[next(name for name in names if name not in taken)] = None
    return list(taken)


def _explain_one(classifier: Classifier, photo: Path, stem: Path, method: str, class_name: str, opacity: float) -> str:
    import numpy as np
    from PIL import Image

    from dermaviz.attention.localisation import overlay
    from dermaviz.attention.maps import explain
    from dermaviz.images import read_image
    from dermaviz.io import atomic_write
    from dermaviz.models.card import no_maps_reason

    prepared = classifier.prepare(read_image(photo).pixels)
    prediction = classifier.predict(prepared)
    index = classifier.classes.index(class_name) if class_name else prediction.index
    (attention,) = explain(classifier, classifier.to_tensor([prepared]), index, method=method)
    if attention.status == "unavailable":
        return f"{prediction.diagnosis} ({prediction.confidence:.0%}); no map: {no_maps_reason(classifier.card.architecture)}"
    picture = Image.fromarray(overlay(prepared, attention, opacity))
    atomic_write(stem.with_name(f"{stem.name}-overlay.png"), lambda file: picture.save(file, "PNG"))
    atomic_write(stem.with_name(f"{stem.name}-map.npy"), lambda file: np.save(file, attention.raw))
    shown = "" if attention.status == "ok" else f", map is {attention.status}"
    return (
        f"{prediction.diagnosis} ({prediction.confidence:.0%}); {attention.method} for "
        f"{classifier.classes[index]} at {attention.layer}{shown}, {attention.seconds:.2f} s"
    )
