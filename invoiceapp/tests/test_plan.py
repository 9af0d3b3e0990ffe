"""`manage.py plan` says what a volume costs a month, and what that rests on."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from extraction.models import Run
from extraction.tests.test_planning import TABLE
from invoiceapp.reports.tests.rows import fill


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(TABLE)
    return path


def said(**options: Any) -> str:
    out = StringIO()
    call_command("plan", per_day=2000, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
class TestCommand:
    def test_it_counts_with_what_was_measured_here(self, organization: Any, alice: Any, prices: Path) -> None:
        fill(organization, alice, invoices=30)
        Run.objects.update(seconds_total=0.9, finished=timezone.now() - timedelta(days=1))
        text = said(prices=prices, hours=10)
        assert "layout: 1 worker (mean 0.90 s, 95 % within 0.90 s, of 30 documents)" in text
        assert "2,000 x 0.90 s = 0.50 hours of reading a day; / (10 h x 0.7) = 0.07, so 1" in text
        assert "  own server: 38 to 76 a month, 0.00063 to 0.0013 an invoice" in text
        # and for the large models with the study's figures, which it says
        assert "llama: 1 GPU worker (not measured here; 5.82 s a photograph on one H100" in text
        assert "pixtral: 1 GPU worker (not measured here; 1.5 s" in text
        assert "In EUR, by the table of 26 November 2026 (prices.toml): made up." in text

    def test_readings_here_take_the_place_of_the_studys_figure(
        self, organization: Any, alice: Any, prices: Path
    ) -> None:
        fill(organization, alice, invoices=5)
        Run.objects.update(backend="pixtral", seconds_total=4.0, finished=timezone.now())
        text = said(prices=prices, backend="pixtral")
        assert "pixtral: 1 GPU worker (mean 4.00 s" in text
        assert "not measured here" not in text
        assert "5 documents are few" in text

    def test_a_price_of_ones_own_takes_the_place_of_the_table(self, prices: Path) -> None:
        text = said(prices=prices, backend="llama", gpu_price_hour="2.50", hours=10)
        assert "  your price: 760 a month, 0.013 an invoice" in text
        assert "own server" not in text

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"backend": "layout"}, "No document was read here by layout"),
            ({"price_hour": "cheap"}, "--price-hour cheap is no price"),
            ({"gpu_price_hour": "-1"}, "--gpu-price-hour -1 is no price"),
            ({"hours": 0}, "a plan needs"),
            ({"prices": Path("nowhere.toml")}, "can't be read"),
        ],
    )
    def test_what_can_not_be_counted_with_is_said(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(CommandError, match=words):
            said(**options)
