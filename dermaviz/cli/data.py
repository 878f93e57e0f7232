"""The command line: `dermaviz data info | split | pack | synth | compare | download`."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from dermaviz.cli.options import DataColumns, DataRoot
from dermaviz.data.records import SPECS, Dataset, left_out_sentence

if TYPE_CHECKING:
    from dermaviz.data.split import Manifest

app = typer.Typer(help="Look at, split, pack, draw and download data sets.", no_args_is_help=True)
Name = Annotated[str, typer.Option("--dataset", help="Read it as one of the readers' names. Default: what fits.")]
ManifestName = Annotated[
    str,
    typer.Option(
        "--manifest",
        help="A committed split manifest's name, a path, or given: the data's own. Default: its split.csv, its own, or ham10000.",
    ),
]


class Reads(TyperCommand):
    """A command whose ``--dataset`` names every reader in its help; only then are they, and pandas with them, imported."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        from dermaviz.data.readers import READERS

        readers = "; ".join(f"{name} ({row.about})" for name, row in READERS.items())
        for option in self.params:
            if isinstance(option, TyperOption) and "--dataset" in option.opts:
                option.help = f"Read it as: {readers}. Default: what fits."
        super().format_help(ctx, formatter)


@app.command(cls=Reads)
def info(
    root: DataRoot = None,
    dataset: Name = "",
    columns: DataColumns = "",
    manifest: ManifestName = "",
    everything: Annotated[bool, typer.Option("--all", help="Name all that was left out, not only the first.")] = False,
) -> None:
    """Count images, patients, lesions and classes of each split, and say what was guessed and what was left out."""
    from dermaviz.data.split import apply_split, unknown_sentence
    from dermaviz.synthetic.datasets import is_drawn

    data = _read(dataset, root, columns)
    parts = {"all": data}
    chosen = _manifest(manifest, root, data)
    if chosen:
        parts |= apply_split(data, chosen)
    names = [f"{label[:24]:>{max(8, len(label[:24]) + 2)}}" for label in data.classes]
    typer.echo(f"{'':12}{'images':>8}{'patients':>10}{'lesions':>9}  {''.join(names)}")
    for name, part in parts.items():
        lesions = {record.lesion_id for record in part.records if record.lesion_id != record.image_id}
        patients = {record.patient_id for record in part.records if record.patient_id}
        counts = "".join(f"{n:>{len(column)}}" for n, column in zip(part.counts().values(), names, strict=True))
        typer.echo(f"{name:12}{len(part):>8}{len(patients) or '?':>10}{len(lesions) or '?':>9}  {counts}")
    said = [*data.notes, *(left_out_sentence(why, names) for why, names in data.skipped)]
    last = parts["test"].notes[-1] if chosen else f"No split is given. {unknown_sentence(data.records, split=False)}"
    typer.echo("\n" + "\n".join([*(said if everything else data.said), last]))
    if is_drawn(data):
        typer.echo("\nsynthetic lesions (schematic): nothing measured on them is a clinical finding")
    elif data.name in SPECS:
        spec = SPECS[data.name]
        typer.echo(f"\nlicence   {spec.licence}\ncitation  {spec.citation}")
    given = {"--data": str(root), "--dataset": dataset, "--columns": columns}
    options = " ".join(f"{option} {shlex.quote(value)}" for option, value in given.items() if value)
    typer.echo(f"\nNext: dermaviz audit CHECKPOINT {options}")


@app.command(cls=Reads)
def split(
    output: Annotated[Path, typer.Option("--output", "-o", help="The manifest to write (CSV: image_id, split).")],
    root: DataRoot = None,
    dataset: Name = "",
    columns: DataColumns = "",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    by_image: Annotated[
        bool, typer.Option("--by-image", help="Ignore patients and lesions: they leak, and figures come out too good.")
    ] = False,
) -> None:
    """Split a data set by patient, else by lesion, 70/10/20, stratified by class, into a manifest to keep with your recipes."""
    from dermaviz.data.split import SPLITS, split_by_group, split_by_image, unknown_sentence, write_manifest

    data = _read(dataset, root, columns)
    written = write_manifest((split_by_image if by_image else split_by_group)(data, seed), output)
    dealt = list(written.assignment.values())
    typer.echo(
        "\n".join(
            [*data.said, "Split by image: patients and lesions leak." if by_image else unknown_sentence(data.records)]
        )
    )
    shares = ", ".join(f"{name} {dealt.count(name):,}" for name in SPLITS)
    typer.echo(f"{output}: {len(dealt):,} images ({shares}), sha256 {written.sha256}")


@app.command(cls=Reads)
def hashes(
    manifest: Annotated[str, typer.Argument(help="A committed split's name, or the path of a manifest.")],
    root: DataRoot = None,
    dataset: Name = "",
    columns: DataColumns = "",
) -> None:
    """Keep perceptual hashes of a split's training images beside it, so that they are recognised wherever one is judged."""
    from dermaviz.data.known import write_hashes
    from dermaviz.data.split import manifest_path

    typer.echo(f"{write_hashes(_read(dataset, root, columns), manifest_path(manifest))}")


@app.command(cls=Reads)
def pack(
    root: DataRoot = None,
    dataset: Name = "",
    columns: DataColumns = "",
    manifest: ManifestName = "",
    height: Annotated[int, typer.Option(min=1, max=4096)] = 150,
    width: Annotated[int, typer.Option(min=1, max=4096)] = 200,
) -> None:
    """Decode the images that training needs into one memory-mapped array in $DERMAVIZ_CACHE (or ~/.cache/dermaviz)."""
    from dermaviz.data.pack import open_or_build_pack, pack_folder
    from dermaviz.data.split import apply_split, named_manifest
    from dermaviz.training.export import packed_together

    data = _read(dataset, root, columns)
    together = packed_together(apply_split(data, _manifest(manifest, root, data) or named_manifest("ham10000")))
    built = open_or_build_pack(together, height, width)
    typer.echo(f"{pack_folder(together, height, width)}: {built.images.shape}, sha256 {built.sha256}")


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
    from dermaviz.synthetic.datasets import MANIFEST, write_dataset

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


def _read(name: str, root: Path | None, columns: str) -> Dataset:
    """The data set that the options of a command name."""
    from dermaviz.data.readers import read_dataset
    from dermaviz.data.tables import parse_columns

    return read_dataset(name, root, parse_columns(columns))


def _manifest(name: str, root: Path | None, data: Dataset) -> Manifest | None:
    """The split asked for, or else the one that the data set brings along; None where there is none."""
    from dermaviz.data.split import GIVEN, given_split, named_manifest
    from dermaviz.synthetic.datasets import MANIFEST

    if name:
        return given_split(data) if name == GIVEN else named_manifest(name)
    if root and (root / MANIFEST).is_file():
        return named_manifest(str(root / MANIFEST))
    if len(data) and all(record.split for record in data.records):
        return given_split(data)
    return named_manifest(data.name) if data.name in SPECS else None
