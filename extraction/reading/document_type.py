"""What kind of paper a document is, from its title and its words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extraction.reading.lexicon import fold
from extraction.reading.lines import Page

# (type, pattern, weight). Patterns run on folded text; a hit in a title (large or alone on its row, top third of
# the first page) counts four times.
_SIGNS: tuple[tuple[str, str, float], ...] = (
    (
        "credit_note",
        r"\bcredit (?:note|memo|memorandum)\b|\bgutschrift\b|\bnota de credito\b|\bfacture d.avoir\b"
        r"|^avoir\b|\bcreditnota\b|\bcreditfactuur\b"
        r"|\bnota di credito\b|\bkorrekturrechnung\b|\bstornorechnung\b",
        3.0,
    ),
    (
        "pay_application",
        r"\bapplication (?:and certificate )?for payment\b|\bpay(?:ment)? application\b"
        r"|\bcontinuation sheet\b|\bschedule of values\b"
        r"|\bscheduled value\b|\bcertificate for payment\b|\bapplication (?:no|number)\b"
        r"|\bsolicitud de pago\b",
        3.0,
    ),
    (
        "lien_waiver",
        r"\b(?:conditional|unconditional)\b.{0,40}\bwaiver\b|\bwaiver (?:and|of) (?:release|lien)\b"
        r"|\blien waiver\b",
        5.0,
    ),
    ("purchase_order", r"^purchase order\b|^orden de compra\b|^bestellung$|^bon de commande$", 1.5),
    (
        "delivery_ticket",
        r"^delivery (?:ticket|note|order)\b|^packing (?:slip|list)\b|^lieferschein$|^bon de livraison$"
        r"|^albaran$",
        1.5,
    ),
    (
        "statement",
        r"^(?:account )?statement(?: of account)?$|\bstatement of account\b|^estado de cuenta"
        r"|\bkontoauszug\b|\brelevé de compte\b",
        1.5,
    ),
    (
        "quote",
        r"^(?:quote|quotation|proposal)\b|^angebot\b|^devis\b|^cotizacion\b|^presupuesto\b|^offerte\b"
        r"|^preventivo\b|^orcamento\b",
        1.5,
    ),
    ("estimate", r"^(?:estimate|estimado|estimacion)\b|^estimate\s?/|\bestimate (?:no|number|#)", 1.2),
    (
        "receipt",
        r"\bcash sale\b|^(?:sales |official |cash )?receipt\b|^recibo\b|\bquittung\b|\bkassenbon\b"
        r"|\bcash bill\b|\bcashier\b|\bchange\b.{0,12}\d[.,]\d\d"
        r"|\bcash\b.{0,14}\d[.,]\d\d|\bticket de caisse\b|\bkassa ?bon\b|\bwechselgeld\b|\bruckgeld\b",
        0.9,
    ),
    (
        "invoice",
        r"\binvoice\b|\brechnung\b|\bfacture\b|\bfactura\b|\bfactuur\b|\bfattura\b|\bfatura\b"
        r"|\bnota fiscal\b|\bhandelsrechnung\b|\bbill\b",
        1.0,
    ),
)


def find_document_type(pages: Sequence[Page]) -> tuple[str, float]:
    """Return the most likely of ``extraction.fields.DOCUMENT_TYPES`` and a raw score (0..1)."""
    scores: dict[str, float] = {}
    for page in pages[:2]:
        heights = sorted(cell.height for cell in page.cells)
        usual = heights[len(heights) // 2] if heights else 1.0
        for row in page.rows:
            for cell in row:
                text = re.sub(r"\s+", " ", fold(cell.text)).strip(" :.-*")
                if len(text) > 160:
                    continue
                title = (
                    page.number == 0
                    and cell.y0 < page.height * 0.4
                    and len(text) < 45
                    and (cell.height > 1.25 * usual or len(text.split()) <= 3)
                )
                for name, pattern, weight in _SIGNS:
                    if re.search(pattern, text):
                        scores[name] = scores.get(name, 0.0) + weight * (
                            4 if title else 1 if len(text) < 60 else 0.3
                        )
    if not scores:
        return "other", 0.3
    if scores.get("estimate") and scores.get("invoice", 0) >= 3:
        # A pre-printed form "Estimate / Invoice" that asks for money is an invoice
        scores["estimate"] *= 0.6
    best = max(scores, key=lambda k: scores[k])
    total = sum(scores.values())
    return best, scores[best] / (total + 1.0)
