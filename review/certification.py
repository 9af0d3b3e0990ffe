"""Thresholds that keep an organization's target accuracy, from what its people decided.

The arithmetic and what it promises stand in `extraction.guarantee`; here the labels are
gathered. A value is a label if the audit draw holds it, and a person was asked about it and answered.
The draw is asked again here, so that of the doubtful values, all of them checked, exactly the share counts
that counts of the confident ones. Answers that nobody asked for (mistakes noticed by chance) are none.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from uuid import UUID

from django.db.models import F, Q

from extraction.guarantee import Label, certify_fields
from extraction.models import Certification, Run
from extraction.services import CERTIFIED_FIELDS, certification_for, meanwhile
from invoiceapp.records.models import Organization
from review.models import Decision
from review.sampling import is_drawn

log = logging.getLogger(__name__)


def certify(organization: Organization) -> Certification | None:
    """Work out the thresholds from all labels of the reader now in use; a new row only if something changed.

    :returns: what holds now; None without a target, or before anything was read.
    """
    version = current_version(organization)
    if organization.target_accuracy is None or version is None:
        return None
    found = certify_fields(
        labels(organization, version),
        CERTIFIED_FIELDS,
        organization.target_accuracy,
        meanwhile=organization.accept_threshold,
        floors=meanwhile(organization, organization.backend),
    )
    fields = {name: {"basis": one.basis, "guarantee": asdict(one.guarantee)} for name, one in found.items()}
    held = certification_for(organization, organization.backend, version)
    if held is not None and (held.fields, held.meanwhile) == (fields, organization.accept_threshold):
        return held
    return Certification.objects.create(
        organization=organization,
        backend=organization.backend,
        model_version=version,
        target=organization.target_accuracy,
        meanwhile=organization.accept_threshold,
        fields=fields,
    )


def certify_all() -> int:
    """Work out the thresholds of every organization with a target; returns how many have some."""
    done = 0
    for organization in Organization.objects.filter(target_accuracy__isnull=False):
        try:
            done += certify(organization) is not None
        except Exception:  # one organization's rows must not keep the others waiting
            log.exception("The thresholds of %s could not be worked out", organization)
    return done


def in_force(organization: Organization) -> Certification | None:
    """Return the thresholds with which the organization's next document will be read, as far as can be known."""
    if organization.target_accuracy is None:
        return None
    version = current_version(organization)
    return certification_for(organization, organization.backend, version) if version else None


def current_version(organization: Organization) -> str | None:
    """Return the version of the reader that read the organization's newest document; None before the first."""
    return (
        Run.objects.filter(organization=organization, backend=organization.backend, status=Run.Status.DONE)
        .order_by("-finished")
        .values_list("model_version", flat=True)
        .first()
    )


def labels(organization: Organization, model_version: str) -> list[Label]:
    """Return the labels of one version of the organization's reader: one per invoice and field.

    A save taken back, or an invoice sent back by the approver, brings several decisions on one value:
    the last one counts that is about the reading. Changes made by the office say nothing about
    it, unless there is nothing else: then the reading was right. Read twice, an invoice counts with its first run.
    """
    asked = Q(reading__accepted=True, sampled=True) | Q(reading__accepted=False, doubtful=True)
    rows = (
        Decision.objects.filter(
            organization=organization,
            backend=organization.backend,
            model_version=model_version,
            field__in=CERTIFIED_FIELDS,
            reading__clearance__isnull=False,
            reading__run__audit_share__gt=0,
        )
        .annotate(asked=asked, clearance=F("reading__clearance"), share=F("reading__run__audit_share"))
        .order_by("pk")
        .values_list(
            "reading__run__invoice", "field", "reading", "asked", "clearance", "share", "action", "why"
        )
    )
    found: dict[tuple[UUID, str], tuple[int, float, bool, bool]] = {}
    for invoice, field, reading, was_asked, clearance, share, action, why in rows.iterator(chunk_size=2000):
        business = why == Decision.Why.BUSINESS
        held = found.get((invoice, field))
        if held is None:
            if not was_asked or not is_drawn(invoice, field, share):
                continue
        elif held[0] != reading or (business and not held[3]):
            continue
        right = business or action == Decision.Action.CONFIRMED
        found[invoice, field] = (reading, clearance, right, business)
    return [
        Label(str(invoice), field, clearance, right)
        for (invoice, field), (_, clearance, right, _) in found.items()
    ]
