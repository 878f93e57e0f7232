"""Pulled plugs: commands are killed at random moments, looked at, started again, and must end as if nothing had happened.

``python tests/fuzz/kills.py [N] [SEED] [COMMAND …]`` kills each of seven commands, or those named, N times and prints what was
lost; exit code 1 then.
After each kill what is there must be whole or absent; after the last the command is run to its end and must leave the same bytes
as an undisturbed one. Each is run in a fork of this process, which has imported everything. A few kills are a test
(``tests/cli/test_hostile.py``).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm import tqdm

HERE, MOST_SECONDS = Path(__file__).parent, 300


def load_commands() -> ModuleType:
    """The module beside this one; tests are no package."""
    if "fuzz_commands" not in sys.modules:
        spec = importlib.util.spec_from_file_location("fuzz_commands", HERE / "commands.py")
        assert spec
        assert spec.loader
        sys.modules["fuzz_commands"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["fuzz_commands"]


@dataclass(frozen=True)
class Work:
    """A command that writes below ``folder``; ``whole`` gives what is finished there, by name: its hash."""

    name: str
    command: Callable[[Path], list[str]]
    whole: Callable[[Path], dict[str, str]]


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tree(folder: Path, *patterns: str) -> dict[str, str]:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): _sha(path) for path in found}


def _evidence(folder: Path) -> dict[str, str]:
    """Tables that a manifest vouches for."""
    tables = [path.with_suffix(".parquet") for path in folder.rglob("evidence/*/*/*.json")]
    return {path.name: _sha(path) for path in tables}


def works(root: Path) -> list[Work]:
    """The seven commands on the world below ``root``."""
    data, photos = str(root / "data"), str(root / "many")
    recipe = str(root / "recipe.yaml")

    def audit(folder: Path) -> list[str]:
        if not (folder / "tiny").exists():
            shutil.copytree(root / "checkpoints" / "tiny", folder / "tiny", ignore=shutil.ignore_patterns("evidence"))
        return ["audit", str(folder / "tiny"), "--data", data, "--split", "train"]

    def drawn(folder: Path) -> dict[str, str]:
        return _tree(folder, "new/**/*") if (folder / "new" / "HAM10000_metadata.csv").exists() else {}

    def packed(folder: Path) -> dict[str, str]:
        done = (
            [path for path in (folder / "cache").glob("*") if path.suffix != ".tmp"]
            if (folder / "cache").exists()
            else []
        )
        return {name: sha for path in done for name, sha in _tree(path, "*").items()}

    def of(*patterns: str) -> Callable[[Path], dict[str, str]]:
        return lambda folder: _tree(folder, *patterns)

    train = ["train", recipe, "--data", data]
    predict = ["predict", photos, "-c", "tiny", "--batch-size", "2"]
    reproduce = ["reproduce", "gupta-et-al", "--answers"]
    pack = ["data", "pack", "--data", data, "--height", "64", "--width", "64"]
    return [
        Work("synth", lambda f: ["data", "synth", "-o", f"{f}/new", "-n", "30", "--size", "64"], drawn),
        Work("pack", lambda _: pack, packed),
        Work("predict", lambda f: [*predict, "-o", f"{f}/p.csv"], of("p.csv")),
        Work("audit", audit, _evidence),
        Work("train", lambda f: [*train, "--runs", f"{f}/runs", "-o", f"{f}/made"], of("made/*.safetensors")),
        Work("report", lambda f: ["report", "tiny", "-o", f"{f}/r.html"], of("r.html")),
        Work("reproduce", lambda f: [*reproduce, "--results", f"{f}/results"], of("results/*.json")),
    ]


def _fork(arguments: list[str], folder: Path) -> int:
    """Run a command in a child of this process; returns its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        tqdm.set_lock(
            threading.RLock()
        )  # its own is shared by forks: one killed while it holds it would stop all later ones
        os.environ["DERMAVIZ_CACHE"] = str(folder / "cache")
        os.chdir(folder)
        code, said = load_commands().run(arguments)
        (folder / ".said").write_text(said)
        os._exit(code)
    finally:
        os._exit(99)


def _finish(work: Work, folder: Path) -> int:
    """Run a command to its end; its exit code."""
    pid, until = _fork(work.command(folder), folder), time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise TimeoutError(f"{work.name} did not end within {MOST_SECONDS} s")


def killed(work: Work, folder: Path, n: int, dice: random.Random) -> list[str]:
    """Kill a command ``n`` times; what was lost."""
    (folder / "sound").mkdir(parents=True)
    started = time.monotonic()
    if code := _finish(work, folder / "sound"):
        return [f"{work.name}: ended with {code}: {(folder / 'sound' / '.said').read_text()[-300:]}"]
    seconds, sound, lost = time.monotonic() - started, work.whole(folder / "sound"), []
    at, kills = folder / "0", 0
    at.mkdir()
    while kills < n:
        pid = _fork(work.command(at), at)
        time.sleep(dice.uniform(0, seconds))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        kills += ended == -signal.SIGKILL
        half = {name for name, sha in work.whole(at).items() if sound.get(name) != sha}
        if half:
            lost.append(f"{work.name}: after a kill {sorted(half)[:3]} is not whole")
        if ended >= 0 or dice.random() < 0.2 or kills == n:
            code = 0 if work.whole(at) == sound else _finish(work, at)  # it may be killed after its last file
            if code or work.whole(at) != sound:
                said = (at / ".said").read_text()[-300:] if code else ""
                lost.append(f"{work.name}: run to its end after kills, it ended with {code} and another result. {said}")
            shutil.rmtree(at)
            at = folder / str(kills) / str(dice.random())
            at.mkdir(parents=True)
    return lost


def kill_all(root: Path, n: int, seed: int, names: tuple[str, ...] = (), made: Any = None) -> list[str]:
    """Kill every command, or those named, ``n`` times each; what was lost. ``made`` is a world that is there already."""
    import dermaviz.evidence.evaluate
    import dermaviz.html_report
    import dermaviz.synthetic.datasets
    import dermaviz.training.export  # noqa: F401  once here, not in every fork

    world = (made or load_commands().make_world(root / "world")).root
    (world / "many").mkdir(exist_ok=True)
    for path in (world / "data" / "images").glob("*.jpg"):
        shutil.copy(path, world / "many")
    lost = []
    for work in works(world):
        if names and work.name not in names:
            continue
        started = time.monotonic()
        found = killed(work, root / work.name, n, random.Random(seed))
        lost += found
        print(f"{work.name}: {n} kills, {len(found)} lost, {time.monotonic() - started:.0f} s", flush=True)
    return lost


def main() -> int:
    """Kill as often as asked for; print what was lost."""
    n, seed = (int(sys.argv[1]) if len(sys.argv) > 1 else 5), (int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    with tempfile.TemporaryDirectory() as folder:
        lost = kill_all(Path(folder), n, seed, tuple(sys.argv[3:]))
    print("\n".join(lost) or "nothing lost")
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
