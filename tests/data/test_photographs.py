"""Where photographs lie: as an audit remembered it, or below $DERMAVIZ_DATA, and never those of another data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dermaviz.data.photographs import REMEMBERED, find_photographs, remember_place
from dermaviz.data.readers import read_dataset
from dermaviz.data.records import Dataset
from dermaviz.data.tables import Columns


@pytest.fixture
def clinic(tmp_path: Path, draw_photo: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DERMAVIZ_DATA", raising=False)
    root = tmp_path / "data" / "clinic"
    for i, name in enumerate("ab"):
        draw_photo(root / "deep" / f"{name}.png", seed=i)
    (root / "list.csv").write_text("photo,dx\na,mel\nb,nv\n")
    return root


def test_an_audited_data_set_is_found_where_it_was_read(clinic: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence" / "clinic"
    dataset = read_dataset("csv", clinic, Columns(image="photo"))
    remember_place(evidence, dataset)
    assert (evidence / REMEMBERED).is_file()
    assert find_photographs(evidence, "clinic", ["b", "gone"], ["a", "b"]) == {"b": clinic / "deep" / "b.png"}
    remember_place(tmp_path / "none", Dataset("drawn", ("nv",), ()))
    assert not (tmp_path / "none").exists()


def test_below_the_place_of_all_data_only_where_all_of_its_images_are(
    clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clinic / "list.csv").write_text("image,dx\na,mel\nb,nv\n")
    nowhere = tmp_path / "evidence"
    assert find_photographs(nowhere, "clinic", ["a"], ["a", "b"]) == {}
    for place in (clinic, clinic.parent):
        monkeypatch.setenv("DERMAVIZ_DATA", str(place))
        assert find_photographs(nowhere, "clinic", ["a"], ["a", "b"]) == {"a": clinic / "deep" / "a.png"}
        assert find_photographs(nowhere, "clinic", ["a"], ["a", "b", "c"]) == {}
