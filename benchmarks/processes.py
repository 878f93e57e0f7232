"""Benchmarks: an audit by one process and by two, ``python -m benchmarks.processes [--images 512]``, on an idle machine.

The table ``predictions`` of drawn lesions by ``dermaviz audit`` and by ``torchrun --nproc-per-node 2 -m dermaviz audit``, one
thread a process. Prints the seconds that the manifest tells and how many times faster two are (target: 1.8); their rows are
the same. ``--memory [FEW MANY]`` audits so many images instead (500 and 4,000) and prints the peak memory of each, which may
differ by a tenth.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.subjects import CLASSES, DEFAULT_CHECKPOINT
from dermaviz.evidence.store import DataSplit, read_evidence
from dermaviz.synthetic import Parameters, draw

TIMES, MORE = 1.8, 1.1


def draw_folder(folder: Path, images: int) -> Path:
    """Drawn lesions in a folder a class, few of them different."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for i in range(images):
        path = folder / CLASSES[i % len(CLASSES)] / f"{i:05d}.jpg"
        if i < 5 * len(CLASSES):
            Image.fromarray(draw(Parameters(seed=i, dx=CLASSES[i % len(CLASSES)], size=200)).image).save(
                path, quality=92
            )
        else:
            shutil.copy(folder / CLASSES[i % len(CLASSES)] / f"{i % (5 * len(CLASSES)):05d}.jpg", path)
    return folder


def audited(checkpoint: Path, data: Path, processes: int) -> tuple[float, object]:
    """Seconds of the audit, without its start, and its rows."""
    run = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"] if processes > 1 else []
    command = [
        sys.executable,
        "-m",
        *run,
        "dermaviz",
        "audit",
        str(checkpoint),
        "--data",
        str(data),
        "--as",
        "drawn-folder",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, "--split", "all"], check=True, env=environment, capture_output=True)
    of = DataSplit("drawn-folder", "all")
    from dermaviz.models.card import CARD, read_card

    evidence = read_evidence(
        checkpoint, "predictions", of, checkpoint_sha256=read_card(checkpoint / CARD).answers_sha256
    )
    shutil.rmtree(checkpoint / "evidence" / "drawn-folder")
    return float(evidence.manifest.made["seconds"]), evidence.table


def main(arguments: list[str] | None = None) -> int:
    """Measure; 0 when the target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processes", description=str(__doc__).splitlines()[0])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument(
        "--memory", nargs="*", type=int, metavar="N", help="peak memory at 500 and 4,000 images, or at these"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder, checkpoint = Path(name), Path(name) / DEFAULT_CHECKPOINT.name
        shutil.copytree(DEFAULT_CHECKPOINT, checkpoint)
        if options.memory is not None:
            peaks = []
            for images in options.memory or (500, 4_000):
                audited(checkpoint, draw_folder(folder / str(images), images), 1)
                peaks.append(
                    resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                )  # of all so far: few come first
                print(f"{images:>7,} images: {peaks[-1]:,.0f} MiB at most so far", flush=True)
            return int(peaks[-1] > MORE * peaks[0])
        data = draw_folder(folder / "data", options.images)
        (one, rows), (two, same) = (audited(checkpoint, data, n) for n in (1, 2))
        assert rows.equals(same), "expected the same rows from one process and from two"  # type: ignore[attr-defined]
    print(f"one process {one:.1f} s, two {two:.1f} s: {one / two:.2f} times as fast (target {TIMES})")
    return int(one / two < TIMES)


if __name__ == "__main__":
    sys.exit(main())
