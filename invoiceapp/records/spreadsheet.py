"""What every table that leaves the site as CSV has in common."""

from __future__ import annotations

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"), full-width twins included.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_text(text: str) -> str:
    """Return text that a spreadsheet shows and never computes: a leading apostrophe disarms a formula.

    For text only: a negative number would be taken for one too.
    """
    if text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS):
        return "'" + text
    return text
