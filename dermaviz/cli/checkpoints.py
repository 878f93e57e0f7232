"""The command line: `dermaviz import`, `train`, `evaluate`, `report` and `ood`, which make a checkpoint and judge it; `predict`
and `explain`, which ask it about photos of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermaviz.cli.options import CheckpointArgument, CheckpointName, DataRoot, Device, Draws, at_hand, chosen_device
from dermaviz.models.card import CARD, DEFAULT_CHECKPOINT, Checkpoint, find_checkpoint, new_checkpoint_folder, read_card

if TYPE_CHECKING:
    from dermaviz.data.split import Split
    from dermaviz.models.classifier import Classifier


def import_model(
    source: Annotated[
        str,
        typer.Argument(
            help="A state dict (.pth, .ckpt, .safetensors), TorchScript, ONNX, a Hugging Face folder, hf-hub:OWNER/NAME, or "
            "FILE.py:FACTORY, code of your own, which only then is run."
        ),
    ],
    name: Annotated[str, typer.Option(help="What the checkpoint, and its folder, are called from now on.")],
    architecture: Annotated[str, typer.Option(help="timm's name, torchvision:NAME or FILE.py:FACTORY.")] = "",
    classes: Annotated[str, typer.Option(help="Names in the order of the outputs: a,b,c.")] = "",
    malignant: Annotated[str, typer.Option(help="Those that count as malignant: a,b; or none.")] = "",
    input_size: Annotated[int, typer.Option(help="Side of the square input in pixels.")] = 0,
    mean: Annotated[str, typer.Option(help="Of each channel, for pixels from 0 to 1: 0.485,0.456,0.406.")] = "",
    std: Annotated[str, typer.Option(help="Of each channel, likewise.")] = "",
    sharpness: Annotated[int, typer.Option(help="Short side of the training images in pixels before resizing.")] = 0,
    layer: Annotated[str, typer.Option(help="The layer to explain, a dotted module name.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Import anew what was imported under this name; its evidence stays.")
    ] = False,
) -> None:
    """Make a checkpoint of a network from elsewhere. What it says nothing of is guessed and said, or asked for by name.

    It is written into the first folder of $DERMAVIZ_CHECKPOINTS; without that into checkpoints/ beside DermaViz in a clone, or in
    the current folder where it is installed.
    """
    from dermaviz import api

    made = api.import_model(
        source, name=name, architecture=architecture, classes=_names(classes), input_size=input_size,
        malignant=() if malignant == "none" else _names(malignant) or None, mean=_numbers(mean, "--mean"),
        std=_numbers(std, "--std"), sharpness=sharpness, layer=layer, replace=replace,
    )  # fmt: skip
    typer.echo(str(made))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in _names(text))
    except ValueError:
        found = (0.0,)
    if len(found) not in (0, 3):
        raise typer.BadParameter(f"expected three numbers such as 0.485,0.456,0.406, found {text!r}", param_hint=option)
    return found


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, e.g. recipes/ham10000-efficientnet-lite0.yaml.")],
    root: DataRoot = None,
    runs: Annotated[Path, typer.Option(help="Where the run's states and metrics.jsonl go.")] = Path("runs"),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Checkpoint folder; default checkpoints/NAME.")
    ] = None,
) -> None:
    """Train a recipe, from its saved state where there is one, and write the checkpoint.

    Several processes, on GPUs or on CPU cores: `torchrun --nproc-per-node 2 -m dermaviz train RECIPE`. (On CPU cores
    `accelerate launch` starts one process only.)
    """
    from accelerate import PartialState

    from dermaviz.training.export import export_checkpoint, load_training_data
    from dermaviz.training.loop import Trainer
    from dermaviz.training.recipe import read_recipe

    chosen = read_recipe(recipe)
    Trainer(chosen, load_training_data(chosen, root), runs / chosen.name).fit()
    if PartialState().is_main_process:
        folder = output or new_checkpoint_folder(chosen.name)
        card = export_checkpoint(chosen, runs / chosen.name, folder, root)
        typer.echo(f"{folder}: temperature {card.temperature:.3f}, stored as {card.training['stored_as']}")
        _show(card.metrics["validation"], "validation")


def evaluate(
    checkpoint: CheckpointArgument,
    root: DataRoot = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    draws: Draws = 1000,
    device: Device = "auto",
) -> None:
    """Measure a checkpoint on a split of its data set, and write the figures on its card."""
    from dermaviz.data.split import SPLITS
    from dermaviz.evidence.evaluate import evaluate_checkpoint

    if split not in SPLITS:
        raise typer.BadParameter(f"expected one of {', '.join(SPLITS)}, found {split!r}", param_hint="--split")
    chosen: Split = split
    card = evaluate_checkpoint(find_checkpoint(checkpoint), root, chosen, draws=draws, device=chosen_device(device))
    _show(card.metrics[split], split)


def _show(figures: dict[str, object], split: str) -> None:
    unit = "patients" if "n_patients" in figures else "lesions"
    typer.echo(f"{split}: {figures['n_images']} images of {figures[f'n_{unit}']} {unit}, 95% intervals over {unit}")
    for name, figure in figures.items():
        if isinstance(figure, dict) and "low" in figure:
            exact = "  exact" * figure.get("exact", False)
            typer.echo(f"  {name:28} {figure['value']:.3f}  [{figure['low']:.3f}, {figure['high']:.3f}]{exact}")
    constant = figures["constant_answer"]
    if isinstance(constant, dict):
        row = "  ".join(f"{k} {v:.3f}" for k, v in constant.items() if isinstance(v, float))
        typer.echo(f"  always answering {constant['class']}: {row}")


def report(
    checkpoint: CheckpointArgument,
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The HTML file to write.")] = Path(
        "audit.html"
    ),
    dataset: Annotated[
        str,
        typer.Option(help="Whose evidence to report, as isic-uda1/test; by default what the pages show first."),
    ] = "",
    split: Annotated[str, typer.Option(help="The split, where --dataset names none.")] = "test",
    pictures: Annotated[
        bool, typer.Option(help="Show what it says of four public-domain photographs; needs its weights.")
    ] = True,
) -> None:
    """Write one self-contained HTML file from a checkpoint's evidence: five findings, figures, charts, what they cannot say."""
    from dermaviz.errors import EvidenceError
    from dermaviz.evidence.findings import command_missing
    from dermaviz.evidence.predictions import data_sets, internal, read_audited
    from dermaviz.html_report import write_report
    from dermaviz.models.checkpoint import load_checkpoint

    found = Checkpoint(find_checkpoint(checkpoint), read_card(find_checkpoint(checkpoint) / CARD))
    known = data_sets(found)
    name = dataset or internal(found.card).data_set
    wanted = name if "/" in name else f"{name}/{split}"
    mine = [one for one in known if str(one) == wanted] or [one for one in known if one.data_set == name]
    of = next(iter(mine or ([] if dataset else known[:1])), None)
    if of is None and dataset:
        there = ", ".join(map(str, known)) or "none"
        raise typer.BadParameter(
            f"expected a data set with evidence ({there}), found {wanted!r}", param_hint="--dataset"
        )
    try:
        audited = read_audited(found, of)
    except EvidenceError as error:
        raise EvidenceError(at_hand(str(error), found.folder, of) if of else str(error)) from error
    path = write_report(audited, output, load_checkpoint(found.folder) if pictures else None)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB, opens without a network")
    if of and (command := command_missing(found, of)):
        typer.echo(f"It would say more after: {at_hand(command, found.folder, of)}")


