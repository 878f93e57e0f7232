"""Text from outside, class names, names of models, ids, file names and values of metadata, is text on every page: no Markdown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from google.protobuf.message import Message
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from dermaviz.app.pages import PAGES
from dermaviz.app.text import escaped, escaped_message
from dermaviz.data.photographs import remember_place
from dermaviz.data.records import Dataset
from dermaviz.evidence.store import read_manifest, write_evidence
from dermaviz.models.card import read_card
from tests.app.audit_tables import write_audit
from tests.app.conftest import SHIPPED

APP = Path(__file__).parents[2] / "app.py"
SIGN, TAG = "![zq", "<b>"
HOSTILE = f"{SIGN}](x:y) $a$ :material/home: {TAG}"
LITERAL = {
    ("selectbox", "options"), ("multiselect", "options"), ("dataframe", "columns"), ("dataframe", "alt"), ("plotly_chart", "alt"),
    ("imgs", "alt"),
}  # fmt: skip
"""Fields in which Streamlit shows text as it is. In charts only tags are markup. Widgets' keys and addresses are not shown."""
CHOSEN: dict[str, list[dict[str, str]]] = {
    "pages/3_Robustness.py": [
        {"target": "mel", "epsilon": "0.0"},
        {"part": "The test set", "grouping": "the true diagnosis", "measure": f"mel {HOSTILE} sensitivity"},
        {"part": "The test set", "grouping": "localization"},
    ],
    "pages/4_Skin_tone.py": [{"wanted": "df"}],
    "pages/6_Lesson.py": [{"picks": "AAAAAAAAA", "lesson": "1"}, {"picks": "BBBBBBBB", "lesson": "3"}],
}
"""Links that choose what a page says only then."""
UNSEEN = {
    "id",
    "key",
    "url",
    "query_param_key",
    "raw_value",
    "raw_values",
    "string_value",
    "default",
    "page",
    "page_script_hash",
}


def messages(node: Any) -> Iterator[tuple[str, Message]]:
    """Every element and block below a node of the page, with its kind."""
    for child in node.children.values():
        proto = getattr(child, "proto", None)
        if isinstance(proto, Message):
            yield child.type, proto
        if hasattr(child, "children"):
            yield from messages(child)


def texts(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in a message with the names of its fields."""
    for descriptor, value in message.ListFields():
        here = (*path, descriptor.name)
        many = value if not isinstance(value, str | bytes | int | float | Message) else [value]
        for one in many:
            if isinstance(one, Message):
                yield from texts(one, here)
            elif isinstance(one, str):
                yield from ((here, text) for text in (strings(json.loads(one)) if here == ("spec",) else [one]))
            elif (
                isinstance(one, bytes) and message.DESCRIPTOR.name == "Table"
            ):  # a small one: Streamlit reads Markdown in it
                cells = convert_arrow_bytes_to_pandas_df(one)
                yield from ((here, str(cell)) for cell in (*cells.columns, *cells.to_numpy().ravel()))


def strings(content: Any) -> Iterator[str]:
    """Every text in JSON."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list | dict):
        for one in content.values() if isinstance(content, dict) else content:
            yield from strings(one)


def raw_places(app: AppTest) -> set[tuple[str, str, str]]:
    """Where a text from outside stands unescaped in a field that Streamlit takes for Markdown."""
    return {
        (kind, ".".join(path), text[max(0, text.find(SIGN) - 60) :][:100])
        for kind, message in messages(app._tree)
        for path, text in texts(message)
        if (TAG if path == ("spec",) else SIGN) in re.sub(r"`[^`\n]*`", "", text)
        and path[-1] not in UNSEEN
        and (kind, path[-1]) not in LITERAL
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, answers: pd.DataFrame) -> Path:
    """The audit of a model whose name, class, ids and metadata are all Markdown; beside it a broken checkpoint."""
    root = tmp_path_factory.mktemp("checkpoints")
    folder = write_audit(root / f"{SIGN}] model", answers)
    shutil.copy(SHIPPED / "model.safetensors", folder)
    content = json.loads((folder / "card.json").read_text(encoding="utf-8").replace('"df"', json.dumps(HOSTILE)))
    content |= dict.fromkeys(("name", "licence", "intended_use", "not_for"), HOSTILE)
    content["names"] = {name: f"{name} {HOSTILE}" for name in content["classes"]}
    content["data"] |= {"citation": HOSTILE, "leak": HOSTILE}
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    sha = read_card(folder / "card.json").answers_sha256
    for path in sorted(folder.rglob("*.parquet")):
        manifest = read_manifest(path.with_suffix(".json"))
        table = pd.read_parquet(path).rename(columns=lambda name: str(name).replace("_df", f"_{HOSTILE}"))
        for name in table.select_dtypes(exclude=["number", "bool"]):
            table[name] = (
                table[name].astype(object).replace(dict.fromkeys(("df", "back", "male", "histo", "50.0"), HOSTILE))
            )
            if name in ("image_id", "lesion_id"):
                table[name] = [f"{value}{HOSTILE}" if str(value)[-1] in "02468" else value for value in table[name]]
        write_evidence(folder, table, replace(manifest.source, checkpoint_sha256=sha), {})
    (root / f"{SIGN}] broken").mkdir()
    (root / f"{SIGN}] broken" / "card.json").write_text(json.dumps({HOSTILE: 1}), encoding="utf-8")
    return root


def parts_of(app: AppTest) -> list[dict[str, str]]:
    """Links to the parts that a page can be asked for."""
    found = []
    for kind, proto in messages(app._tree):
        if kind == "button_group" and "part" in proto.id.split("-"):
            found += [{"part": option.content} for option in proto.options]
    return found


@pytest.mark.parametrize("page", [page.file for page in PAGES])
def test_no_page_takes_words_from_outside_for_markdown(
    page: str, hostile: Path, monkeypatch: pytest.MonkeyPatch, no_data: None
) -> None:
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: hostile)
    links: list[dict[str, str]] = [{}, *CHOSEN.get(page, ())]
    places = set()
    for i in range(20):
        if i == len(links):
            break
        app = AppTest.from_file(str(APP), default_timeout=120).switch_page(page)
        for name, value in links[i].items():
            app.query_params[name] = value
        app.run()
        if not i:
            links += parts_of(app)
        assert not app.exception
        assert "did not expect" not in "".join(error.value for error in app.error)
        places |= raw_places(app)
    assert places == set()


def test_a_command_names_the_folder_that_an_audit_on_this_machine_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dermaviz.models.card.shipped_checkpoints", lambda: tmp_path)
    shutil.copytree(SHIPPED, tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors", "evidence", ".*"))
    command = "`dermaviz audit mine --data FOLDER --as clinic --split all --table tone`"
    assert command in escaped_message(f"Make it: {command}.")
    dataset = Dataset("clinic", ("nv",), (), place=("/home/her photos", "", ""))
    remember_place(tmp_path / "mine" / "evidence" / "clinic", dataset)
    shown = command.replace("FOLDER", "'/home/her photos'")
    other = command.replace("clinic", "elsewhere").replace("mine", "none")
    assert escaped_message(f"{command} {other}") == f"{shown} {other}"


def test_a_message_keeps_its_code_and_nothing_else() -> None:
    assert escaped_message("found ![x](y). Run: `dermaviz audit [x]`.") == (
        f"{escaped('found ![x](y). Run: ')}`dermaviz audit [x]`\\."
    )
