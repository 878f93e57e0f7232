"""The command line: `dermaviz data compare` — drawn lesions held against HAM10000, and a checkpoint's answers on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dermaviz.cli.options import CheckpointName, DataRoot, Device, chosen_device
from dermaviz.io import atomic_write, csv_of
from dermaviz.models.card import DEFAULT_CHECKPOINT, find_checkpoint

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dermaviz.data.records import Record
    from dermaviz.images import RGB


NO_FINDING = "Nothing measured on drawn lesions is a clinical finding."
_SIDE = 150
_ON_A_PAGE, _QUALITY = 40, 88
_MANIFEST = "manifest.json"
_NOT_COMMITTED = "Photographs of HAM10000 are on it: look at it, and keep it out of the project."


def compare(
    output: Annotated[Path, typer.Option("--out", "--output", "-o", file_okay=False, help="Folder for the results.")],
    root: DataRoot = None,
    n: Annotated[int, typer.Option("--n", "-n", min=4, help="Photographs; half as many lesions are drawn.")] = 600,
    per_diagnosis: Annotated[int, typer.Option(min=1, help="Drawn lesions of each diagnosis for the model.")] = 20,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT,
    page: Annotated[Path | None, typer.Option(dir_okay=False, help="A picture of 40 drawn lesions to write.")] = None,
    photos: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A picture of 40 photographs beside it: not for the project.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Measure drawn lesions against HAM10000 (colours, areas, spectra), and what a checkpoint calls them."""
    from dermaviz.data.readers import read_ham10000
    from dermaviz.models.checkpoint import load_checkpoint
    from studies.drawn_lesions import drawn
    from studies.drawn_lesions.realism import measure_pictures

    classifier = load_checkpoint(find_checkpoint(checkpoint), chosen_device(device))
    records = drawn.one_per_lesion(read_ham10000(root), n, seed)
    diagnoses = [record.label for record in records[: len(records) // 2]]
    sets = {drawn.PHOTOGRAPHS: measure_pictures(_photographs(records), _SIDE, seed=seed)}
    sets |= {name: measure_pictures(drawn.draw_set(name, diagnoses, seed), _SIDE, seed=seed) for name in drawn.DRAWN}
    tables = {
        "distances": drawn.distance_table(sets, seed),
        "colours": drawn.colour_table(sets),
        "spectra": drawn.spectrum_table(sets, _SIDE),
        "answers": drawn.answers(classifier, per_diagnosis, seed + 1),
    }
    _write_tables(output, tables)
    _write_figures(output / "figures", tables, classifier.classes)
    facts = {"n": len(records), "drawn": len(diagnoses), "per_diagnosis": per_diagnosis, "seed": seed}
    card = classifier.card
    _write_manifest(output, facts | {"checkpoint": card.name, "weights_sha256": card.weights_sha256})
    _write_pages(page, photos, records[:_ON_A_PAGE], seed)
    typer.echo(tables["distances"].drop(columns="distance").round(2).to_string(index=False))
    typer.echo(f"\n{output}: {', '.join(f'{name}.csv' for name in tables)}, figures/. {NO_FINDING}")


def _photographs(records: list[Record]) -> Iterator[tuple[RGB, NDArray[np.bool_]]]:
    from dermaviz.data.masks import read_mask
    from dermaviz.images import read_image

    for record in records:
        yield read_image(record.path).pixels, read_mask(record)


def _write_tables(output: Path, tables: dict[str, pd.DataFrame]) -> None:
    (output / _MANIFEST).unlink(missing_ok=True)
    for name, table in tables.items():
        atomic_write(output / f"{name}.csv", csv_of(table, float_format="%.5g"))


def _write_figures(folder: Path, tables: dict[str, pd.DataFrame], classes: tuple[str, ...]) -> None:
    from studies.drawn_lesions.plots import answers_figure, colours_figure, distances_figure, spectrum_figure

    figures = {
        "distances": distances_figure(tables["distances"]),
        "colours": colours_figure(tables["colours"].round(5)),
        "spectra": spectrum_figure(tables["spectra"].round(3)),
    }
    for number, (_, rows) in enumerate(tables["answers"].groupby("set", sort=False), start=1):
        figures[f"answers-{number}"] = answers_figure(rows, classes)
    for name, figure in figures.items():
        figure.update_layout(template="none")  # Plotly's own is 8 kB a figure
        atomic_write(folder / f"{name}.json", figure.to_json() + "\n")


def _write_manifest(output: Path, facts: dict[str, Any]) -> None:
    """Written last: without it the folder is not whole."""
    from dermaviz.data.records import HAM10000

    said = {"note": NO_FINDING, "photographs": HAM10000.citation, "licence": HAM10000.licence, "side": _SIDE}
    text = json.dumps(facts | said, indent=2, ensure_ascii=False) + "\n"
    atomic_write(output / _MANIFEST, text)


def _write_pages(page: Path | None, photos: Path | None, records: list[Record], seed: int) -> None:
    from PIL import Image

    from studies.drawn_lesions import drawn

    if page:
        lesions = drawn.draw_set(next(iter(drawn.DRAWN)), (record.label for record in records), seed)
        Image.fromarray(drawn.page([picture for picture, _ in lesions])).save(page, quality=_QUALITY)
    if photos:
        pictures = [picture for picture, _ in _photographs(records)]
        Image.fromarray(drawn.page(pictures)).save(photos, quality=_QUALITY)
        typer.echo(f"{photos}: {_NOT_COMMITTED}")
