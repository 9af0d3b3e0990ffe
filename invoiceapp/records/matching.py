"""Finding the vendor and the job that a document speaks of."""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz import fuzz, process

from invoiceapp.records.models import Job, Organization, Vendor

# Legal forms say nothing about who somebody is: "Acme, Inc." and "ACME LLC" are compared as "acme".
LEGAL_FORMS = re.compile(
    r"\b(incorporated|inc|llc|llp|lp|ltd|limited|co|corp|corporation|company|gmbh|ag|kg|ohg|ug|sarl|sas|sa|"
    r"srl|spa|bv|nv|plc|pvt|pty|s de rl|de cv)\b"
)
# rapidfuzz's ratio (0..100) from which two names are taken for the same vendor; below it a person chooses.
SAME_NAME = 92
# Fewer letters than these are in too many names to tell one from another.
SHORTEST_NAME = 4


def name_key(name: str) -> str:
    """Return the name as it is compared: lower case, no accents, punctuation or legal form."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", " ", plain.replace("'", "").replace(".", ""))
    short = re.sub(r"\s+", " ", LEGAL_FORMS.sub(" ", plain)).strip()
    return (short or plain.strip())[:200]


def number_key(number: str) -> str:
    """Return an identifier as it is compared: upper case, separators removed, leading zeros kept."""
    return re.sub(r"[\s\-./#]+", "", number).upper()[:60]


def find_vendor(organization: Organization, name: str) -> Vendor | None:
    """Return the organization's vendor of that name, allowing for small differences in writing."""
    key = name_key(name)
    if not key:
        return None
    exact = Vendor.objects.filter(organization=organization, name_key=key).first()
    if exact is not None:
        return exact
    keys = dict(Vendor.objects.filter(organization=organization).values_list("name_key", "pk"))
    best = process.extractOne(key, keys.keys(), scorer=fuzz.ratio, score_cutoff=SAME_NAME)
    return Vendor.objects.get(pk=keys[best[0]]) if best else None


def is_vendor(organization: Organization, name: str) -> bool:
    """Say whether exactly this name, but for case, punctuation and legal form, is on the organization's list."""
    key = name_key(name)
    return bool(key) and Vendor.objects.filter(organization=organization, name_key=key).exists()


def is_same_name(one: str, other: str) -> bool:
    """Say whether two names mean the same firm: all words of the shorter stand in the longer, or nearly so."""
    keys = name_key(one), name_key(other)
    return all(len(key) >= SHORTEST_NAME for key in keys) and fuzz.token_set_ratio(*keys) >= SAME_NAME


def find_job(organization: Organization, number: str) -> Job | None:
    """Return the organization's job with that work-order number, compared without separators."""
    key = number_key(number)
    return Job.objects.filter(organization=organization, number_key=key).first() if key else None


def remember_vendor(organization: Organization, name: str) -> Vendor | None:
    """Return the vendor of that name, entering it if the organization did not know it."""
    if (known := find_vendor(organization, name)) is not None:
        return known
    if not (key := name_key(name)):
        return None
    return Vendor.objects.get_or_create(
        organization=organization, name_key=key, defaults={"name": name.strip()[:200]}
    )[0]
