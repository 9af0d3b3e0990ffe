"""The layout encoder: what each word of a page is, by its surroundings. Trained by ``extraction.training.encoder``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from extraction.reading.lines import Token
from extraction.reading.survey import Survey
from extraction.reading.token_features import Window, windows_of
from extraction.reading.weights import own_weights, session_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "encoder.onnx"


@dataclass(frozen=True, slots=True)
class Tagging:
    """The encoder's view of a document: per token index the probabilities of all tags."""

    tags: tuple[str, ...]
    rows: Mapping[int, NDArray[np.float32]]

    def probabilities(self, tokens: Sequence[Token]) -> NDArray[np.float32]:
        """Return the probabilities of some tokens, shape (tokens, tags); unknown tokens count as "nothing"."""
        nothing = np.zeros(len(self.tags), dtype=np.float32)
        nothing[0] = 1.0
        found = [self.rows.get(token.index, nothing) for token in tokens]
        return np.array(found, dtype=np.float32).reshape(-1, len(self.tags))

    def number_of(self, tag: str) -> int:
        return self.tags.index(tag)


@cache
def encoder_version() -> str:
    """Return eight hex digits that change with the weights; empty if this copy has none."""
    found = own_weights(_FILE)
    return found[1]["sha256"][:8] if found else ""


def tag(document: Survey) -> Tagging | None:
    """Say what each word of a document is; None if the weights are not there.

    :raises ReaderError: if the weights are not those that were recorded.
    """
    loaded = _loaded()
    if loaded is None:
        return None
    path, tags, signs = loaded
    rows: dict[int, NDArray[np.float32]] = {}
    for window in windows_of(document, signs):
        for index, row in zip(window.tokens, _run(window, path), strict=True):
            rows[int(index)] = row
    return Tagging(tags, rows)


@cache
def _loaded() -> tuple[Path, tuple[str, ...], tuple[str, ...]] | None:
    found = own_weights(_FILE)
    if found is None:
        return None
    path, about = found
    return path, tuple(about["tags"]), tuple(about["signs"])


def _run(window: Window, path: Path) -> NDArray[np.float32]:
    (logits,) = session_of(path).run(
        None,
        {
            "pieces": window.pieces[None],
            "places": window.places[None],
            "centers": window.centers[None],
            "signs": window.signs[None],
            "real": np.ones((1, len(window.tokens)), dtype=np.float32),
        },
    )
    powers = np.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)
