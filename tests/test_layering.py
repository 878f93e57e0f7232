"""The import rule of the house: rooms import strictly downward, and only `ui`, `app.py` and `pages/` know Streamlit."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEVELS = {
    "types": 0,
    "errors": 0,
    "colour": 0,
    "images": 1,
    "datasets": 1,
    "models": 1,
    "evidence": 1,
    "evaluation": 2,
    "explain": 2,
    "robustness": 3,
    "fairness": 3,
    "training": 3,
    "figures": 4,
    "audits": 4,
    "report": 4,
    "reproduction": 4,
    "cli": 5,
    "ui": 5,
}
PAGES_MAY_IMPORT = {"types", "errors", "ui", "figures"}
FIGURES_MAY_IMPORT = {"types", "errors", "figures"}
BESIDE = {("datasets", "images")}  # a reader goes through the one door for pictures
FILES = [*sorted((ROOT / "dermaviz").rglob("*.py")), ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


def imported_modules(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, at whatever depth of the code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def rooms(path: Path) -> set[str]:
    """Rooms of the package that a file imports."""
    names = {module.split(".")[1] for module in imported_modules(path) if module.startswith("dermaviz.")}
    return names - {"__version__"}


def violations(room: str, imported: set[str]) -> list[str]:
    """What a file of ``room`` imports against the rule."""
    if room == "page":
        return sorted(imported - PAGES_MAY_IMPORT)
    if room == "figures":
        return sorted(imported - FIGURES_MAY_IMPORT)
    allowed = {r for r in imported if r == room or LEVELS[r] < LEVELS[room] or (room, r) in BESIDE}
    if room == "fairness":
        allowed -= {"models"}  # it takes arrays and tables
    return sorted(imported - allowed)


def room_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    if relative.parts[0] != "dermaviz":
        return "page"
    return relative.parts[1].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_strictly_downward(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        assert rooms(path) <= {"cli"}
        return
    assert room in LEVELS or room == "page", f"{room} has no level: is it in the right room?"
    assert violations(room, rooms(path)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_ui_and_pages_import_streamlit(path: Path) -> None:
    knows = any(module.split(".")[0] == "streamlit" for module in imported_modules(path))
    assert not knows or room_of(path) in ("ui", "page")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("room", "imported", "wrong"),
    [
        ("images", {"datasets"}, ["datasets"]),
        ("datasets", {"images", "types"}, []),
        ("evaluation", {"explain"}, ["explain"]),
        ("training", {"robustness", "models"}, ["robustness"]),
        ("fairness", {"models", "explain"}, ["models"]),
        ("figures", {"models"}, ["models"]),
        ("page", {"models", "ui"}, ["models"]),
        ("cli", {"ui", "models"}, ["ui"]),
    ],
)
def test_the_rule_itself_refuses_what_it_should(room: str, imported: set[str], wrong: list[str]) -> None:
    assert violations(room, imported) == wrong
