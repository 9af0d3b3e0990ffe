"""docTR's recognisers (Mindee), run by OnnxTR from local .onnx files, in front of our own field reader.

OnnxTR is not among the requirements: its pins don't resolve together with those of transformers. docs/models.md
says how to add it. It needs no torch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from extraction import rules
from extraction.backends.generative.certainty import load_certainty
from extraction.backends.layout import LayoutBackend, understand
from extraction.documents.lines import number_lines
from extraction.reading.words import read_words, upright
from extraction.schema import Box, Hints, PageImage, ReaderError, Reading, Seconds, Word

if TYPE_CHECKING:
    from PIL.Image import Image

NAME: Final = "doctr"
INSTALL: Final = "pip install --no-deps -r requirements-nodeps.txt"
DETECTORS: Final = (
    "db_resnet34", "db_resnet50", "db_mobilenet_v3_large", "linknet_resnet18", "linknet_resnet34",
    "linknet_resnet50", "fast_tiny", "fast_small", "fast_base",
)  # fmt: skip
RECOGNISERS: Final = (
    "crnn_vgg16_bn", "crnn_mobilenet_v3_small", "crnn_mobilenet_v3_large", "sar_resnet31", "master", "vitstr_small",
    "vitstr_base", "parseq", "viptr_tiny",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DoctrOptions:
    """Which networks find and read words.

    ``folder`` holds them as ``NAME.onnx`` or ``NAME-DIGEST.onnx``, as OnnxTR names what it downloads; its own
    cache is a good one. ``vocabulary`` are the characters the recogniser was trained on, if not its usual ones.
    """

    folder: Path
    detector: str = "fast_base"
    recogniser: str = "parseq"
    vocabulary: str = ""
    calibration: Path | None = None


def find_network(folder: Path, name: str) -> Path:
    """Return the file of a network.

    :raises ReaderError: if there is none, or several.
    """
    if not folder.is_dir():
        raise ReaderError(f"DOCTR_MODELS names the folder {folder}, which there is not.")
    found = sorted(path for path in folder.glob(f"{name}*.onnx") if path.stem.split("-")[0] == name)
    if not found:
        raise ReaderError(
            f"{folder} has no {name}.onnx. Download it from the releases of the project OnnxTR, or export docTR's "
            "own network with export_model_to_onnx."
        )
    if len(found) > 1:
        raise ReaderError(
            f"{folder} has several networks {name}: {', '.join(p.name for p in found)}. Keep one."
        )
    return found[0]


class DoctrBackend:
    """Reads words with docTR's networks and fields with ours. The protocol is `extraction.schema.Backend`."""

    def __init__(self, options: DoctrOptions) -> None:
        """:raises ReaderError: if OnnxTR or a network is missing, or there is none of that name."""
        for wanted, known in ((options.detector, DETECTORS), (options.recogniser, RECOGNISERS)):
            if wanted not in known:
                raise ReaderError(f"docTR has no network “{wanted}”. It has: {', '.join(known)}.")
        self.files = [find_network(options.folder, name) for name in (options.detector, options.recogniser)]
        if importlib.util.find_spec("onnxtr") is None:
            raise ReaderError(f"The reader doctr needs OnnxTR: {INSTALL}")
        self.name = NAME
        self._options = options
        self._predictor: Any = None
        digest = hashlib.sha256(options.vocabulary.encode())
        for path in self.files:
            digest.update(path.read_bytes())
        reader = f"{NAME}-{options.recogniser}-{digest.hexdigest()[:8]}"
        self._certainty = load_certainty(options.calibration, reader)
        fields = hashlib.sha256(LayoutBackend().version.encode()).hexdigest()[:6]
        self.version = f"{reader}+{fields}+{self._certainty.version}"

    def read(self, pages: Sequence[PageImage], hints: Hints) -> Reading:
        """Read one document.

        Pages with a sound text layer keep it: what is drawn from text needs no recognition.

        :raises ReaderError: if the networks can't be loaded or fail.
        """
        begin = time.perf_counter()
        read = [self._words_of(page) for page in pages]
        middle = time.perf_counter()
        result = understand(read, hints)
        # Fitted on the words of another recogniser, layout's probabilities are no more than an order here.
        fields = {
            name: replace(
                value,
                score=value.confidence,
                confidence=self._certainty.confidence_of(value.confidence, grounded=True),
            )
            for name, value in result.fields.items()
        }
        checks = rules.check(
            {name: value.value for name, value in fields.items()},
            [item.values for item in result.table.items],
        )
        end = time.perf_counter()
        return Reading(
            backend=self.name,
            model_version=self.version,
            pages=len(pages),
            document_type=result.document_type,
            fields=fields,
            line_items=result.table.items,
            checks=checks,
            words=tuple(tuple(words) for _, words in read),
            seconds=Seconds(total=end - begin, words=middle - begin, fields=end - middle),
        )

    def _words_of(self, page: PageImage) -> tuple[PageImage, Sequence[Word]]:
        if page.text_words and median(word.confidence for word in page.text_words) == 1.0:
            return read_words(page)
        # Words without that certainty were recognised by our own reader, to show them to people.
        page = upright(page) if page.text_words is None else page
        return page, self.words_on(page.open_image())

    def words_on(self, image: Image) -> tuple[Word, ...]:
        """Recognise the words of an upright picture, in reading order.

        :raises ReaderError: if the networks can't be loaded or fail.
        """
        import numpy as np

        predictor = self.load()
        try:
            (page,) = predictor([np.asarray(image)]).pages
        except Exception as error:
            raise ReaderError(f"OnnxTR failed on a page: {type(error).__name__}: {error}") from error
        words = [
            Word(
                word.value,
                Box(*(float(v) for corner in word.geometry for v in corner)),
                float(word.confidence),
            )
            for block in page.blocks
            for line in block.lines
            for word in line.words
            if word.value.strip()
        ]
        return number_lines(words, aspect=image.height / image.width)

    def load(self) -> Any:
        """Return OnnxTR's predictor, loaded once.

        :raises ReaderError: if the networks can't be loaded.
        """
        if self._predictor is None:
            from onnxtr.models import detection, ocr_predictor, recognition

            extra = {"vocab": self._options.vocabulary} if self._options.vocabulary else {}
            detector, recogniser = (str(path) for path in self.files)
            try:
                self._predictor = ocr_predictor(
                    getattr(detection, self._options.detector)(detector),
                    getattr(recognition, self._options.recogniser)(recogniser, **extra),
                )
            except Exception as error:
                raise ReaderError(
                    f"The networks in {self._options.folder} can't be loaded: {type(error).__name__}: {error}"
                ) from error
        return self._predictor
