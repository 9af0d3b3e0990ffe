"""From a reader's raw evidence to the probability that a value is right.

One pooled logistic model over what speaks for and against a value, the field among it. Its coefficients stand in
``extraction/weights/calibration.json``, fitted on held-out readings of real documents by
``python -m extraction.evaluation.calibrate`` (cross-validated by vendor), never on generated ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from extraction.fields import FIELDS

WEIGHTS = Path(__file__).parent / "weights" / "calibration.json"
_VOTES, _TIED_VOTES = 1.5, 3.0
# No value read by rules is ever certain: the fit saw a few hundred documents.
HIGHEST = 0.995
LOWEST = 0.02


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one value.

    ``score`` raw score (0..1); ``margin`` score less the next candidate's; ``supported`` and
    ``contradicted`` by arithmetic; ``ocr`` the lowest recognition confidence of its words (1 for
    a text layer); ``labelled`` whether a label stands at it; ``agreed`` whether
    the rules alone would have chosen it too. ``witnesses`` is what else there is to say of it, by the names of
    `WITNESSES` (``extraction.reading.testimony``); what is not there was not looked at. ``reading`` is the share
    of the votes for its figures, where they were looked at again (``extraction.reading.second_look``).
    """

    field: str
    score: float
    margin: float
    supported: bool = False
    contradicted: bool = False
    ocr: float = 1.0
    labelled: bool = True
    agreed: bool = True
    reading: float = 1.0
    witnesses: Mapping[str, float] = attribute(default_factory=dict)


BASIC = ("bias", "score", "margin", "supported", "contradicted", "recognised", "ocr", "labelled",
         "is_money", "is_date", "is_id", "is_name", "is_address", "is_total", "is_code", "agreed")  # fmt: skip
READERS = ("rule", "trees", "encoder", "encoder_least")
"""Witnesses that are probabilities; they count as logits. Who was not asked is taken to agree with the score."""
_FOR = """
    rule_margin trees_margin encoder_margin blend_margin least page_least claim quality cell_share
    parts_tie lines_tie net_is_total due_is_total cash_ties amount_times
    name_legal_form name_again name_domain name_over_address
    address_postcode address_street address_digits address_begins number_times date_times currency_marks
"""
_AGAINST = """
    encoder_nothing encoder_other claim_other tabled rivals alternatives disputed page_disputed page_recognised
    parts_broken negative large_tax above_total larger_amounts rival_times
    name_one_word name_short name_digits name_boiler_plate name_odd_signs name_glued name_address
    name_longer_rival name_rest_of_line name_under_name name_over_name
    address_contact address_name address_time address_glued address_goes_on address_began_above
    number_without_digit number_short number_small_letters number_spaced number_like_date number_like_letters
    number_claimed dates date_other_decade date_swappable date_short_year date_spaced date_year_first date_within_word
    currency_others currency_kinds
"""
_UNDECIDED = ("date_beside_time",)
WITNESSES: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(_FOR.split(), 1) | dict.fromkeys(_AGAINST.split(), -1) | dict.fromkeys(_UNDECIDED, 0)
)
"""What ``extraction.reading.testimony`` says of a value, and whether it can only speak for (1) or against (-1) it.

The fit keeps these directions: on some hundred errors chance would have a witness believed the wrong way round.
"""
_DERIVED = ("rule_first", "trees_first", "encoder_first", "all_first", "least_logit", "faint")
FEATURES = (
    *BASIC,
    *(f"logit_{name}" for name in READERS),
    *_DERIVED,
    *WITNESSES,
    *(f"field:{name}" for name in FIELDS),
)
DIRECTIONS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(
        ("score", "margin", "supported", "labelled", "agreed", *(f"logit_{name}" for name in READERS)), 1
    )
    | dict.fromkeys(("contradicted", "recognised", "ocr", "faint"), -1)
    | dict.fromkeys(_DERIVED[:-1], 1)
    | dict(WITNESSES)
)
"""In which direction a feature may move the confidence: 1 up, -1 down; 0 and absent either way."""
# From this probability on the encoder has an opinion of its own, as in ``extraction.reading.scorer``.
_HEARD = 0.15


