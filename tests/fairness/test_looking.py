"""Right and looking: counts by hand, intervals beside closed forms and resamples written out, and a model caught by them; and
labels of somebody's own photos."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from dermaviz.attention.localisation import localise
from dermaviz.attention.maps import explain
from dermaviz.data.records import HAM10000
from dermaviz.data.tables import Columns
from dermaviz.errors import DatasetError
from dermaviz.fairness.looking import (
    ALL,
    COLUMNS,
    DIAGNOSIS,
    ELSEWHERE,
    LOOKED,
    LOOKING,
    NOT_KNOWN,
    OF_BENIGN,
    OF_MALIGNANT,
    ONLY_RIGHT,
    UNKNOWN,
    LabelSheet,
    commonest,
    counts,
    counts_by,
    judged,
    kind,
    largest_difference,
    photos_needed,
    read_label_sheet,
    right_and_looking,
    template,
    where_looked,
)
from dermaviz.metrics.bootstrap import cluster_weights
from dermaviz.models.card import Card
from dermaviz.models.classifier import Classifier
from dermaviz.synthetic import Parameters, draw

MALIGNANT = frozenset({"mel"})
NINE = pd.DataFrame(
    {
        "label": ["mel"] * 4 + ["nv"] * 5,
        "predicted": ["mel"] * 3 + ["nv"] * 6,
        "energy": [0.5, 0.5, 0.1, 0.1, 0.5, 0.1, math.nan, 0.1, 0.1],
        "lesion_area": [0.25] * 9,
        "tone": ["dark"] * 4 + ["light"] * 4 + [""],
    }
)


@pytest.fixture
def nine() -> pd.DataFrame:
    """Right on 8 of 9: 3 of 4 melanomas, 5 of 5 nevi; of the right ones 3 looked at the lesion, 4 elsewhere, 1 has no map."""
    return judged(NINE, MALIGNANT)


@pytest.mark.parametrize(
    ("label", "predicted", "right"),
    [("mel", "mel", True), ("mel", "nv", False), ("malignant", "mel", True), ("malignant", "nv", False), ("benign", "bkl", True)],
)  # fmt: skip
def test_an_answer_is_right_at_the_grain_of_its_label(label: str, predicted: str, right: bool) -> None:
    row = {"label": [label], "predicted": [predicted], "energy": [0.5], "lesion_area": [0.2]}
    assert judged(pd.DataFrame(row), MALIGNANT)["right"].tolist() == [right]


def test_without_malignant_classes_nothing_is_of_a_kind() -> None:
    assert kind("nv", ()) == ""
    table = counts(judged(NINE, ()))
    assert set(table["label"]) == {ALL, LOOKED, ONLY_RIGHT}


@pytest.mark.parametrize(
    ("energy", "area", "where"),
    [
        (0.3, 0.25, LOOKING), (0.25, 0.25, ELSEWHERE), (0.0, 0.25, ELSEWHERE), (math.nan, 0.25, UNKNOWN),
        (math.nan, 0.0, UNKNOWN), (1.0, 1.0, UNKNOWN),
    ],
)  # fmt: skip
def test_where_it_looked_is_held_against_the_lesions_area(energy: float, area: float, where: str) -> None:
    assert where_looked(energy, area) == where


def test_eight_of_nine_has_the_exact_interval(nine: pd.DataFrame) -> None:
    table = counts(nine).set_index("label")
    assert table.loc[ALL, ["k", "n"]].tolist() == [8, 9]
    low, high = table.loc[ALL, ["low", "high"]]
    assert (round(low, 2), round(high, 2)) == (0.52, 1.0)
    assert sum(math.comb(9, i) * low**i * (1 - low) ** (9 - i) for i in (8, 9)) == pytest.approx(0.025)
    assert high**9 == pytest.approx(1 - 0.025)


def test_counts_by_hand(nine: pd.DataFrame) -> None:
    found = {label: (k, n) for label, k, n in counts(nine)[["label", "k", "n"]].itertuples(index=False)}
    assert found == {ALL: (8, 9), OF_MALIGNANT: (3, 4), OF_BENIGN: (5, 5), LOOKED: (3, 7), ONLY_RIGHT: (4, 7)}
    all_right = counts(nine).set_index("label").loc[OF_BENIGN]
    assert (all_right["low"], all_right["high"]) == pytest.approx((0.025 ** (1 / 5), 1))
    assert nine["flagged"].sum() == 4


def test_labels_of_two_grains_are_counted_apart_as_well() -> None:
    mixed = judged(NINE.assign(label=["mel", "malignant", "mel", "malignant", *["nv"] * 5]), MALIGNANT)
    found = {label: (k, n) for label, k, n in counts(mixed)[["label", "k", "n"]].itertuples(index=False)}
    assert (found[ALL], found[DIAGNOSIS], found[OF_MALIGNANT]) == ((8, 9), (7, 7), (3, 4))


def test_groups_keep_their_order_and_the_unknown_come_last(nine: pd.DataFrame) -> None:
    table = counts_by(nine, "tone", ("light", "tan", "dark"))
    assert table[["label", "k", "n"]].to_numpy().tolist() == [["light", 4, 4], ["dark", 3, 4], [NOT_KNOWN, 1, 1]]


def test_the_two_largest_groups_are_held_against_chance(nine: pd.DataFrame) -> None:
    found = largest_difference(counts_by(nine, "tone"))
    assert found is not None
    assert (found.names, found.right, found.n) == (("light", "dark"), (4, 3), (4, 4))
    assert found.p == pytest.approx(1)  # the one wrong answer of eight falls into either group alike
    assert largest_difference(counts_by(nine.assign(tone="dark"), "tone")) is None


def test_the_commonest_label_is_what_a_constant_answer_gets(nine: pd.DataFrame) -> None:
    assert commonest(nine) == ("nv", 5)


def test_photos_needed_to_tell_two_shares_apart() -> None:
    assert photos_needed(0.9, 0.8) == 199  # Fleiss's tables without continuity correction
    assert photos_needed(0.6, 0.5) == 388


class Cornered(nn.Module):
    """Tells two classes by the brightness of the picture's upper left corner, and by nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(8)
        self.evidence = nn.Conv2d(3, 2, 1)
        self.relu = nn.ReLU()
        with torch.no_grad():
            self.evidence.weight[:] = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
            self.evidence.bias.zero_()
        corner = torch.zeros(1, 1, 4, 4)
        corner[..., 0, 0] = 1
        self.register_buffer("corner", corner)

    def forward(self, images: Tensor) -> Tensor:
        return self.relu(self.evidence(self.pool(images) * self.corner)).sum(dim=(2, 3))


