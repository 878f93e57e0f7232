"""Hostile files at every door: pictures, label sheets, recipes, cards, manifests and tables of evidence, spoilt byte by byte.

``python tests/fuzz/files.py [N] [SEED]`` reads N of them and prints those at which something else than our own errors came out,
or that took too long; exit code 1 if there is one. A share of it is a test (``tests/test_hostile_files.py``).
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from dermaviz.data.readers import read_dataset
from dermaviz.data.split import read_manifest
from dermaviz.errors import DermaVizError
from dermaviz.evidence.predictions import audited_from
from dermaviz.evidence.store import DataSplit, Source, parquet_bytes, read_evidence, write_evidence
from dermaviz.fairness.looking import read_label_sheet
from dermaviz.images import read_image
from dermaviz.models.card import Checkpoint, read_card
from dermaviz.training.recipe import read_recipe

ROOT = Path(__file__).parents[2]
CARD = ROOT / "checkpoints" / "ham10000-efficientnet-lite0" / "card.json"
SECONDS = 5.0
CELLS = (
    "", "nan", "-inf", "1e400", "=1+1", "\x00", "ISIC_1", "mel", '"', ",", "\u202e", "x" * 9999, "-0.5", "NA", "\r", "9" * 20,
)  # fmt: skip


def _commands() -> ModuleType:
    """The module beside this one, for its absurd values; tests are no package."""
    spec = importlib.util.spec_from_file_location("fuzz_commands", Path(__file__).parent / "commands.py")
    assert spec
    assert spec.loader
    sys.modules["fuzz_commands"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMMANDS = _commands()


def pictures() -> dict[str, bytes]:
    """A small picture in every format that Pillow writes and the door knows."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8))
    kinds = {
        "JPEG": {"progressive": True},
        "PNG": {},
        "WEBP": {},
        "TIFF": {"compression": "tiff_lzw"},
        "BMP": {},
        "AVIF": {},
    }
    made = {}
    for kind, options in kinds.items():
        file = io.BytesIO()
        noise.save(file, kind, **options)
        made[kind] = file.getvalue()
    return made


PICTURES = pictures()
SHEET = b"image,label,tone,lesion_id,group\n" + b"".join(b"%d.jpg,mel,,L%d,\n" % (i, i) for i in range(4))
TABLE = pd.DataFrame(
    {"image_id": ["a", "b"], "lesion_id": ["L", "M"], "dx": ["mel", "nv"], "p_mel": [0.25, 0.5], "p_nv": [0.75, 0.5]}
)


def spoilt_table(text: str, dice: random.Random) -> bytes:
    """A CSV with a cell, a column, a row or a byte changed."""
    rows = [line.split(",") for line in text.splitlines()]
    row = dice.choice(rows)
    kind = dice.randrange(5)
    if kind == 0:
        row[dice.randrange(len(row))] = dice.choice(CELLS)
    elif kind == 1:
        rows = [line[: dice.randrange(len(line))] for line in rows]
    elif kind == 2:
        rows.append(list(row))
    elif kind == 3:
        rows.insert(0, [dice.choice(CELLS)])
    content = "\n".join(",".join(line) for line in rows).encode("utf-8", "surrogatepass")
    return COMMANDS.spoilt_bytes(content, dice) if kind == 4 else content


def door(_: Path, dice: random.Random) -> None:
    read_image(COMMANDS.spoilt_bytes(PICTURES[dice.choice(list(PICTURES))], dice))


def sheet(_: Path, dice: random.Random) -> None:
    classes = {"mel": "melanoma", "nv": "nevus"}
    read_label_sheet(spoilt_table(SHEET.decode(), dice), [f"{i}.jpg" for i in range(4)], classes, ["mel"])


def split(folder: Path, dice: random.Random) -> None:
    (folder / "split.csv").write_bytes(spoilt_table("image_id,split\na,train\nb,test\nc,validation", dice))
    read_manifest(folder / "split.csv")