def features_of(evidence: Evidence) -> list[float]:
    """Return the feature vector, in the order of :data:`FEATURES`."""
    known = FIELDS[evidence.field]
    score = min(max(evidence.score, 0.01), 0.99)
    basic = [
        1.0,
        _half_logit(score),
        min(max(evidence.margin, -1.0), 1.0),
        float(evidence.supported),
        float(evidence.contradicted),
        float(evidence.ocr < 0.9999),
        1.0 - evidence.ocr,
        float(evidence.labelled),
        float(known.kind == "money"),
        float(known.kind == "date"),
        float(known.kind == "id"),
        float(known.name in ("vendor_name", "customer_name")),
        float(known.is_address),
        float(known.name == "total"),
        float(known.kind == "code"),
        float(evidence.agreed),
    ]
    said = evidence.witnesses
    unsaid = _UNSAID | dict.fromkeys(_MARGINS, min(max(evidence.margin, -1.0), 1.0))
    opinions = [_half_logit(said.get(name, score)) for name in READERS]
    first = [
        said.get("rule_margin", evidence.margin) > 0,
        said.get("trees_margin", evidence.margin) > 0,
        said.get("encoder_margin", evidence.margin) > 0 and said.get("encoder", score) > _HEARD,
    ]
    return [
        *basic,
        *opinions,
        *(float(one) for one in first),
        float(all(first)),
        min(opinions[:3]),
        math.log(max(1.001 - said.get("least", 1.0), 0.001)) / 3,
        *(said.get(name, unsaid.get(name, 0.0)) for name in WITNESSES),
        *(float(name == known.name) for name in FIELDS),
    ]


_MARGINS = ("rule_margin", "trees_margin", "encoder_margin", "blend_margin")
# What counts where a witness has nothing to say, if that is not nought.
_UNSAID = {"least": 1.0, "page_least": 1.0, "quality": 1.0, "cell_share": 1.0}


def _half_logit(probability: float) -> float:
    p = min(max(probability, 0.01), 0.99)
    return math.log(p / (1 - p)) / 2


GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "money": "amounts",
        "id": "numbers, dates and codes",
        "date": "numbers, dates and codes",
        "code": "numbers, dates and codes",
        "percent": "numbers, dates and codes",
        "quantity": "numbers, dates and codes",
        "choice": "numbers, dates and codes",
        "text": "names and texts",
    }
)
"""Kinds of field (`extraction.fields`) that share a threshold, since each alone has too few real values to find one."""
NOBODY = 1.0
"""A threshold that no confidence reaches: everything goes to a person."""


def group_of(name: str) -> str:
    """Return the group of fields that a field shares its threshold with."""
    return GROUPS[FIELDS[name].kind]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted model: ``version`` names the data and the fit.

    ``limits`` holds, by target accuracy and group of fields, the threshold from which on held-out real documents kept
    the target (``extraction.evaluation.calibrate.limits``).
    """

    version: str
    coefficients: Mapping[str, float]
    limits: Mapping[float, Mapping[str, float]] = attribute(default_factory=dict)

    def limit_of(self, name: str, target: float) -> float:
        """Return the threshold (0..1) that kept a target accuracy (0..1) for a field on real documents.

        That of the next stricter target measured; `NOBODY` if there is none.
        """
        stricter = [measured for measured in self.limits if measured >= target - 1e-9]
        return self.limits[min(stricter)].get(group_of(name), NOBODY) if stricter else NOBODY

    def probability_of(self, evidence: Evidence) -> float:
        """Return the probability (0..1) that the value is right."""
        score = sum(
            self.coefficients.get(name, 0.0) * value
            for name, value in zip(FEATURES, features_of(evidence), strict=True)
        )
        found = 1 / (1 + math.exp(-max(min(score, 30.0), -30.0)))
        return round(min(max(min(found, readable(evidence)), LOWEST), HIGHEST), 4)


def readable(evidence: Evidence) -> float:
    """Return how probably figures that were looked at again say what most votes are for (0..1).

    A value can't be surer than that. The votes are too modest, since a reading that fails in one cut takes its share
    from the others; the exponents are those that fitted photographs of the first generator (docs/models.md). Where
    the lines add up to just this sum, they speak for it too.
    """
    return float(1.0 - (1.0 - evidence.reading) ** (_TIED_VOTES if evidence.supported else _VOTES))


@lru_cache(maxsize=4)
def load_calibration(path: Path = WEIGHTS) -> Calibration:
    """Load the shipped model.

    :raises ValueError: if the file is not a calibration of this version's features.
    """
    content = json.loads(path.read_text("utf-8"))
    unknown = set(content["coefficients"]) - set(FEATURES)
    if unknown:
        raise ValueError(
            f"{path.name} was fitted with features this version doesn't have: {', '.join(sorted(unknown))};"
            " fit it again"
        )
    limits = {float(target): found for target, found in content.get("limits", {}).items()}
    return Calibration(content["version"], content["coefficients"], limits)
