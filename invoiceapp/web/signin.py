"""Signing in, with patience that ends."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.cache import cache
from django.core.exceptions import ValidationError

# Ten wrong passwords for one name from one address, then a quarter of an hour's pause: a person who
# mistypes never meets it, a program that guesses gets 960 tries a day.
ATTEMPTS = 10
PAUSE_SECONDS = 15 * 60


class PatientAuthenticationForm(AuthenticationForm):
    """Refuse to look at passwords for a while after too many wrong ones."""

    def clean(self) -> dict[str, Any]:
        key = self._key()
        if cache.get(key, 0) >= ATTEMPTS:
            raise ValidationError(
                "Too many wrong passwords. Wait fifteen minutes, or ask your administrator.", code="paused"
            )
        try:
            data = super().clean()
        except ValidationError:
            if not cache.add(key, 1, PAUSE_SECONDS):
                cache.incr(key)
            raise
        cache.delete(key)
        return data

    def _key(self) -> str:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        name = str(self.cleaned_data.get("username", "")).lower()
        return "sign-in-" + hashlib.sha256(f"{name}|{address}".encode()).hexdigest()


class SignInView(LoginView):
    """The sign-in page."""

    authentication_form = PatientAuthenticationForm
    redirect_authenticated_user = True
