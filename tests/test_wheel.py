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


LIBRARY = """
import sys
import dermaviz as dv
print(dv.__file__, {"torch", "streamlit"} & set(sys.modules))
model = dv.load("ham10000-efficientnet-lite0")
print("answer", model.predict(dv.read_image("x.png")))

from dermaviz.cli import main
for words in ("doctor", "predict . -o predictions.csv", "explain x.png -o maps"):
    sys.argv = ["dermaviz", *words.split()]
    try: main()
    except SystemExit as stop: assert not stop.code, (words, stop.code)

from streamlit.testing.v1 import AppTest
from dermaviz.cli import app_script
app = AppTest.from_file(str(app_script()), default_timeout=120).run()
assert not app.exception and not app.error, (app.exception, app.error)
app.switch_page("pages/1_Classify.py").run()
assert not app.exception and not app.error, (app.exception, app.error)
"""


def test_the_library_the_commands_and_the_pages_work_from_any_folder(python: Path, elsewhere: Path) -> None:
    """It is the wheel's package; importing it loads neither torch nor Streamlit; the readme's three lines; the shipped
    checkpoint is found."""
    done = subprocess.run(
        [python, "-c", LIBRARY],
        cwd=elsewhere,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, *said = done.stdout.splitlines()
    assert first.startswith(str(python.parents[1]))
    assert first.endswith("set()")
    assert re.search(r"answer .*(mel|melanoma)", said[0])
    assert "checkpoint ham10000-efficientnet-lite0: intact" in done.stdout
    assert "x.png" in (elsewhere / "predictions.csv").read_text(encoding="utf-8")
    assert np.isfinite(np.load(elsewhere / "maps" / "x-map.npy")).all()


def _environment() -> dict[str, str]:
    ours = ("PYTHONPATH", "DERMAVIZ_CHECKPOINTS", "DERMAVIZ_DATA")
    return {name: value for name, value in os.environ.items() if name not in ours}


def test_the_app_opens(python: Path, elsewhere: Path) -> None:
    port = free_port()
    command = [python, "-m", "dermaviz", "app", "--server.headless", "true", "--server.port", str(port)]
    with (elsewhere / "app.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=elsewhere, env=_environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            until = time.monotonic() + SECONDS
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