def metadata(folder: Path, dice: random.Random) -> None:
    (folder / "images").mkdir(exist_ok=True)
    for name in "ab":
        (folder / "images" / f"{name}.png").write_bytes(PICTURES["PNG"])
    table = "lesion_id,image_id,dx,dx_type,age,sex,localization\nL,a,mel,histo,50,male,back\nM,b,nv,histo,,,"
    (folder / "HAM10000_metadata.csv").write_bytes(spoilt_table(table, dice))
    read_dataset("ham10000", folder)


def recipe(folder: Path, dice: random.Random) -> None:
    content = COMMANDS.spoil_values(COMMANDS.RECIPE, dice)
    text = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")
    (folder / "recipe.yaml").write_bytes(COMMANDS.spoilt_bytes(text, dice) if dice.random() < 0.3 else text)
    read_recipe(folder / "recipe.yaml")


def card(folder: Path, dice: random.Random) -> None:
    text = json.dumps(COMMANDS.spoil_values(json.loads(CARD.read_text(encoding="utf-8")), dice)).encode()
    (folder / "card.json").write_bytes(COMMANDS.spoilt_bytes(text, dice) if dice.random() < 0.3 else text)
    _ = read_card(folder / "card.json").answers_sha256


def evidence(folder: Path, dice: random.Random) -> None:
    table, of = TABLE.copy(), DataSplit("ham10000", "test")
    name = dice.choice(list(table))
    if dice.random() < 0.7:
        table[name] = [dice.choice((None, "", -0.5, float("nan"), float("inf"), 1, "x", True)) for _ in range(1)] * 2
    elif dice.random() < 0.5:
        table = pd.concat([table, table]) if dice.random() < 0.5 else table.drop(columns=name)
    try:
        parquet_bytes(table)
    except Exception:
        return  # no program writes such a table
    write_evidence(folder, table, Source("predictions", "ham10000", "test", "c", "d"), {})
    path = folder / "evidence" / str(of) / "predictions.parquet"
    if dice.random() < 0.3:
        spoilt = path if dice.random() < 0.5 else path.with_suffix(".json")
        spoilt.write_bytes(COMMANDS.spoilt_bytes(spoilt.read_bytes(), dice))
        manifest = path.with_suffix(".json")
        if spoilt == path and dice.random() < 0.7:
            told = json.loads(manifest.read_text(encoding="utf-8"))
            manifest.write_text(json.dumps({**told, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    found = read_evidence(folder, "predictions", of, checkpoint_sha256="c")
    shipped = read_card(CARD)
    audited_from(found.table, Checkpoint(folder, shipped))


DOORS: tuple[Callable[[Path, random.Random], None], ...] = (door, door, sheet, split, metadata, recipe, card, evidence)


def hostile(seeds: Iterable[int], folder: Path) -> Iterator[tuple[int, str, str, float]]:
    """For each seed the door, what came out ("" where it was let in or refused in our own words) and the seconds."""
    for seed in seeds:
        dice = random.Random(seed)
        read, place = dice.choice(DOORS), Path(tempfile.mkdtemp(dir=folder))
        started, wrong = time.perf_counter(), ""
        try:
            read(place, dice)
        except DermaVizError:
            pass
        except Exception as escaped:
            wrong = repr(escaped)[:300]
        yield seed, read.__name__, wrong, time.perf_counter() - started


def main() -> int:
    """Read as many as asked for; print each that came out otherwise."""
    n, first = (int(sys.argv[1]) if len(sys.argv) > 1 else 2000), (int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    doors: Counter[str] = Counter()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed, name, wrong, seconds in hostile(range(first, first + n), Path(folder)):
            doors[name] += 1
            if wrong or seconds > SECONDS:
                bad += 1
                print(f"seed {seed}, {name}, {seconds:.1f} s: {wrong}", flush=True)
    print(f"{n} files, {bad} wrong, {dict(doors)}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