def test_a_model_that_looks_at_a_corner_is_right_and_caught(make_card: Callable[..., Card]) -> None:
    card = make_card(classes=("mel", "nv"), attention_layer="relu", mean=(0.5,) * 3, std=(0.25,) * 3)
    model = Classifier(card, Cornered().eval().requires_grad_(False), torch.device("cpu"))
    rows = []
    for i in range(9):
        label = "mel" if i < 4 else "nv"
        drawn = draw(Parameters(dx=label, ita=(45, 10, -35)[i % 3], seed=i, size=64))
        pixels = drawn.image.copy()
        pixels[:16, :16] = 250 if label == "mel" else 5  # a corner that tells the class
        prepared = model.prepare(pixels)
        attended = explain(model, model.to_tensor([prepared]))[0]
        place = localise(attended, drawn.mask)
        rows.append((label, model.predict(prepared).diagnosis, place.energy, place.lesion_area))
    table = judged(pd.DataFrame(rows, columns=["label", "predicted", "energy", "lesion_area"]), MALIGNANT)
    assert table["right"].all()
    assert (table["looked"] == ELSEWHERE).all()
    assert table["flagged"].all()
    assert np.nanmax(table["energy"]) < 0.05


CELL = ["group", "right", "looking"]


def test_a_model_that_is_right_with_its_attention_in_a_corner_is_caught() -> None:
    """Eight of nine right; the lesion covers .3 of each image and holds .1 of the map's energy."""
    correct = np.arange(9) < 8
    table = right_and_looking(correct, np.full(9, 0.1), np.full(9, 0.3), ["brown"] * 9, range(9)).set_index(CELL[1:])
    row = table.loc[(True, False)]
    assert (row.n_images, row.n_group, row.share_of_answers) == (8, 9, 1)
    assert (row.share_of_answers_low, row.share_of_answers_high) == pytest.approx((0.025 ** (1 / 8), 1))
    assert table.loc[(True, True), ["n_images", "share", "low"]].tolist() == [0, 0, 0]
    assert table.loc[(False, False), "n_images"] == 1


