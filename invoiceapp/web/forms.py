"""Forms of the settings pages."""

from __future__ import annotations

import re
import zoneinfo
from datetime import time
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model, password_validation
from django.core.exceptions import ValidationError

from extraction import registry
from extraction.backends.generative.prompts import LONGEST_OWN, faults
from invoiceapp.records import matching
from invoiceapp.records.models import Job, Membership, Organization, Vendor


class ReadingSettingsForm(forms.ModelForm):
    """When invoices are read, and how sure the reader must be."""

    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name.replace("_", " ")) for name in sorted(zoneinfo.available_timezones())]
    )
    reading_times = forms.CharField(
        required=False,
        label="Times of the day",
        help_text="Local time, separated by commas: 07:00, 12:30, 17:00",
    )
    accept_percent = forms.FloatField(
        label="Sure enough from",
        min_value=50,
        max_value=99.9,
        help_text="Percent. Values the reader is less sure of go to a person.",
    )
    backend = forms.ChoiceField(
        label="Reader",
        help_text="Others appear here once the server is set up for them. Each has to show anew how often it is right.",
    )
    reading_policy = forms.ChoiceField(
        label="A second reader",
        choices=(
            (Organization.ReadingPolicy.ALONE, "None: the reader above reads alone"),
            (Organization.ReadingPolicy.DOUBTFUL, "Is asked about values the first one is unsure of"),
            (Organization.ReadingPolicy.VERIFY, "Checks every value; where the two differ, a person decides"),
        ),
        widget=forms.RadioSelect,
        required=False,
    )
    second_backend = forms.ChoiceField(label="Second reader", required=False)
    urgent_backend = forms.ChoiceField(
        label="Urgent invoices",
        required=False,
        help_text="If that reader can't, the usual one reads them at once.",
    )
    target_percent = forms.FloatField(
        required=False,
        label="Target accuracy",
        min_value=90,
        max_value=99.9,
        help_text="Percent of the values nobody looks at that must be right. Once enough values have been checked at "
        "random, each field gets the lowest threshold that keeps it; until then “sure enough from” holds.",
    )
    audit_percent = forms.FloatField(
        label="Check at random",
        min_value=0,
        max_value=100,
        help_text="Percent of the sure values that a person checks all the same. Without it nobody can say "
        "how often the reader is right.",
    )
    daily_minutes = forms.DecimalField(
        required=False,
        label="Minutes a day",
        min_value=0,
        max_value=1_000_000,
        decimal_places=2,
        help_text="How long these readers may work from midnight to midnight, all documents together. Empty: no limit.",
    )

    class Meta:
        model = Organization
        fields = [
            "name",
            "time_zone",
            "country",
            "currency",
            "reading_mode",
            "night_start",
            "night_end",
            "reading_times",
            "batch_size",
            "backend",
            "reading_policy",
            "second_backend",
            "urgent_backend",
            "daily_money",
        ]
        widgets = {
            "reading_mode": forms.RadioSelect,
            "night_start": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "night_end": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }
        labels = {
            "reading_mode": "When invoices are read",
            "night_start": "From",
            "night_end": "To",
            "batch_size": "How many must wait",
            "country": "Country",
            "daily_money": "Money a day",
        }
        help_texts = {
            "currency": "Three letters, like USD.",
            "country": "Two letters, like US. Decides whether 03/04/2026 is in March or in April.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("backend")
        self._offer("second_backend", "None")
        self._offer("urgent_backend", "Are read like the others, only sooner")
        self.initial["reading_times"] = ", ".join(self.instance.reading_times)
        self.initial["accept_percent"] = round(self.instance.accept_threshold * 100, 2)
        target = self.instance.target_accuracy
        self.initial["target_percent"] = None if target is None else round(target * 100, 2)
        self.initial["audit_percent"] = round(self.instance.audit_share * 100, 2)
        seconds = self.instance.daily_seconds
        self.initial["daily_minutes"] = (
            None if seconds is None else f"{(Decimal(seconds) / 60).quantize(Decimal('0.01')).normalize():f}"
        )
        currency = settings.PRICE_CURRENCY
        self.fields[
            "daily_money"
        ].help_text = (
            f"In {currency}: what these readers may cost from midnight to midnight. Empty: no limit."
        )

    def _offer(self, field: str, none: str = "") -> None:
        """Let a reader be chosen among those that are set up; ``none`` says what it means to choose none."""
        # One that was chosen and is no longer set up stays until somebody chooses another.
        chosen = getattr(self.instance, field)
        names = [name for name in dict.fromkeys([*registry.configured(), chosen]) if name]
        choices = [(name, registry.TITLES.get(name, name)) for name in names]
        self.fields[field].choices = [("", none), *choices] if none else choices  # type: ignore[attr-defined]

    def clean_reading_policy(self) -> str:
        return self.cleaned_data["reading_policy"] or Organization.ReadingPolicy.ALONE

    def clean_reading_times(self) -> list[str]:
        times = set()
        for part in re.split(r"[,;\s]+", self.cleaned_data["reading_times"].strip()):
            if not part:
                continue
            try:
                times.add(time.fromisoformat(part.zfill(5)).strftime("%H:%M"))
            except ValueError:
                raise ValidationError(f"“{part}” is not a time. Write it like 07:30.") from None
        return sorted(times)

    def clean_country(self) -> str:
        value = self.cleaned_data["country"].strip().upper()
        if not re.fullmatch(r"[A-Z]{2}", value):
            raise ValidationError("Two letters, like US.")
        return value

    def clean_currency(self) -> str:
        value = self.cleaned_data["currency"].strip().upper()
        if not re.fullmatch(r"[A-Z]{3}", value):
            raise ValidationError("Three letters, like USD.")
        return value

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        mode = data.get("reading_mode")
        if (
            mode == Organization.ReadingMode.TIMES
            and not data.get("reading_times")
            and "reading_times" not in self.errors
        ):
            self.add_error("reading_times", "Give at least one time of the day.")
        if mode == Organization.ReadingMode.NIGHTLY and data.get("night_start") == data.get("night_end"):
            self.add_error("night_end", "The window is empty: give an end that differs from its start.")
        if data.get("reading_policy") in (
            Organization.ReadingPolicy.DOUBTFUL,
            Organization.ReadingPolicy.VERIFY,
        ):
            if not data.get("second_backend"):
                self.add_error("second_backend", "Choose the second reader, or none beside the first.")
            elif data["second_backend"] == data.get("backend"):
                self.add_error(
                    "second_backend", "Choose another one than the first: it would agree with itself."
                )
        return data

    def save(self, commit: bool = True) -> Organization:
        self.instance.accept_threshold = self.cleaned_data["accept_percent"] / 100
        target = self.cleaned_data["target_percent"]
        self.instance.target_accuracy = None if target is None else round(target / 100, 6)
        self.instance.audit_share = self.cleaned_data["audit_percent"] / 100
        minutes = self.cleaned_data["daily_minutes"]
        self.instance.daily_seconds = None if minutes is None else int(minutes * 60)
        if commit:
            # Only these columns: an upload may have counted `last_reference` up since the page was opened.
            self.instance.save(
                update_fields=[
                    *self.Meta.fields,
                    "accept_threshold",
                    "target_accuracy",
                    "audit_share",
                    "daily_seconds",
                ]
            )
        return self.instance


def dearer_readers() -> tuple[str, ...]:
    """Return the readers that are set up here and that a daily budget is about."""
    return tuple(name for name in registry.configured() if name not in registry.EMBEDDED)


class PromptForm(forms.Form):
    """What large models are asked, with placeholders; `extraction.services.save_prompt` has the last word."""

    text = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 22, "class": "mono", "spellcheck": "false"}),
        help_text="$fields or $labelled_fields (with words that often label them) and $lines must be in it: they "
        "become the lists of what is asked for. $schema becomes the JSON schema. Write $$ for a dollar sign. "
        f"At most {LONGEST_OWN:,} characters.",
    )
    based_on = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        text = self.cleaned_data["text"].replace("\r\n", "\n").strip()
        if found := faults(text):
            raise ValidationError(found)
        return text


