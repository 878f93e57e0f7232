"""Hostile commands: every command of the shell with arguments, files and places that nobody should give it.

``python tests/fuzz/commands.py [N] [SEED]`` runs N commands in this process and prints those that ended in a traceback, an
unknown exception or a signal, each with its seed; exit code 1 if there is one. A share of it is a test
(``tests/cli/test_hostile.py``). A small tmpfs, named in ``DERMAVIZ_SMALL_DISK``, is filled up for some of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

SECONDS, MOST_BYTES = 20, 12 * 2**30
ABSURD = (
    None, True, False, -1, 0, 1, 2, 1e9, 10**400, 1e30, -0.0, 0.5, math.nan, math.inf, 1e400, 1e-320, 1e308, 2**63, "", " ",
    "nan", "mel", "../x", "\u202e", "x" * 5000, "\x00", [], [[]], [1] * 9, ["mel", "mel"], [["mel"]], [None], {}, {"a": {"b": 1}},
)  # fmt: skip
"""Values for any key of a card or a recipe."""


@dataclass(frozen=True)
class World:
    """A folder with a sound checkpoint, data set, recipe and run to spoil; each command gets a copy of what it spoils."""

    root: Path
    small: Path | None

    def copy(self, name: str) -> Path:
        """A fresh copy of a part of the world."""
        target = Path(tempfile.mkdtemp(dir=self.root / "copies")) / name
        source = self.root / name
        return Path(shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target))


RECIPE = {
    "name": "tiny", "model": {"architecture": "test_resnet", "weights": "none"}, "stages": [{"size": 32, "epochs": 1}],
    "batch_size": 4, "data": {"dataset": "ham10000", "pack": [24, 32]}, "precision": "fp32",
}  # fmt: skip


def make_world(root: Path) -> World:
    """Draw a data set of 40 lesions, train one epoch of a tiny network on it and audit that."""
    for name in ("copies", "checkpoints", "cache"):
        (root / name).mkdir(parents=True)
    os.environ.update(DERMAVIZ_CHECKPOINTS=str(root / "checkpoints"), DERMAVIZ_CACHE=str(root / "cache"))
    os.environ.pop("DERMAVIZ_DATA", None)
    sound = [["data", "synth", "-o", root / "data", "-n", 40, "--size", 64]]
    recipe = {**RECIPE, "data": {**RECIPE["data"], "manifest": str(root / "data" / "split.csv")}}
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    sound += [
        ["train", root / "recipe.yaml", "--data", root / "data", "--runs", root / "runs", "-o", root / "checkpoints" / "tiny"],
        ["audit", "tiny", "--data", root / "data"],
    ]  # fmt: skip
    for command in sound:
        code, said = run([str(part) for part in command])
        assert code == 0, said
    (root / "photos").mkdir()
    for number, path in enumerate(sorted((root / "data" / "images").glob("*.jpg"))[:4]):
        shutil.copy(path, root / "photos" / f"{number}.jpg")
    small = os.environ.get("DERMAVIZ_SMALL_DISK")
    return World(root, Path(small) if small else None)


def run(arguments: list[str]) -> tuple[int, str]:
    """A command in this process: its exit code (an escaped exception is 99) and what it said."""
    from dermaviz.cli import main

    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    before = sys.argv
    sys.argv = ["dermaviz", *arguments]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except Late:
        code = 124
    except BaseException as escaped:
        code = 99
        said.write(f"escaped: {escaped!r}")
    finally:
        sys.argv = before
    return code, said.buffer.getvalue().decode("utf-8", "replace")


class Late(BaseException):
    """The command took longer than it may; what it did until then was no mistake."""


# Places and files


def place(world: World, dice: random.Random) -> str:
    """Somewhere that is no usable file or folder, or is one of the wrong kind."""
    fifo = world.root / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    odd = world.root / os.fsdecode(b"\xff\xfe.jpg")
    odd.touch()
    inside = ("recipe.yaml", "recipe.yaml/x", "data", "photos/0.jpg", "checkpoints/tiny", "checkpoints/tiny/card.json")
    outside = (
        "",
        ".",
        "..",
        "/",
        "nowhere",
        "/proc/none/x",
        "/proc/self/mem",
        "/dev/full",
        "x" * 300,
        "a/" * 3000,
        "-",
        "~",
    )
    return dice.choice([*outside, "\n", "%s", str(odd), *(str(world.root / name) for name in inside)])


def new_place(world: World, dice: random.Random) -> str:
    """Somewhere to write that is not to be had: below a file, too long a name, a full disk; or one that is."""
    fine = tempfile.mkdtemp(dir=world.root / "copies") + "/new.csv"
    places = [
        fine,
        fine,
        f"{fine[:-8]}/{'x' * 300}",
        str(world.root / "recipe.yaml" / "x.csv"),
        "/proc/none/x.csv",
        fine[:-8],
        "",
    ]
    if world.small:
        places += [str(full(world.small) / "new.csv")] * 3
    return dice.choice(places)


def full(disk: Path) -> Path:
    """A small disk, filled to the last block."""
    with contextlib.suppress(OSError), (disk / "filler").open("ab") as file:
        while True:
            file.write(b"0" * 4096)
            file.flush()
    return disk


def spoilt_bytes(content: bytes, dice: random.Random) -> bytes:
    """A file's bytes cut, flipped, repeated, emptied or replaced."""
    if not content:
        return b"\x00"
    at = dice.randrange(len(content))
    return dice.choice(
        [
            content[:at],
            content[:at] + bytes([dice.randrange(256)]) + content[at + 1 :],
            content + content,
            b"",
            b"\xff" * 50,
            b"[" * 100_000,
            b"{" + content,
            content[:at] + content[dice.randrange(len(content)) :],
        ]
    )


