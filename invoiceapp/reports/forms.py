"""The form that begins a trial."""

from __future__ import annotations

from typing import Any

from django import forms

from extraction import registry
from extraction.models import Trial
from invoiceapp.records.models import Organization


class TrialForm(forms.Form):
    """Who challenges the usual reader, and how; `extraction.trials.start` has the last word."""

    challenger = forms.ChoiceField(
        label="Challenger", help_text="Others appear here once the server is set up for them."
    )
    kind = forms.ChoiceField(label="How it reads", choices=Trial.Kind.choices, widget=forms.RadioSelect)
    percent = forms.FloatField(
        label="Share of the documents",
        min_value=0.1,
        max_value=100,
        help_text="Percent. Which documents these are is fixed by their bytes: a document never changes sides.",
        error_messages={
            "min_value": "At least 0.1 percent.", "max_value": "At most 100 percent.",
            "invalid": "A number of percent, such as 20.",
        },
    )  # fmt: skip

    def __init__(self, data: Any = None, *, organization: Organization) -> None:
        # An id of its own, so that no label of the page around it is taken for one of the form's.
        super().__init__(data, initial={"kind": Trial.Kind.SHADOW, "percent": 100}, auto_id="trial_%s")
        self.fields["challenger"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (name, f"{registry.TITLES.get(name, name)} ({name})")  # the report goes on with the short name
            for name in registry.configured()
            if name != organization.backend
        ]