def test_cells_counted_by_hand_and_the_line_is_chance() -> None:
    correct = np.array([True, True, True, False, False, True])
    energy = np.array([0.5, 0.2, 0.3, 0.9, 0.2, 0.9])
    area = np.array([0.3, 0.3, 0.3, 0.3, 0.3, 0.3])  # the third is at chance, which is not looking
    table = right_and_looking(correct, energy, area, ["a"] * 5 + ["b"], [1, 1, 2, 3, 4, 5], draws=20)
    assert list(table.group.unique()) == ["a", "b"]
    assert table.set_index(CELL).n_images.to_dict() == {
        ("a", True, True): 1, ("a", True, False): 2, ("a", False, True): 1, ("a", False, False): 1,
        ("b", True, True): 1, ("b", True, False): 0, ("b", False, True): 0, ("b", False, False): 0,
    }  # fmt: skip
    row = table.set_index(CELL).loc[("a", True, False)]
    assert (row.share, row.share_of_answers, row.n_clusters) == pytest.approx((2 / 5, 2 / 3, 2))
    assert np.isnan(table.set_index(CELL).loc[("b", False, True), "share_of_answers"])  # of no wrong answers


def test_intervals_are_of_whole_lesions() -> None:
    rng = np.random.default_rng(0)
    correct, energy, lesions = rng.random(200) < 0.7, rng.random(200), rng.integers(0, 90, 200)
    groups = rng.choice(["a", "b"], 200)
    table = right_and_looking(correct, energy, np.full(200, 0.4), groups, lesions, draws=100).set_index(CELL)
    shares, of_right = [], []
    for times in cluster_weights(lesions, 100):
        rows = pd.DataFrame({"right": correct, "away": energy <= 0.4, "group": groups}).loc[
            np.repeat(np.arange(200), times.astype(int))
        ]
        rows = rows[rows.group == "a"]
        shares.append((rows.right & rows.away).mean())
        of_right.append(rows.away[rows.right].mean())
    row = table.loc[("a", True, False)]
    assert [row.low, row.high] == pytest.approx(list(np.percentile(shares, [2.5, 97.5])))
    bounds = [row.share_of_answers_low, row.share_of_answers_high]
    assert bounds == pytest.approx(list(np.percentile(of_right, [2.5, 97.5])))


def test_all_images_of_a_few_lesions_have_the_exact_interval_of_the_lesions() -> None:
    """Twelve images of six lesions, all alike: a bootstrap would be sure of it."""
    table = right_and_looking(
        np.ones(12, bool), np.full(12, 0.9), np.full(12, 0.2), ["a"] * 12, np.repeat(range(6), 2), draws=50
    ).set_index(CELL)
    row, none = table.loc[("a", True, True)], table.loc[("a", True, False)]
    assert (row.share, row.low, row.high) == pytest.approx((1, 0.025 ** (1 / 6), 1))
    assert (none.share, none.low, none.high) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 6)))


@pytest.mark.parametrize(("energy", "area"), [(np.nan, 0.3), (0.5, np.nan), (0.0, 0.0), (1.0, 1.0)])
def test_without_map_or_lesion_an_image_has_no_place(energy: float, area: float) -> None:
    table = right_and_looking(
        np.array([True, True]), np.array([0.5, energy]), np.array([0.3, area]), ["a", "a"], [1, 2]
    )
    assert table.n_group.unique().tolist() == [1]
    assert table.n_unplaced.unique().tolist() == [1]
    assert table.n_images.sum() == 1


def test_unknown_groups_are_left_out() -> None:
    table = right_and_looking(np.ones(3, bool), np.ones(3), np.full(3, 0.5), ["a", "", "a"], range(3))
    assert set(table.group) == {"a"}
    assert table.n_images.sum() == 2


NAMES = ("a.jpg", "b.png", "c.jpg")


def read(
    text: str | bytes, names: tuple[str, ...] = NAMES, malignant: frozenset[str] = HAM10000.malignant
) -> LabelSheet:
    content = text if isinstance(text, bytes) else text.encode()
    return read_label_sheet(content, names, HAM10000.classes, malignant)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("mel", "mel"), ("MEL", "mel"), ("Melanoma", "mel"), (" melanocytic  nevus ", "nv"), ("actinic keratosis", "akiec"),
        ("intraepithelial carcinoma", "akiec"), ("malignant", "malignant"), ("Benign", "benign"), ("naevus", "nv"),
    ],
)  # fmt: skip
def test_a_diagnosis_is_a_class_its_name_or_its_kind(given: str, label: str) -> None:
    assert read(f"image,diagnosis\na.jpg,{given}\n").rows["label"].tolist() == [label]


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ("a.jpg", ("a.jpg", "b.jpg")), ("a", ("a.jpg", "b.jpg")), ("A.JPG", ("a.jpg", "b.jpg")),
        ("photos/a.jpg", ("a.jpg", "b.jpg")), ("a.jpg", ("mine/a.jpg", "mine/b.jpg")), ("a.jpg", ("a.jpg", "a.png")),
        ("one/a.jpg", ("one/a.jpg", "two/a.jpg")), ("one\\a.jpg", ("one/a.jpg", "two/a.jpg")),
    ],
)  # fmt: skip
def test_a_name_finds_its_photo_with_or_without_folder_and_ending(listed: str, names: tuple[str, ...]) -> None:
    sheet = read(f"image,dx\n{listed},nv\n", names)
    assert sheet.rows["photo"].tolist() == [0]
    assert sheet.rows["image"].tolist() == [names[0]]
    assert sheet.without_label == names[1:]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_spreadsheets_separators_and_marks_are_read(separator: str) -> None:
    lines = ["Image ID,Diagnosis,Skin tone,Lesion ID,Group", "c.jpg,nv,brown,L1,clinic", "", "a.jpg,mel,,,"]
    sheet = read(b"\xef\xbb\xbf" + "\r\n".join(line.replace(",", separator) for line in lines).encode())
    assert list(sheet.rows) == ["photo", *COLUMNS]
    assert sheet.rows.to_numpy().tolist() == [
        [2, "c.jpg", "nv", "brown", "L1", "clinic"],
        [0, "a.jpg", "mel", "", "", ""],
    ]
    assert sheet.without_label == ("b.png",)


