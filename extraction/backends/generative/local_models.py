"""Weights of a large model on this machine: where they are, whether they are whole, how large. Loads no library."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from extraction.schema import ReaderError

_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LARGEST_HEADER = 100 * 1024 * 1024  # bytes, the limit of the safetensors format itself
_SAMPLE = 65536  # bytes of each file's weights that its digest looks at


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A whole checkpoint: ``size`` is in bytes; ``digest`` (8 hex digits) follows from configuration and weights."""

    folder: Path
    model_type: str
    size: int
    digest: str


def find_folder(where: str, *, setting: str, download: str) -> Path:
    """Return the folder that a setting names: a folder of its own, or a model's in the hub's cache.

    Nothing is ever downloaded while reading.

    :param setting: the setting's name, for the error.
    :param download: the model's name on the hub, for the error.
    :raises ReaderError: if there is no such folder. The message says how to get one.
    """
    if not where:
        raise ReaderError(
            f"{setting} is not set. Name the folder of the weights, or {download} once it is in the hub's cache: "
            f"hf download {download}"
        )
    folder = Path(where).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or where.startswith(("~", ".")) or not _HUB_NAME.fullmatch(where):
        raise ReaderError(f"{setting} names the folder {where}, which there is not.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(where, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise ReaderError(
            f"{setting} names {where}, which is neither a folder nor in the hub's cache of this machine. Download it "
            f"where the hub can be reached (its licence may have to be accepted there first): hf download {where}"
        ) from error


def inspect_model(folder: Path, expected: Collection[str], title: str) -> LocalModel:
    """Look whether a folder holds a whole checkpoint of the expected kind.

    :param expected: values that ``model_type`` of its config.json may have.
    :param title: what should be there, for the error.
    :raises ReaderError: if it doesn't. The message says what is wrong or missing.
    """
    config = _json(folder / "config.json", folder, title)
    model_type = str(config.get("model_type", ""))
    if model_type not in expected:
        raise ReaderError(
            f"{folder} holds a model of the kind “{model_type or 'unknown'}”, not {title} ({', '.join(expected)})."
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        raise ReaderError(f"{folder} has no tokenizer.json; copy the whole folder of {title}.")
    files = _weight_files(folder, title)
    digest = hashlib.sha256()
    for name in (
        "config.json",
        "tokenizer.json",
        "generation_config.json",
        "chat_template.jinja",
        "chat_template.json",
    ):
        if (folder / name).is_file():
            digest.update((folder / name).read_bytes())
    size = 0
    for path in files:
        size += path.stat().st_size
        digest.update(_sample(path))
    return LocalModel(folder, model_type, size, digest.hexdigest()[:8])


def _json(path: Path, folder: Path, title: str) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ReaderError(f"{folder} has no {path.name}: this is not the folder of {title}.") from None
    except (OSError, ValueError) as error:
        raise ReaderError(f"{path} can't be read ({error}); copy it again.") from error
    if not isinstance(content, dict):
        raise ReaderError(f"{path} is not what it should be; copy it again.")
    return content


def _weight_files(folder: Path, title: str) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = _json(index, folder, title).get("weight_map")
        names = sorted(set(shards.values())) if isinstance(shards, dict) else []
    else:
        names = ["model.safetensors"]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing or not names:
        if not index.is_file() and any(folder.glob("*.bin")):
            raise ReaderError(
                f"{folder} holds weights as .bin files only, which can carry programs and are never loaded. "
                "Get them as .safetensors."
            )
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise ReaderError(f"{folder} lacks weights of {title}: {shown or 'model.safetensors'}.")
    for name in names:
        _check_length(folder / name)
    return [folder / name for name in names]


def _check_length(path: Path) -> None:
    """Compare a safetensors file's length with the one its header tells: a broken download is shorter."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        if not 2 <= length <= min(_LARGEST_HEADER, size):
            raise ReaderError(f"{path} is no file of weights, or only its beginning; copy it again.")
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise ReaderError(f"{path} is no file of weights; copy it again.") from None
    if size != 8 + length + max(ends, default=0):
        raise ReaderError(
            f"{path} was cut off: {size:,} bytes of {8 + length + max(ends, default=0):,}. Copy it again."
        )


def _sample(path: Path) -> bytes:
    """Return what tells one file of weights from another without reading tens of gigabytes."""
    size = path.stat().st_size
    parts = [path.name.encode(), str(size).encode()]
    with path.open("rb") as file:
        for start in (0, size // 2, max(size - _SAMPLE, 0)):
            file.seek(start)
            parts.append(file.read(_SAMPLE))
    return b"".join(parts)


def shown_size(size: int) -> str:
    """Write a number of bytes for people: 21.3 GB."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"
