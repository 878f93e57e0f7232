"""The command line: `dermaviz data info | split | pack | synth | compare | download`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from dermaviz.cli.options import DataRoot

app = typer.Typer(help="Look at, split, pack, draw and download data sets.", no_args_is_help=True)
Name = Annotated[
    str, typer.Option("--dataset", help="ham10000, folder (one folder per class), or csv (image path and label).")
]
ManifestName = Annotated[
    str,
    typer.Option(
        "--manifest",
        help="A committed split manifest's name, or a path. Default: the data's own split.csv, or ham10000.",
    ),
]


@app.command()
def info(root: DataRoot = None, dataset: Name = "ham10000", manifest: ManifestName = "") -> None:
    """Count images, lesions and classes of each split; with HAM10000 also licence and citation."""
    from dermaviz.data.readers import read_dataset
    from dermaviz.data.records import SPECS
    from dermaviz.data.split import apply_split, named_manifest
    from dermaviz.synthetic.writing import is_drawn

    data = read_dataset(dataset, root)
    parts = {"all": data}
    chosen = manifest or _own_manifest(root) or ("ham10000" if dataset in SPECS else "")
    if chosen:
        parts |= apply_split(data, named_manifest(chosen))
    typer.echo(f"{'':12}{'images':>8}{'lesions':>9}  " + "".join(f"{label:>8}" for label in data.classes))
    for name, part in parts.items():
        lesions = len({record.lesion_id for record in part.records})
        counts = "".join(f"{n:>8}" for n in part.counts().values())
        typer.echo(f"{name:12}{len(part):>8}{lesions:>9}  {counts}")
    if is_drawn(data):
        typer.echo("\nsynthetic lesions (schematic): nothing measured on them is a clinical finding")
    elif dataset in SPECS:
        spec = SPECS[dataset]
        typer.echo(f"\nlicence   {spec.licence}\ncitation  {spec.citation}")


@app.command()
def split(
    output: Annotated[Path, typer.Option("--output", "-o", help="The manifest to write (CSV: image_id, split).")],
    root: DataRoot = None,
    dataset: Name = "ham10000",
    seed: int = 0,
    by_image: Annotated[
        bool, typer.Option("--by-image", help="Ignore lesions: they leak, and test figures come out too good.")
    ] = False,
) -> None:
    """Split a data set by lesion, 70/10/20, stratified by class, into a manifest to keep with your recipes."""
    from dermaviz.data.readers import read_dataset
    from dermaviz.data.split import split_by_image, split_by_lesion, write_manifest

    deal = split_by_image if by_image else split_by_lesion
    written = write_manifest(deal(read_dataset(dataset, root), seed), output)
    typer.echo(f"{output}: {len(written.assignment)} images, sha256 {written.sha256}")


@app.command()
def pack(
    root: DataRoot = None,
    dataset: Name = "ham10000",
    manifest: ManifestName = "",
    height: Annotated[int, typer.Option(min=1)] = 150,
    width: Annotated[int, typer.Option(min=1)] = 200,
) -> None:
    """Decode the images that training needs into one memory-mapped array in $DERMAVIZ_CACHE (or ~/.cache/dermaviz)."""
    from dermaviz.data.pack import open_or_build_pack, pack_folder
    from dermaviz.data.readers import read_splits
    from dermaviz.training.export import packed_together

    splits, _ = read_splits(dataset, manifest or _own_manifest(root) or "ham10000", root)
    data = packed_together(splits)
    built = open_or_build_pack(data, height, width)
    typer.echo(f"{pack_folder(data, height, width)}: {built.images.shape}, sha256 {built.sha256}")


@app.command()
def synth(
    output: Annotated[
        Path, typer.Option("--out", "--output", "-o", file_okay=False, help="Folder of the new data set.")
    ],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Number of images.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Fixes the data set: the same seed draws the same images.")] = 0,
    size: Annotated[int, typer.Option(help="Side of the images in pixels, 64 to 1024.")] = 224,
    look: Annotated[str, typer.Option(help="schematic, ham10000, or ham10000-all-tones.")] = "schematic",
) -> None:
    """Draw lesions with known masks and skin tones, as a data set that every other command reads."""
    from dermaviz.data.readers import METADATA
    from dermaviz.synthetic.writing import MANIFEST, write_dataset

    started = time.perf_counter()
    write_dataset(output, n, seed, size=size, look=look)
    seconds = time.perf_counter() - started
    typer.echo(f"{output}: {n} drawn images of {size} × {size} pixels in {seconds:.1f} s ({n / seconds:.1f} images/s)")
    for name, holds in {
        "images/, masks/": "the pictures and their exact lesion masks",
        METADATA: "lesion ids, tone (ita, in degrees) and every parameter of each drawing",
        MANIFEST: "the lesions dealt to train, validation and test",
    }.items():
        typer.echo(f"  {name:22}{holds}")
    typer.echo(
        "Synthetic lesions (schematic): nothing measured on them is a clinical finding.\n\n"
        f"dermaviz data info --data {output}\n"
        f"dermaviz train RECIPE --data {output}   # with `manifest: {output / MANIFEST}` in the recipe's `data:`"
    )


@app.command()
def download(
    folder: Annotated[Path, typer.Argument(help="Where the data set goes.")],
) -> None:
    """Fetch HAM10000 with the ISIC archive's own tool, and say which images did not arrive."""
    from dermaviz.data.download import download_ham10000

    typer.echo(download_ham10000(folder))


def _own_manifest(root: Path | None) -> str:
    """The manifest that a data set brings along, as a path; empty where there is none."""
    from dermaviz.synthetic.writing import MANIFEST

    return str(root / MANIFEST) if root and (root / MANIFEST).is_file() else ""