def test_a_sheet_of_many_more_photos_serves_the_few_that_are_there() -> None:
    others = "".join(f"ISIC_{i},unheard of\n" for i in range(300))
    sheet = read(f"image_id,dx\n{others}a,nv\n")
    assert sheet.rows["label"].tolist() == ["nv"]
    assert len(sheet.without_photo) == 300


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "expected an Excel workbook, found"),
        ("image,dx\na.jpg,bläschen\n".encode("latin-1"), "or malignant or benign; found 'bläschen'"),
        ("picture,dx\na.jpg,nv\n", "found the columns picture, dx"),
        ("image,verdict\na.jpg,nv\n", "found the columns image, verdict"),
        ("image,dx\nx.jpg,nv\ny.jpg,nv\n", "found none that does; the first names are x.jpg, y.jpg. Write"),
        ("image,dx\na.jpg,nv\na,mel\n", "expected one row for each photo, found several for 1 (a.jpg)"),
        ("image,dx\na.jpg,nv\nb.png,\n", "expected a diagnosis in every row, found none for 1 of 2 photos (b.png)"),
        ("image,dx\na.jpg,mole\nb.png,wart\n", "or malignant or benign; found 'mole', 'wart'"),
        ("image,dx\na.jpg,mole\n", "expected diagnoses among actinic keratosis / intraepithelial carcinoma (akiec), basal"),
    ],
)  # fmt: skip
def test_a_sheet_that_is_wrong_is_refused_with_what_was_expected_and_found(content: str | bytes, said: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(said)):
        read(content)


def test_a_name_that_fits_two_photos_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"expected 'a' to name one photo, found 2: a\.jpg, a\.png"):
        read("image,dx\na,nv\n", ("a.jpg", "a.png"))


def test_without_malignant_classes_their_words_are_no_labels() -> None:
    with pytest.raises(DatasetError, match=r"vascular lesion \(vasc\); found 'benign'"):
        read("image,dx\na.jpg,benign\n", malignant=frozenset())


def test_the_template_is_read_back_once_it_is_filled_in() -> None:
    filled = template(NAMES).decode().replace(",,,,", ",nv,,,")
    assert read(filled).rows["image"].tolist() == list(NAMES)
    assert template(()).decode().splitlines() == ["image,diagnosis,tone,lesion_id,group", "mole-1.jpg,,,,"]


def test_what_was_guessed_is_said() -> None:
    assert read("Image;Diagnosis\na.jpg;naevus\n").notes == (
        "labels.csv: image from 'Image', label from 'Diagnosis'.",
        "labels.csv: columns separated by semicolons.",
        "Labels read as the model's: naevus as nv.",
    )


def test_published_forms_and_named_columns_are_read_here_too() -> None:
    ddi = read(",DDI_ID,DDI_file,skin_tone,malignant,disease\n0,1,a.jpg,56,True,melanoma\n")
    assert ddi.rows[["label", "tone"]].to_numpy().tolist() == [["malignant", "56"]]
    one_hot = read("image,MEL,NV,BCC\na,0.0,1.0,0.0\nb,1.0,0.0,0.0\n")
    assert one_hot.rows["label"].tolist() == ["nv", "mel"]
    named = read_label_sheet(
        b"image,dx,verdict,shade\na.jpg,mel,nv,II\n", NAMES, HAM10000.classes, HAM10000.malignant,
        Columns(label="verdict", tone="shade"),
    )  # fmt: skip
    assert named.rows[["label", "tone"]].to_numpy().tolist() == [["nv", "II"]]
