"""The wheel, installed where no clone is: the library, the command line and the app work from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermaviz.synthetic import Parameters, draw
from tests.browser.app_server import free_port

ROOT = Path(__file__).parents[1]
SECONDS = 240


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with one drawn image, ``x.png``, as far from a clone as a user is."""
    folder = tmp_path_factory.mktemp("elsewhere")
    Image.fromarray(draw(Parameters(dx="mel", seed=3)).image).save(folder / "x.png")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel, which borrows the packages below it from this one."""
    built = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(built),
        ".",
    ]
    subprocess.run(build, cwd=ROOT, check=True, timeout=SECONDS)
    (wheel,) = built.glob("dermaviz-*.whl")
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False, symlinks=True)
    executable = environment / "bin" / "python"
    target = Path(
        subprocess.run(
            [executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
    )  # fmt: skip
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(executable),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*install, str(wheel)], check=True, timeout=SECONDS)
    # Packages are borrowed by a path at the end; the finder of this clone's editable install is left out by -I below.
    (target / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return executable


@pytest.fixture
def run(python: Path, elsewhere: Path) -> Callable[..., str]:
    """``run("-m", "dermaviz", …)`` in the folder elsewhere: what it printed; it must end well."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "DERMAVIZ_CHECKPOINTS", "DERMAVIZ_DATA")
    }

    def go(*arguments: str) -> str:
        done = subprocess.run(
            [python, *arguments],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return go


def test_the_installed_package_is_the_wheels(run: Callable[..., str], python: Path) -> None:
    assert str(python.parents[1]) in run("-c", "import dermaviz; print(dermaviz.__file__)")


def test_the_three_lines_of_the_readme_work_from_any_folder(run: Callable[..., str]) -> None:
    said = run(
        "-c",
        "import dermaviz as dv; m = dv.load('ham10000-efficientnet-lite0'); print(m.predict(dv.read_image('x.png')))",
    )
    assert re.search(r"mel|melanoma", said)


def test_importing_the_package_loads_neither_torch_nor_streamlit(run: Callable[..., str]) -> None:
    said = run("-c", "import dermaviz, sys; print(sorted({'torch', 'streamlit'} & set(sys.modules)))")
    assert said.strip() == "[]"


def test_the_commands_find_the_shipped_checkpoint(run: Callable[..., str], elsewhere: Path) -> None:
    assert "checkpoint ham10000-efficientnet-lite0: intact" in run("-m", "dermaviz", "doctor")
    run("-m", "dermaviz", "predict", ".", "-o", "predictions.csv")
    assert "x.png" in (elsewhere / "predictions.csv").read_text(encoding="utf-8")
    run("-m", "dermaviz", "explain", "x.png", "-o", "maps")
    assert np.isfinite(np.load(elsewhere / "maps" / "x-map.npy")).all()


def test_the_app_opens(python: Path, elsewhere: Path) -> None:
    port = free_port()
    command = [python, "-m", "dermaviz", "app", "--server.headless", "true", "--server.port", str(port)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with (elsewhere / "app.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=elsewhere, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                        assert answer.read() == b"ok"
                        break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.3)
            else:
                pytest.fail((elsewhere / "app.log").read_text(encoding="utf-8"))
        finally:
            server.terminate()
            server.wait(20)
    with pytest.raises(OSError, match="refused"):  # nothing of it stays behind
        urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
    script = (
        "from streamlit.testing.v1 import AppTest\n"
        "from dermaviz.cli.app import app_script\n"
        "app = AppTest.from_file(str(app_script()), default_timeout=120).run()\n"
        "assert not app.exception and not app.error, (app.exception, app.error)\n"
        "app.switch_page('pages/1_Classify.py').run()\n"
        "assert not app.exception and not app.error, (app.exception, app.error)\n"
    )
    done = subprocess.run(
        [python, "-c", script], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