def spoil_file(folder: Path, dice: random.Random) -> None:
    """Spoil one file below a folder, or put a folder or a broken link in its place."""
    path = dice.choice(sorted(p for p in folder.rglob("*") if p.is_file()))
    content = path.read_bytes()
    path.unlink()
    kind = dice.randrange(8)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to("nowhere")
    elif kind != 2:
        path.write_bytes(spoilt_bytes(content, dice))


def spoil_values(content: Any, dice: random.Random) -> Any:
    """Replace one value of a nested mapping by an absurd one, drop it, or add one that means nothing."""
    content = json.loads(json.dumps(content))
    at = content
    while True:
        key = dice.choice(list(at)) if isinstance(at, dict) else dice.randrange(len(at))
        if isinstance(at[key], dict | list) and at[key] and dice.random() < 0.6:
            at = at[key]
            continue
        if dice.random() < 0.15:
            del at[key]
        elif isinstance(at, dict) and dice.random() < 0.1:
            at[dice.choice(["", "x", "__class__", "n" * 999])] = dice.choice(ABSURD)
        else:
            at[key] = dice.choice(ABSURD)
        return content


# Commands


def with_spoilt_card(world: World, dice: random.Random) -> list[str]:
    folder = world.copy("checkpoints") / "tiny"
    card = folder / "card.json"
    card.write_text(json.dumps(spoil_values(json.loads(card.read_text()), dice)))
    return _using(str(folder), world, dice)


def with_spoilt_checkpoint(world: World, dice: random.Random) -> list[str]:
    folder = world.copy("checkpoints") / "tiny"
    spoil_file(folder, dice)
    return _using(str(folder), world, dice)


def _using(checkpoint: str, world: World, dice: random.Random) -> list[str]:
    photos, out = world.root / "photos", tempfile.mkdtemp(dir=world.root / "copies")
    return dice.choice(
        [
            ["predict", str(photos), "-o", f"{out}/p.csv", "-c", checkpoint],
            ["explain", str(photos / "0.jpg"), "-o", out, "-c", checkpoint],
            ["report", checkpoint, "-o", f"{out}/r.html"],
            ["audit", checkpoint, "--data", str(world.root / "data")],
            ["evaluate", checkpoint, "--data", str(world.root / "data"), "--draws", "2"],
            ["doctor"],
        ]
    )


