"""Labelled documents on disk: a folder with ``truth.jsonl`` beside the files that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """One document with its truth.

    ``fields`` holds only what is known; a field that is missing from it is unknown, not
    absent, unless it is there with the value ``None``. Numbers are JSON numbers, dates ISO 8601.
    ``boxes`` says per field where it stands, if that is known: ``page`` (from 0) and ``box``
    (page-relative, ``[x0, y0, x1, y1]``, on the picture as it is in the file). ``printed`` are the texts with
    which a field stands on the pages, if that is known, ``tags`` what the truth says of the document's kind.
    ``office`` is what an office would know of the document beforehand, if the truth says it: ``work_orders``,
    ``vendors`` (``name``, ``phone``), ``stated_total``, ``stated_work_order``.
    ``identity`` tells a document from every other of a run and finds it again in another run: folder and file as
    in the truth.
    """

    path: Path
    track: str = ""
    language: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    line_items: Sequence[Mapping[str, object]] = ()
    boxes: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    printed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Sequence[str] = ()
    identity: str = ""
    office: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class DatasetDescription:
    """Which data was measured on, without where it lies: the folder's name and its truth's SHA-256, 16 digits."""

    name: str
    digest: str


def describe(folder: Path) -> DatasetDescription:
    """Name a data set so that another run can tell whether it measured on the same one.

    :raises OSError: if the folder's ``truth.jsonl`` can't be read.
    """
    digest = hashlib.sha256((folder / "truth.jsonl").read_bytes()).hexdigest()[:16]
    return DatasetDescription(folder.resolve().name, digest)


def read_dataset(folder: Path) -> Iterator[LabelledDocument]:
    """Yield the labelled documents of a folder, in the file's order.

    :raises FileNotFoundError: if the folder holds no ``truth.jsonl``.
    :raises ValueError: if a line is not a JSON object that names a file.
    """
    source = folder / "truth.jsonl"
    if not source.is_file():
        raise FileNotFoundError(
            f"{folder} holds no truth.jsonl: evaluate needs one line of JSON per document with its file and fields."
        )
    for number, line in enumerate(source.read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            path = folder / entry["file"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f'{source}, line {number}: not a JSON object with a "file" ({error})') from error
        yield LabelledDocument(
            path=path,
            track=entry.get("track", ""),
            language=entry.get("language", ""),
            fields=entry.get("fields") or {},
            line_items=entry.get("line_items") or (),
            boxes=entry.get("boxes") or {},
            printed=_printed(entry),
            tags=entry.get("tags") or (),
            identity=f"{folder.resolve().name}/{entry['file']}",
            office=entry.get("office") or {},
        )


def _printed(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the texts of the fields as they stand on the page, from the truth of either generator."""
    if "printed" in entry:
        return {
            name: [texts] if isinstance(texts, str) else texts for name, texts in entry["printed"].items()
        }
    boxes = entry.get("boxes") or {}
    return {name: [place["text"] for place in places if "text" in place] for name, places in boxes.items()}