def out_of_distribution(
    checkpoint: CheckpointArgument,
    root: DataRoot = None,
    outside: Annotated[
        Path | None,
        typer.Option(help="Folder with a sub-folder for each kind of picture that is no dermatoscopic image."),
    ] = None,
    external: Annotated[
        Path | None,
        typer.Option(help="Dermatoscopic photographs of other cameras: a CSV, or the folder of isic-uda1."),
    ] = None,
    manifest: Annotated[
        str, typer.Option(help="Their split: validation widens the limit, test is measured.")
    ] = "isic-uda1",
    components: Annotated[int, typer.Option(help="Main directions of the features.", min=1)] = 128,
    refused: Annotated[
        float, typer.Option(help="Share of validation photos that may be refused.", min=0, max=0.5)
    ] = 0.015,
    draws: Draws = 1000,
    device: Device = "auto",
) -> None:
    """Teach a checkpoint what is out of distribution: fit on training images, set the limit on validation, measure it.

    Outside pictures are only measured on, never learned from. `tests/fetch_outside_pictures.py` gathers some.
    """
    from dermaviz.data.readers import read_splits
    from dermaviz.ood.fitting import fit_checkpoint_detector

    folder = find_checkpoint(checkpoint)
    elsewhere = read_splits("", manifest, external)[0] if external else None
    facts = fit_checkpoint_detector(
        folder,
        root,
        outside,
        external=elsewhere,
        components=components,
        refused=refused,
        draws=draws,
        device=chosen_device(device),
    )
    share = f"{facts.refused_on_validation:.2%} of validation refused"
    typer.echo(f"{folder.name}: fitted on {facts.trained_on:,} photos, limit {facts.limit:.2f}, {share}")
    for found in facts.shares:
        what = f"{found.of}, {found.meaning}"
        value = f"{found.value:.4f}  [{found.low:.4f}, {found.high:.4f}]{'  exact' * found.exact}"
        typer.echo(f"  {what:48} {value}  {found.pictures:,} pictures of {found.sources:,}")


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
    from dermaviz.evidence.evaluate import predict_folder

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
