"""Benchmarks: the default checkpoint's forwards at batch 32 by other engines than eager PyTorch, and how far their answers move.

``python -m benchmarks.engines [NAME…] [--cpu]``: eager, ``torch.compile``, ONNX Runtime and, where it is installed, OpenVINO (no
dependency: ``pip install --target DIR openvino``, ``PYTHONPATH=DIR``). Each line: images a second, the ratio of times to eager,
and the largest difference of a logit. ``--cpu`` counts the seconds of the processor on one thread, which other work on the
machine changes little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import measure
from benchmarks.measure import compare
from benchmarks.subjects import DEFAULT_CHECKPOINT
from dermaviz.models.checkpoint import load_checkpoint

BATCH = 32
Engine = Callable[[], NDArray[np.float32]]


def engines(folder: Path) -> Mapping[str, Callable[[], Engine]]:
    """By name, what makes an engine that answers the same seeded images."""
    classifier = load_checkpoint(DEFAULT_CHECKPOINT)
    size = classifier.input_size
    seen = classifier.normalise(torch.rand(BATCH, 3, size, size, generator=torch.Generator().manual_seed(0)))
    network, written = classifier.network, folder / "model.onnx"

    def eager(network: Callable[[torch.Tensor], torch.Tensor] = network) -> NDArray[np.float32]:
        with torch.inference_mode():
            return network(seen).numpy()

    def exported() -> Path:
        if not written.exists():
            torch.onnx.export(network, (seen,), str(written), dynamo=False)
        return written

    def onnxruntime() -> Engine:
        import onnxruntime as ort  # type: ignore[import-untyped]

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        session = ort.InferenceSession(str(exported()), settings, providers=["CPUExecutionProvider"])
        name, pixels = session.get_inputs()[0].name, seen.contiguous().numpy()
        return lambda: session.run(None, {name: pixels})[0]

    def openvino() -> Engine:
        import openvino as ov  # type: ignore[import-not-found]

        core = ov.Core()
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"})
        model, pixels = core.compile_model(core.read_model(exported()), "CPU"), seen.contiguous().numpy()
        return lambda: model([pixels])[0]

    return {
        "eager": lambda: eager,
        "torch.compile": lambda: partial(eager, torch.compile(network)),
        "onnxruntime": onnxruntime,
        "openvino": openvino,
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=str(__doc__).splitlines()[0])
    parser.add_argument("--cpu", action="store_true", help="seconds of the processor, on one thread")
    parser.add_argument("names", nargs="*", metavar="NAME", help="engines; all by default")
    options = parser.parse_args(arguments)
    if options.cpu:
        torch.set_num_threads(1)
        measure.time.perf_counter = time.process_time
    with tempfile.TemporaryDirectory() as folder:
        made = engines(Path(folder))
        eager = made["eager"]()
        said = eager()
        print(f"{'engine':<16}{'images/s':>10}{'ratio':>8}{'logits differ':>15}   {torch.get_num_threads()} threads")
        for name, make in made.items():
            if options.names and name not in options.names:
                continue
            try:
                engine = make()
                apart = float(np.abs(engine() - said).max())
            except (ImportError, RuntimeError) as failure:
                print(f"{name:<16}not measured: {' '.join(str(failure).split())[:90]}")
                continue
            row = compare(name, engine, eager, against="eager", checkpoint=DEFAULT_CHECKPOINT.name)
            print(f"{name:<16}{BATCH / row.ours:>10.0f}{row.ratio:>8.2f}{apart:>15.1e}", flush=True)


if __name__ == "__main__":
    main()