def with_spoilt_recipe(world: World, dice: random.Random) -> list[str]:
    recipe = world.copy("recipe.yaml")
    content = spoil_values(yaml.safe_load(recipe.read_text()), dice)
    recipe.write_text(yaml.safe_dump(content, allow_unicode=True))
    runs = tempfile.mkdtemp(dir=world.root / "copies")
    return ["train", str(recipe), "--data", str(world.root / "data"), "--runs", runs, "-o", f"{runs}/checkpoint"]


def with_spoilt_run(world: World, dice: random.Random) -> list[str]:
    runs = world.copy("runs")
    spoil_file(runs, dice)
    data = str(world.root / "data")
    return ["train", str(world.root / "recipe.yaml"), "--data", data, "--runs", str(runs), "-o", f"{runs}/checkpoint"]


def with_spoilt_data(world: World, dice: random.Random) -> list[str]:
    data = world.copy("data")
    spoil_file(data, dice)
    out = tempfile.mkdtemp(dir=world.root / "copies")
    recipe = world.copy("recipe.yaml")
    recipe.write_text(recipe.read_text().replace(str(world.root / "data"), str(data)))
    return dice.choice(
        [
            ["data", "info", "--data", str(data)],
            ["data", "split", "--data", str(data), "-o", f"{out}/split.csv"],
            ["data", "pack", "--data", str(data), "--height", "20", "--width", "20"],
            ["train", str(recipe), "--data", str(data), "--runs", out, "-o", f"{out}/checkpoint"],
            ["audit", "tiny", "--data", str(data)],
            ["doctor", "--data", str(data)],
        ]
    )


