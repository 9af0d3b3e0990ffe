"""Photographed forms filled in by hand: what the truth says was written, the same seed gives the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
from decimal import Decimal
from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest
import reportlab
from django.core.management import CommandError, call_command
from PIL import Image, ImageOps

from extraction.evaluation.datasets import read_dataset
from extraction.evaluation.hand_forms import office_of
from extraction.fields import FIELDS, LINE_ITEM_FIELDS
from extraction.training.generation import Plan
from extraction.training.validation import fieldcases, fieldforms, pens
from extraction.training.validation.camera import photograph
from extraction.training.validation.maker import FAMILIES, FIELD_FORM, VALIDATION


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one font to write with and one that readers are trained on."""
    folder = tmp_path_factory.mktemp("fonts")
    vera = (Path(reportlab.__file__).parent / "fonts" / "Vera.ttf").read_bytes()
    (folder / "some-hand.ttf").write_bytes(vera)
    (folder / "Kalam-Regular.ttf").write_bytes(vera)
    return folder


def drawn(digit: str, size: int) -> np.ndarray:
    picture = np.zeros((size, size), np.uint8)
    cv2.putText(
        picture,
        digit,
        (size // 5, size * 4 // 5),
        cv2.FONT_HERSHEY_SIMPLEX,
        size / 36,
        255,
        max(2, size // 12),
    )
    return picture


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits in the form of the real sets: 10,000 single ones, of which only the second half may be used, and an amount."""
    folder = tmp_path_factory.mktemp("digits")
    labels = np.arange(10_000) % 10
    shapes = np.stack([drawn(str(d), 28) for d in range(10)])
    pixels = shapes[labels]
    pixels[:5000] = 255  # a blot: whoever takes these is seen to
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(struct.pack(">iiii", 2051, 10_000, 28, 28) + pixels.tobytes(), 1)
    )
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(struct.pack(">ii", 2049, 10_000) + labels.astype(np.uint8).tobytes(), 1)
    )
    (folder / "amounts").mkdir()
    rows = []
    for split in ("train", "test"):
        strip = 255 - np.hstack([drawn(d, 48) for d in "0123456789"])
        cv2.imwrite(str(folder / "amounts" / f"{split}.png"), strip)
        boxes = [[48 * k + 6, 6, 36, 40] for k in range(10)]
        rows.append(
            {
                "file": f"amounts/{split}.png",
                "split": split,
                "text": "0123456789",
                "boxes": boxes,
                "size": [480, 48],
            }
        )
    (folder / "amounts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture(scope="module")
def material(fonts: Path, digits: Path) -> pens.Material:
    return pens.load_material(fonts, digits)


def command(out: Path, fonts: Path, digits: Path, *more: str) -> None:
    call_command(
        "generate", out, "--generator", "validation", "--family", FIELD_FORM, "--scans", "1", "--seed", "3",
        "--fonts", str(fonts), "--digits", str(digits), *more,
    )  # fmt: skip


@pytest.mark.parametrize("name", list(fieldforms.LAYOUTS))
def test_every_value_of_the_truth_stands_on_the_sheet(name: str, material: pens.Material) -> None:
    layout, size, _ = fieldforms.LAYOUTS[name]
    for index in range(3):
        rng = Random(f"{name} {index}")
        job = fieldcases.invent(rng)
        form = fieldforms.Form(job, material, rng, size=size, real=index % 2 == 0)
        layout(form)
        shown = squeezed("".join(form.shown))
        truth = form.truth()
        texts = [text for several in truth["printed"].values() for text in several]
        texts += [text for line in truth["line_items"] for text in line["printed"].values()]
        assert [t for t in texts if not all(squeezed(part) in shown for part in t.split("\n"))] == []
        assert truth["fields"]["work_order_number"] == job.number
        assert Decimal(str(truth["fields"]["total"])) == sum((w.amount for w in job.works), Decimal(0))
        assert set(truth["fields"]) <= set(FIELDS)
        assert {f for f, v in truth["fields"].items() if v is not None} - set(truth["printed"]) <= {
            "document_type",
            "currency",
        }
        assert all(set(line) - {"printed"} <= set(LINE_ITEM_FIELDS) for line in truth["line_items"])
        places = [(s.x / form.scale, s.y / form.scale) for s in form.strokes]
        assert [p for p in places if not (0 < p[0] < size[0] - 2 and 3 < p[1] < size[1] - 3)] == []


@pytest.mark.slow
def test_same_seed_gives_the_same_photographs_with_their_truth(
    tmp_path: Path, fonts: Path, digits: Path
) -> None:
    command(tmp_path / "one", fonts, digits, "--count", "2")
    command(tmp_path / "two", fonts, digits, "--count", "2", "--processes", "2")
    files = sorted((tmp_path / "one" / "files").iterdir())
    assert len(files) == 2
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / "files" / file.name).read_bytes()
        picture = ImageOps.exif_transpose(Image.open(file))
        assert sorted(picture.size) in ([3024, 4032], [2448, 3264], [1200, 1600])
        assert np.asarray(picture).std() > 10
    assert (tmp_path / "one" / "truth.jsonl").read_bytes() == (tmp_path / "two" / "truth.jsonl").read_bytes()
    for document in read_dataset(tmp_path / "one"):
        assert document.track == FIELD_FORM
        assert {"hand:real", "hand:font"} & set(document.tags)
        office = office_of(document)
        assert office is not None
        assert 30 <= len(office.work_orders) <= 301
        assert office.vendors
    with pytest.raises(CommandError, match="another run"):
        other = tmp_path / "other"
        other.mkdir()
        (other / "other-hand.ttf").write_bytes((fonts / "some-hand.ttf").read_bytes() + b"\0")
        command(tmp_path / "one", other, digits, "--count", "2")


def test_only_digits_of_other_writers_are_written_with(material: pens.Material) -> None:
    for source in material.real.values():
        for digit, several in source.items():
            assert several, digit
            assert all(e.pixels.mean() < 200 for e in several)
    assert sum(len(several) for several in material.real["single"].values()) == 5000
    assert sum(len(several) for several in material.real["amounts"].values()) == 10
    assert [path.stem for path in material.hands] == ["some-hand"]


def test_a_hand_writes_dark_on_its_line_and_never_twice_the_same(material: pens.Material) -> None:
    hand = pens.choose_hand(material, Random(5), real=True)
    first, second = (hand.write("1,250{50}", 60, 12, rng) for rng in (Random(1), Random(2)))
    for written in (first, second):
        assert written.ink.max() > 0.5
        assert written.ink[written.base + 40 :].max() < 0.5
        assert 100 < written.width < 800
    assert first.ink.shape != second.ink.shape or not np.array_equal(first.ink, second.ink)


def test_a_photograph_shows_the_sheet_on_something_else() -> None:
    sheet = np.full((1400, 1000, 3), 255, np.uint8)
    photo = photograph(sheet, Random(11), millimetres=140, torn=False)
    picture = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(photo.data))))
    assert picture.shape[1::-1] == photo.size
    tall, wide = picture.shape[:2]
    middle = picture[tall // 2 - 50 : tall // 2 + 50, wide // 2 - 50 : wide // 2 + 50]
    corner = picture[:60, :60]
    assert abs(float(middle.mean()) - float(corner.mean())) > 15
    assert photo.sharpness > 0


def test_forms_are_made_only_if_asked_for_and_ask_for_their_material(
    tmp_path: Path, fonts: Path, digits: Path
) -> None:
    assert FIELD_FORM not in FAMILIES
    assert FIELD_FORM not in VALIDATION.families
    made = [VALIDATION.make(Plan(11, 40, FAMILIES, scans=0), index).truth["track"] for index in range(12)]
    assert FIELD_FORM not in made
    with pytest.raises(CommandError, match="give --fonts a folder"):
        call_command("generate", tmp_path / "a", "--generator", "validation", "--family", FIELD_FORM)
    with pytest.raises(CommandError, match="give --digits the folder"):
        command(tmp_path / "a", fonts, tmp_path / "nowhere")
    with pytest.raises(CommandError, match=r"lacks amounts\.jsonl"):
        command(tmp_path / "a", fonts, fonts)
    with pytest.raises(CommandError, match="no handwriting font"):
        command(tmp_path / "a", digits, digits)
    with pytest.raises(CommandError, match="No family of the training generator: fieldform"):
        call_command("generate", tmp_path / "a", "--family", FIELD_FORM)
    with pytest.raises(ValueError, match="give --fonts a folder"):
        VALIDATION.make(Plan(1, 1, (FIELD_FORM,)), 0)


def test_what_the_office_knows_is_mostly_but_not_always_right() -> None:
    known = listed = stated = right = near = 0
    for index in range(600):
        rng = Random(index)
        job = fieldcases.invent(rng)
        office = fieldcases.office_of(job, rng)
        numbers = office["work_orders"]
        assert 29 <= len(numbers) <= 301
        assert len(set(numbers)) == len(numbers)
        known += job.number in numbers
        near += any(abs(int(n) - int(job.number)) in (1, 2, 10) for n in numbers)
        listed += job.vendor in [v["name"] for v in office["vendors"]]
        if "stated_total" in office:
            stated += 1
            right += (
                Decimal(office["stated_total"]) == job.total and office["stated_work_order"] == job.number
            )
    assert known == pytest.approx(570, abs=20)
    assert listed == pytest.approx(480, abs=30)
    assert stated == pytest.approx(180, abs=35)
    assert right / stated == pytest.approx(0.9, abs=0.07)
    assert near > 500


@pytest.mark.parametrize(
    ("way", "text"),
    [
        ("bare", "1250"),
        ("dollar", "$1,250.00"),
        ("raised", "1,250{00}"),
        ("hundredths", "1,250 {00/100}"),
        ("dash", "1,250-"),
    ],
)
def test_amounts_are_written_in_the_ways_people_have(way: str, text: str) -> None:
    assert fieldforms.write_amount(Decimal(1250), way) == text
    assert "50" in fieldforms.write_amount(Decimal("12.50"), way)
