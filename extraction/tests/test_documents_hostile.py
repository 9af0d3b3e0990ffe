"""Files made to hurt end in a plain refusal or a bounded reading; the caller never notices more than that."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from extraction.documents import DocumentRefused, Limits, inspect, open_pages
from extraction.documents.refusal import CODES
from extraction.tests import hostile

MOST_MEMORY = 1_500_000_000

REFUSED: list[tuple[Callable[[], bytes], str, str]] = [
    (lambda: b"", "empty", "0 bytes"),
    (hostile.html_page, "not_a_document", "web page"),
    (hostile.zip_bomb, "not_a_document", "ZIP"),
    (lambda: b"\x00\x01\x02 nothing at all", "not_a_document", "Scan it or save it as PDF"),
    (hostile.xml_bomb, "xml_invoice", "XML"),
    (hostile.encrypted_pdf, "encrypted", "password"),
    (hostile.truncated_pdf, "damaged", "damaged or incomplete"),
    (lambda: b"%PDF-1.7\n" + b"garbage " * 500, "damaged", "damaged or incomplete"),
    (hostile.truncated_jpeg, "damaged", "damaged or incomplete"),
    (lambda: b"\x89PNG\r\n\x1a\n" + b"garbage " * 500, "damaged", "damaged or incomplete"),
    (lambda: b"II*\x00" + b"\xff" * 500, "damaged", "damaged or incomplete"),
    (lambda: b"\x00\x00\x00\x18ftypheic" + b"\xff" * 500, "damaged", "damaged or incomplete"),
    (hostile.many_pages_pdf, "too_many_pages", "20,000 pages; at most 100"),
    (hostile.endless_page_tree_pdf, "too_many_pages", "at most 100"),
    (hostile.many_frames_tiff, "too_many_pages", "more than 100 pages"),
    (hostile.huge_page_pdf, "page_too_large", "4,000 x 4,000 inches"),
    (hostile.bomb_png, "page_too_large", "more than 50 megapixels"),
]


@pytest.mark.parametrize(
    ("make", "code", "says"), REFUSED, ids=[f"{i}-{code}" for i, (_, code, _) in enumerate(REFUSED)]
)
def test_file_is_refused_with_a_reason(make: Callable[[], bytes], code: str, says: str) -> None:
    document = make()
    for look in (inspect, open_pages):
        with pytest.raises(DocumentRefused) as refused:
            look(document)
        assert refused.value.code == code
        assert code in CODES
        assert says in refused.value.message
        assert (refused.value.peak_memory or 0) < 200_000_000


@pytest.mark.parametrize("make", [hostile.huge_content_pdf, hostile.nested_forms_pdf])
def test_pdf_that_unpacks_without_end_is_stopped_at_a_bound(make: Callable[[], bytes]) -> None:
    document = make()
    assert len(document) < 1_000_000
    started = time.monotonic()
    with pytest.raises(DocumentRefused) as refused:
        inspect(document)
    assert refused.value.code in ("too_much_memory", "too_slow")
    assert "was stopped" in refused.value.message
    assert refused.value.peak_memory is not None
    assert refused.value.peak_memory < MOST_MEMORY
    assert time.monotonic() - started < 40
    assert inspect(hostile.plain_pdf()).pages == 1, "the next document is opened as if nothing had happened"


def test_slow_file_is_stopped_after_the_time_allowed() -> None:
    document = hostile.huge_content_pdf(megabytes=60)
    started = time.monotonic()
    with pytest.raises(DocumentRefused) as refused:
        open_pages(document, Limits(open_seconds=1, memory_bytes=4_000_000_000))
    assert refused.value.code == "too_slow"
    assert "more than 1 second" in refused.value.message
    assert time.monotonic() - started < 10


def test_file_over_the_size_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DocumentRefused) as refused:
        inspect(hostile.plain_pdf() + b" " * 26 * 1024 * 1024)
    assert refused.value.code == "too_large"
    assert "at most 25 MB" in refused.value.message


def test_pdf_with_javascript_opens_and_nothing_runs() -> None:
    (page,) = open_pages(hostile.javascript_pdf())
    assert page.text_words is not None
    assert "4711" in [word.text for word in page.text_words]


def test_polyglot_is_taken_for_the_pdf_it_holds_whatever_a_browser_would_make_of_it() -> None:
    found = inspect(hostile.html_before_pdf())
    assert found.media_type == "application/pdf"
    (page,) = open_pages(hostile.html_before_pdf())
    assert page.picture.startswith(b"\xff\xd8\xff")
    assert b"script" not in page.picture


def test_png_with_more_data_than_it_states_is_read_at_the_stated_size() -> None:
    found = inspect(hostile.lying_png())
    assert found.peak_memory < 200_000_000
    (page,) = open_pages(hostile.lying_png())
    assert (page.width, page.height) == (64, 64)


def test_tiff_that_runs_in_a_circle_ends() -> None:
    assert len(open_pages(hostile.looping_tiff())) <= 100
