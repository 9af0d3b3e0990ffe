"""The digit reader: what it reads, what it must not read, what it may load."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import cv2
import fontpkg_kalam
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from extraction.evaluation.digits import Sample, measure
from extraction.reading.digits import (
    SIGNS,
    Candidate,
    StripReading,
    Weighing,
    best_strings,
    candidates,
    digits_version,
    log_probabilities,
    network_steps,
    odd_slashes,
    prepared,
    read_strip,
    recogniser_steps,
    string_probabilities,
    weighed,
)
from extraction.reading.weights import OWN, own_weights
from extraction.schema import ReaderError

NUMBERS = ("4821", "10375", "2,350", "680", "1997", "$475.00", "56104", "3/14/2025", "720.50", "90218")


def pen(text: str, seed: int = 0, *, box: bool = False) -> np.ndarray:
    """A number in a hand that the reader was not trained on (docs/training.md), on grained paper."""
    rng = np.random.default_rng(seed)
    face = ImageFont.truetype(
        str(Path(str(fontpkg_kalam.__file__)).parent / "files" / "Kalam-Regular.ttf"), 44
    )
    width = round(face.getlength(text)) + 50
    image = Image.new("L", (width, 66), 225)
    draw = ImageDraw.Draw(image)
    draw.text((25, 50), text, fill=60, font=face, anchor="ls")
    if box:
        draw.rectangle((2, 2, width - 4, 61), outline=40, width=2)
    page = np.asarray(image, np.float32) + rng.normal(0, 5, (66, width))
    return np.clip(cv2.GaussianBlur(page, (0, 0), 0.8), 0, 255).astype(np.uint8)


def best(strip: np.ndarray) -> str:
    found = read_strip(strip)
    return found[0].text if found else ""


@pytest.mark.parametrize("box", [False, True], ids=["on paper", "in a box"])
def test_most_numbers_are_read_exactly(box: bool) -> None:
    read = [best(pen(text, seed, box=box)) for seed, text in enumerate(NUMBERS)]
    wrong = [(text, said) for text, said in zip(NUMBERS, read, strict=True) if said != text]
    assert len(wrong) <= 2, wrong


def test_light_and_size_of_the_picture_do_not_matter() -> None:
    strip = pen("10375")
    dim = (strip * np.linspace(0.35, 0.8, strip.shape[1])[None, :]).astype(np.uint8)
    large = cv2.resize(strip, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(strip, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    assert [best(s) for s in (strip, dim, large, small)] == ["10375"] * 4


def test_the_best_strings_come_first_and_share_one_probability() -> None:
    smeared = cv2.GaussianBlur(pen("4821"), (0, 0), 3.2)
    found = read_strip(smeared, best=5)
    odds = [reading.probability for reading in found]
    assert len(found) > 1
    assert odds == sorted(odds, reverse=True)
    assert all(0 < odd <= 1 for odd in odds)
    assert sum(odds) <= 1 + 1e-6
    assert len({reading.text for reading in found}) == len(found)


@pytest.mark.parametrize("line", [None, 30], ids=["bare", "with a line"])
def test_paper_without_writing_gives_no_reading(line: int | None) -> None:
    page = np.full((50, 200), 220.0) + np.random.default_rng(3).normal(0, 6, (50, 200))
    if line is not None:
        page[line : line + 2] = 60
    assert read_strip(np.clip(page, 0, 255).astype(np.uint8)) == ()
    assert read_strip(np.full((4, 3), 200, np.uint8)) == ()


def test_a_box_around_a_strip_leaves_the_digits_whole() -> None:
    plain, boxed = prepared(pen("680")), prepared(pen("680", box=True))
    assert plain is not None
    assert boxed is not None
    assert boxed.shape[1] == pytest.approx(plain.shape[1], abs=16)
    assert float(boxed.sum()) == pytest.approx(float(plain.sum()), rel=0.15)


def test_an_underline_that_digits_cross_leaves_them_whole() -> None:
    strip = pen("4795")
    underlined = strip.copy()
    underlined[40:43] = np.minimum(underlined[40:43], 60)
    plain, cleaned = prepared(strip), prepared(underlined)
    assert plain is not None
    assert cleaned is not None
    assert cleaned.shape[1] == pytest.approx(plain.shape[1], abs=16)
    assert float(cleaned.sum()) == pytest.approx(float(plain.sum()), rel=0.2)


def test_a_colored_strip_is_refused() -> None:
    with pytest.raises(ValueError, match="gray"):
        read_strip(np.zeros((40, 100, 3), np.uint8))


def test_the_beam_adds_up_all_ways_to_a_string() -> None:
    """Against every path of four steps over the blank and three signs."""
    rng = np.random.default_rng(5)
    logits = np.full((4, 1 + len(SIGNS)), -40.0, np.float32)
    columns = (0, 1, 2, 4)
    logits[:, columns] = rng.normal(0, 1.5, (4, 4))
    steps = log_probabilities(logits)
    expected: dict[str, float] = {}
    for path in itertools.product(columns, repeat=4):
        odds = float(np.exp(sum(steps[t, c] for t, c in enumerate(path))))
        text = "".join(SIGNS[c - 1] for c, _ in itertools.groupby(path) if c)
        expected[text] = expected.get(text, 0.0) + odds
    for reading in best_strings(steps, 3):
        assert reading.probability == pytest.approx(expected[reading.text], rel=0.02)
    assert [r.text for r in best_strings(steps, 3)] == sorted(expected, key=lambda t: -expected[t])[:3]
    # The empty string, doubles and the longest that four steps can hold.
    asked = ["", "0", "00", "0101", "313", "1"]
    assert string_probabilities(steps, asked) == pytest.approx(
        [expected.get(t, 0.0) for t in asked], rel=1e-6
    )


def test_a_reading_tells_what_each_witness_read_alone() -> None:
    ink = prepared(pen("4821"))
    assert ink is not None
    ours, theirs = network_steps(ink), recogniser_steps(ink)
    assert ours is not None
    found = read_strip(pen("4821"))
    assert {(r.network, r.recogniser) for r in found} == {
        (best_strings(ours, 1)[0].text, best_strings(theirs, 1)[0].text)
    }
    assert found[0].agreed == (found[0].network.replace(" ", "") == found[0].recogniser.replace(" ", ""))
    assert StripReading("680 00", 0.5, "680 00", "68000").agreed
    assert not StripReading("680", 0.5, "680", "688").agreed


def test_both_witnesses_decide_and_neither_has_a_veto() -> None:
    even = Weighing(network=1.0, recogniser=1.0, none=-5.0)

    def best_of(*thought: Candidate) -> StripReading:
        return weighed(thought, even)[0]

    agreed = best_of(Candidate("680", 0.9, 0.8), Candidate("688", 0.1, 0.2))
    split = best_of(Candidate("680", 0.6, 0.3), Candidate("688", 0.4, 0.7))
    unknown = best_of(Candidate("470", 0.99, 0.0), Candidate("4+0", 0.0, 0.6))
    assert agreed.text == "680"
    assert (split.text, split.agreed) == ("688", False)
    assert unknown.text == "470"
    assert agreed.probability > 0.9 > split.probability > 0.5 > unknown.probability


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("3/14/2025", 0),
        ("14/3/25", 0),
        ("680 25/100", 0),
        ("475/-", 0),
        ("19/237", 1),
        ("3/45/1971", 2),
        ("4/399", 1),
    ],
)
def test_a_slash_belongs_to_a_date_or_a_fraction(text: str, odd: int) -> None:
    assert odd_slashes(text) == odd


def test_a_slanted_one_is_no_slash_where_no_date_can_be() -> None:
    way = ("4", None, "/", None, "3", None, "9", None, "9")
    steps = np.full((len(way), 1 + len(SIGNS)), -9.0, np.float32)
    for step, sign in enumerate(way):
        steps[step, 0 if sign is None else SIGNS.index(sign) + 1] = 9.0
    steps[2, SIGNS.index("1") + 1] = 8.0  # a little less than the slash
    told = log_probabilities(steps)
    thought = candidates(told, told)
    assert weighed(thought, Weighing(1.0, 1.0, -5.0))[0].text == "4/399"
    assert weighed(thought, Weighing(1.0, 1.0, -5.0, slash=4.0))[0].text == "41399"


def test_probabilities_leave_room_for_what_nobody_thought_of() -> None:
    ink = prepared(cv2.GaussianBlur(pen("90218"), (0, 0), 3.0))
    assert ink is not None
    ours = network_steps(ink)
    assert ours is not None
    thought = candidates(ours, recogniser_steps(ink))
    sure = sum(r.probability for r in weighed(thought, Weighing(1.0, 1.0, -12.0)))
    unsure = sum(r.probability for r in weighed(thought, Weighing(1.0, 1.0, 0.0)))
    assert 0 < unsure < sure < 1
    assert len({c.text for c in thought}) == len(thought) >= 6


def test_the_measure_compares_digits_and_counts_the_five_best() -> None:
    paper = np.zeros((10, 10), np.uint8)
    answers = {
        "1250": [StripReading("1,250", 0.4), StripReading("1.250", 0.2), StripReading("7250", 0.5)],
        "680": [StripReading("688", 0.9), StripReading("680", 0.1)],
        "94": [],
    }
    samples = [Sample(digits, paper, digits) for digits in answers]
    waiting = iter(answers.values())
    score = measure(samples, lambda _: next(waiting))
    # Two spellings of 1250 together outweigh one of 7250; of 688 one digit is wrong; of nothing both are missing.
    assert (score.strings, score.exact, score.among_five) == (3, 1, 2)
    assert (score.digits, score.wrong_digits) == (9, 3)
    assert [truth for _, truth, _ in score.mistakes] == ["680", "94"]


def test_weights_that_are_not_the_recorded_ones_are_refused(tmp_path: Path) -> None:
    for name in ("digits.onnx", "digits.json"):
        shutil.copy(OWN / name, tmp_path)
    assert own_weights("digits.onnx", tmp_path) is not None
    with (tmp_path / "digits.onnx").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ReaderError, match=r"digits\.onnx is not the file"):
        own_weights("digits.onnx", tmp_path)


def test_the_weights_are_small_and_named() -> None:
    assert len(digits_version()) == 8
    assert (OWN / "digits.onnx").stat().st_size <= 3_000_000
