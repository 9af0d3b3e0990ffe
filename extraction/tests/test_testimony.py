"""What speaks for and against a value that was chosen, and what a clerk is told of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from extraction.backends.layout import Understanding, find_candidates, understand
from extraction.calibration import READERS, WITNESSES
from extraction.reading.survey import survey
from extraction.reading.testimony import Witnesses
from extraction.schema import Box, Hints, PageImage, Word

INVOICE = (
    "Miller Roofing LLC",
    "1420 Harbor Street",
    "Tacoma, WA 98402",
    "Invoice number: MR-20417",
    "Invoice date: 03/14/2025",
    "Bill to: Hernandez Builders Inc",
    "Subtotal: 2,495.50",
    "Sales tax: 222.10",
    "Total due: 2,717.60",
)


def page_of(lines: tuple[str, ...], disputed: Collection[str] = ()) -> tuple[PageImage, list[Word]]:
    """A letter-size page with one line of words under the other; over some of them two recognisers differ."""
    words = []
    for row, line in enumerate(lines):
        x = 0.1
        for text in line.split():
            box = Box(x, 0.05 + row * 0.03, x + 0.011 * len(text), 0.065 + row * 0.03)
            word = Word(text, box, 1.0, row)
            words.append(replace(word, least=0.55, disputed=True) if text in disputed else word)
            x = box.x1 + 0.008
    return PageImage(0, 850, 1100, b""), words


def read(*lines: str, disputed: Collection[str] = ()) -> Understanding:
    return understand([page_of(lines, disputed)], Hints())


def test_every_witness_that_is_called_is_one_that_the_confidence_knows() -> None:
    for evidence in read(*INVOICE).evidence.values():
        assert set(evidence.witnesses) <= {*WITNESSES, *READERS}
        # an address of several lines fills its first one more than once
        bounded = {name: said for name, said in evidence.witnesses.items() if name != "cell_share"}
        assert all(-1 <= said <= 1 for said in bounded.values())


def test_a_total_that_follows_from_its_parts_has_them_as_witnesses() -> None:
    tied, broken = read(*INVOICE), read(*INVOICE[:-1], "Total due: 2,717.80")
    assert tied.evidence["total"].witnesses["parts_tie"] == 1
    assert broken.evidence["total"].witnesses["parts_broken"] == 1
    assert tied.fields["total"].confidence > broken.fields["total"].confidence + 0.05


def test_two_readings_of_a_word_that_differ_make_it_unsure_and_say_so() -> None:
    plain, disputed = read(*INVOICE), read(*INVOICE, disputed=["MR-20417"])
    assert disputed.fields["invoice_number"].value == "MR-20417"
    assert disputed.fields["invoice_number"].confidence < plain.fields["invoice_number"].confidence - 0.01
    assert disputed.fields["invoice_number"].reason == "hard to read: a second reading of the print differs"
    assert plain.fields["invoice_number"].reason == ""


def test_a_credit_notes_negative_total_goes_to_a_person() -> None:
    sums = ("Subtotal: {}2,495.50", "Sales tax: {}222.10", "Total: {}2,717.60")
    found, positive = (
        read("Credit note", *INVOICE[:-3], *(line.format(sign) for line in sums)) for sign in ("-", "")
    )
    assert found.evidence["total"].witnesses["negative"] == 1
    assert found.fields["total"].confidence < positive.fields["total"].confidence - 0.02


def test_a_date_within_a_product_code_is_told_from_a_date() -> None:
    document = survey([page_of((*INVOICE[:3], "Hammer HD03-04-06", "Date 05-06-07"))], Hints())
    found, _ = find_candidates(document)
    witnesses = Witnesses(document, found)
    by_text = {c.text: witnesses.about("invoice_date", [c], {}) for c in found["invoice_date"]}
    assert by_text["05-06-07"]["date_within_word"] == 0
    assert all(said["date_within_word"] == 1 for text, said in by_text.items() if text != "05-06-07")


def test_an_address_that_goes_on_below_is_called_incomplete() -> None:
    document = survey([page_of(INVOICE)], Hints())
    found, _ = find_candidates(document)
    whole = found["vendor_address"][0]
    witnesses = Witnesses(document, found)
    street = replace(whole, value="1420 Harbor Street", place=whole.place[:3])
    assert witnesses.about("vendor_address", [street], {})["address_goes_on"] == 1
    assert witnesses.about("vendor_address", [whole], {})["address_goes_on"] == 0


def test_the_same_name_in_other_letters_is_no_rival() -> None:
    document = survey([page_of(INVOICE)], Hints())
    found, _ = find_candidates(document)
    best = found["vendor_name"][0]
    again = replace(best, value=best.value.upper())
    other = replace(best, value="Hernandez Builders Inc")
    witnesses = Witnesses(document, found)
    assert witnesses.about("vendor_name", [best, again], {})["rivals"] == 0
    assert witnesses.about("vendor_name", [best, again, other], {})["rivals"] > 0