class PersonForm(forms.Form):
    """A person's roles; a new person gets a name and a first password too."""

    username = forms.SlugField(label="User name", max_length=150, help_text="Letters, digits, dashes.")
    first_name = forms.CharField(label="First name", max_length=150, required=False)
    last_name = forms.CharField(label="Last name", max_length=150, required=False)
    password = forms.CharField(
        label="First password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 10 characters.",
    )
    roles = forms.MultipleChoiceField(
        label="Roles", choices=Membership.Role.choices, widget=forms.CheckboxSelectMultiple
    )

    def clean_username(self) -> str:
        name = self.cleaned_data["username"]
        if get_user_model().objects.filter(username__iexact=name).exists():
            raise ValidationError("That user name is taken. Choose another one.")
        return name

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        password_validation.validate_password(password)
        return password


class JobForm(forms.ModelForm):
    """A job site or work order."""

    class Meta:
        model = Job
        fields = ["number", "name", "estimate", "is_open"]
        labels = {"number": "Work-order number", "is_open": "Open: invoices may be charged to it"}

    def clean_number(self) -> str:
        number = self.cleaned_data["number"].strip()
        key = matching.number_key(number)
        if not key:
            raise ValidationError("Give a number with at least one letter or digit.")
        known = Job.objects.filter(organization=self.instance.organization, number_key=key)
        if known.exclude(pk=self.instance.pk).exists():
            raise ValidationError("There is a job with this number already.")
        self.instance.number_key = key
        return number


class VendorForm(forms.ModelForm):
    """Someone who sends invoices."""

    class Meta:
        model = Vendor
        fields = ["name", "address", "phone", "email", "tax_id", "accounting_id"]
        labels = {"accounting_id": "Id in the accounting system", "tax_id": "Tax id"}
        widgets = {"address": forms.Textarea(attrs={"rows": 3})}

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip()
        key = matching.name_key(name)
        known = Vendor.objects.filter(organization=self.instance.organization, name_key=key)
        if not key or known.exclude(pk=self.instance.pk).exists():
            raise ValidationError("There is a vendor of this name already." if key else "Give a name.")
        self.instance.name_key = key
        return name