def with_spoilt_photos(world: World, dice: random.Random) -> list[str]:
    photos = world.copy("photos")
    spoil_file(photos, dice)
    (photos / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(photos / "=1+1.png")
    files = [str(path) for path in sorted(photos.iterdir())]
    out = tempfile.mkdtemp(dir=world.root / "copies")
    return dice.choice(
        [["predict", str(photos), "-o", f"{out}/p.csv", "-c", "tiny"], ["explain", *files, "-o", out, "-c", "tiny"]]
    )


def with_odd_places(world: World, dice: random.Random) -> list[str]:
    where, new, data = place(world, dice), new_place(world, dice), str(world.root / "data")
    return dice.choice(
        [
            ["predict", where, "-o", new, "-c", "tiny"],
            ["predict", str(world.root / "photos"), "-o", new, "-c", "tiny"],
            ["predict", str(world.root / "photos"), "-o", new, "-c", where],
            ["explain", where, "-o", new, "-c", "tiny"],
            ["explain", str(world.root / "photos" / "0.jpg"), "-o", new, "-c", "tiny"],
            ["report", where, "-o", new],
            ["report", "tiny", "-o", new, "--split", where],
            ["audit", "tiny", "--data", where],
            ["audit", "tiny", "--data", data, "--split", where],
            ["audit", where, "--data", data],
            ["evaluate", "tiny", "--data", where, "--draws", "2"],
            ["train", where, "--data", data, "--runs", new],
            ["train", str(world.root / "recipe.yaml"), "--data", data, "--runs", new, "-o", new],
            ["data", "info", "--data", where],
            ["data", "info", "--data", data, "--manifest", where],
            ["data", "split", "--data", data, "-o", new],
            ["data", "split", "--data", where, "-o", new],
            ["data", "synth", "-o", new, "-n", "2", "--size", "64"],
            ["data", "pack", "--data", where],
            ["doctor", "--data", where],
            ["ood", "tiny", "--data", where],
            ["ood", "tiny", "--data", data, "--outside", where, "--draws", "2"],
            ["reproduce", where],
            ["reproduce", "gupta-et-al", "--list", "--results", where],
            ["reproduce", "gupta-et-al", "--answers", "--results", new, "--ledger", where],
        ]
    )


def with_odd_numbers(world: World, dice: random.Random) -> list[str]:
    value = dice.choice(
        ["-1", "0", "1", "nan", "inf", "1e400", "9" * 400, "", "true", "0x10", "1_000", str(2**63), str(2**64), "٣"]
    )
    data, out = str(world.root / "data"), tempfile.mkdtemp(dir=world.root / "copies")
    photos = str(world.root / "photos")
    return dice.choice(
        [
            ["data", "synth", "-o", f"{out}/new", "-n", "2", "--size", value],
            ["data", "synth", "-o", f"{out}/new", "-n", "2", "--size", "64", "--seed", value],
            ["data", "split", "--data", data, "-o", f"{out}/s.csv", "--seed", value],
            ["data", "pack", "--data", data, "--height", value, "--width", "8"],
            ["predict", photos, "-o", f"{out}/p.csv", "-c", "tiny", "--batch-size", value],
            ["explain", f"{photos}/0.jpg", "-o", out, "-c", "tiny", "--opacity", value],
            ["evaluate", "tiny", "--data", data, "--draws", value],
            ["ood", "tiny", "--data", data, "--components", value, "--draws", "2"],
            ["ood", "tiny", "--data", data, "--refused", value, "--draws", "2"],
            ["predict", photos, "-o", f"{out}/p.csv", "-c", "tiny", "--device", value],
            ["audit", "tiny", "--data", data, "--table", value],
        ]
    )


KINDS: tuple[Callable[[World, random.Random], list[str]], ...] = (
    with_spoilt_card, with_spoilt_card, with_spoilt_checkpoint, with_spoilt_recipe, with_spoilt_recipe, with_spoilt_run,
    with_spoilt_data, with_spoilt_photos, with_odd_places, with_odd_places, with_odd_numbers,
)  # fmt: skip


def _late(*_: object) -> None:
    raise Late


def hostile(world: World, seeds: Iterator[int] | range) -> Iterator[tuple[int, list[str], int, str]]:
    """For each seed its command, exit code and what it said."""
    signal.signal(signal.SIGALRM, _late)
    home = Path.cwd()
    for seed in seeds:
        dice = random.Random(seed)
        command = dice.choice(KINDS)(world, dice)
        os.chdir(tempfile.mkdtemp(dir=world.root / "copies"))
        saved = dict(os.environ)
        if command == ["doctor"]:
            os.environ["DERMAVIZ_CHECKPOINTS"] = str(
                max((world.root / "copies").glob("*/checkpoints"), key=lambda p: p.stat().st_mtime, default=world.root)
            )
        signal.alarm(SECONDS)
        try:
            code, said = run(command)
        finally:
            signal.alarm(0)
            os.environ.clear()
            os.environ.update(saved)
            os.chdir(home)
        yield seed, command, code, said
        shutil.rmtree(world.root / "copies", ignore_errors=True)
        (world.root / "copies").mkdir()
        if world.small:
            for left in world.small.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def is_mistake(code: int, said: str) -> bool:
    """Whether a command ended as none may: by an exception, known to nobody, or without a word."""
    return code in (70, 99) or "Traceback" in said or (code != 0 and not said.strip())


def main() -> int:
    """Run as many commands as asked for; print every mistake."""
    n, first = (int(sys.argv[1]) if len(sys.argv) > 1 else 200), (int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))  # who asks for more has a sentence to say, too
    codes: Counter[int] = Counter()
    bad, started = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "world")
        for seed, command, code, said in hostile(world, range(first, first + n)):
            codes[code] += 1
            if is_mistake(code, said):
                bad += 1
                print(f"seed {seed}: {command}\n  {code}: {said.strip()[-600:]}", flush=True)
    print(f"{n} commands, {bad} mistakes, exit codes {dict(codes)}, {time.monotonic() - started:.0f} s")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
