"""The command line: `dermaviz data info | split | pack | download`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermaviz.cli.options import DataRoot

app = typer.Typer(help="Look at, split, pack and download data sets.", no_args_is_help=True)
Name = Annotated[
    str, typer.Option("--dataset", help="ham10000, folder (one folder per class), or csv (image path and label).")
]


@app.command()
def info(root: DataRoot = None, dataset: Name = "ham10000", manifest: str = "ham10000") -> None:
    """Count images, lesions and classes of each split; with HAM10000 also licence and citation."""
    from dermaviz.datasets.catalogue import read_dataset
    from dermaviz.datasets.specs import SPECS
    from dermaviz.datasets.split import apply_split, named_manifest

    data = read_dataset(dataset, root)
    parts = {"all": data}
    if dataset in SPECS or manifest != "ham10000":
        parts |= apply_split(data, named_manifest(manifest))
    typer.echo(f"{'':12}{'images':>8}{'lesions':>9}  " + "".join(f"{label:>8}" for label in data.classes))
    for name, part in parts.items():
        lesions = len({record.lesion_id for record in part.records})
        counts = "".join(f"{n:>8}" for n in part.counts().values())
        typer.echo(f"{name:12}{len(part):>8}{lesions:>9}  {counts}")
    if dataset in SPECS:
        spec = SPECS[dataset]
        typer.echo(f"\nlicence   {spec.licence}\ncitation  {spec.citation}")


@app.command()
def split(
    output: Annotated[Path, typer.Option("--output", "-o", help="The manifest to write (CSV: image_id, split).")],
    root: DataRoot = None,
    dataset: Name = "ham10000",
    seed: int = 0,
) -> None:
    """Split a data set by lesion, 70/10/20, stratified by class, into a manifest to keep with your recipes."""
    from dermaviz.datasets.catalogue import read_dataset
    from dermaviz.datasets.split import split_by_lesion, write_manifest

    written = write_manifest(split_by_lesion(read_dataset(dataset, root), seed), output)
    typer.echo(f"{output}: {len(written.assignment)} images, sha256 {written.sha256}")


@app.command()
def pack(
    root: DataRoot = None,
    dataset: Name = "ham10000",
    manifest: str = "ham10000",
    height: Annotated[int, typer.Option(min=1)] = 150,
    width: Annotated[int, typer.Option(min=1)] = 200,
) -> None:
    """Decode the images that training needs into one memory-mapped array in $DERMAVIZ_CACHE (or ~/.cache/dermaviz)."""
    from dermaviz.datasets.catalogue import read_splits
    from dermaviz.datasets.pack import open_or_build_pack, pack_folder
    from dermaviz.training.data import packed_together

    splits, _ = read_splits(dataset, manifest, root)
    data = packed_together(splits)
    built = open_or_build_pack(data, height, width)
    typer.echo(f"{pack_folder(data, height, width)}: {built.images.shape}, sha256 {built.sha256}")


@app.command()
def download(
    folder: Annotated[Path, typer.Argument(help="Where the data set goes.")],
) -> None:
    """Fetch HAM10000 with the ISIC archive's own tool, and say which images did not arrive."""
    from dermaviz.datasets.download import download_ham10000

    typer.echo(download_ham10000(folder))
