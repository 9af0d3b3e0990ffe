"""Decisions that follow from a seed.

A layout is not drawn from one stream of random numbers but from one draw per named decision, so that two
documents of the same layout agree in every decision even where their contents differ.
"""

from __future__ import annotations

import random
import re
import string
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class Choices:
    """Named random decisions: the same seed and name always give the same answer."""

    def __init__(self, seed: str) -> None:
        self.seed = seed

    def stream(self, name: str) -> random.Random:
        """Return the random numbers of one decision."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 - nothing secret: a seed must give the same documents

    def pick(self, name: str, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        return self.stream(name).choices(options, weights)[0]

    def chance(self, name: str, probability: float) -> bool:
        return self.stream(name).random() < probability

    def between(self, name: str, low: float, high: float) -> float:
        return self.stream(name).uniform(low, high)

    def shuffled(self, name: str, items: Sequence[T]) -> list[T]:
        return self.stream(name).sample(list(items), len(items))


@cache
def _read(name: str) -> dict[str, Any]:
    with (Path(__file__).parent / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def phrases(kind: str, name: str, language: str) -> list[str]:
    """Return the phrases of a language for ``kind`` (titles, labels, columns); English where it has none.

    :raises KeyError: if there is no such entry.
    """
    entry = _read("phrases")[kind][name]
    return list(entry.get(language) or entry["en"])


def has_phrases(kind: str, name: str, key: str) -> bool:
    return key in _read("phrases")[kind][name]


def goods(kind: str, language: str) -> list[Any]:
    """Return what can be sold: rows of description, unit, lowest and highest price (see goods.toml)."""
    entry = _read("goods")[kind]
    return list(entry.get(language) or entry["en"])


def fill(rng: random.Random, pattern: str) -> str:
    """Replace ``#`` by a digit, ``%`` by a digit that isn't zero, ``@`` by a capital letter."""
    letters = string.ascii_uppercase.replace("I", "").replace("O", "")
    return re.sub(
        "[#%@]",
        lambda m: rng.choice(letters) if m[0] == "@" else str(rng.randint(0 if m[0] == "#" else 1, 9)),
        pattern,
    )
