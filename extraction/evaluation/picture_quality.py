"""Whom the picture warnings annoy and what they catch: ``python -m extraction.evaluation.picture_quality DIR [DIR
...]``.

Every page of the labelled documents is looked at as if it had been uploaded as a picture: the warnings there are
the false ones, unless the picture is bad indeed. With ``--spoil`` each photograph (tag ``photo``) is also spoilt
in known ways, one at a time, and what the warnings say of it is counted. Ctrl-C prints what was counted so far.
"""

from __future__ import annotations

import argparse
import io
import signal
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from extraction.documents import DocumentRefused, Quality, inspect, open_pages
from extraction.documents.quality import GLARE, LIGHT, MEASURES, SHARPNESS, SIZE, WHOLENESS
from extraction.evaluation.datasets import LabelledDocument, read_dataset


def _out_of_focus(image: Image.Image) -> Image.Image:
    """Blur by a 330th of the long side: 12 pixels of a 12-megapixel photograph."""
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 330))


def _shaken(image: Image.Image) -> Image.Image:
    """Smear sideways over a 100th of the long side, as a hand does in a dim room."""
    import cv2

    length = max(round(max(image.size) / 100), 3)
    kernel = np.full((1, length), 1 / length, np.float32)
    return Image.fromarray(np.asarray(cv2.filter2D(np.asarray(image), -1, kernel), np.uint8))


def _tiny(image: Image.Image) -> Image.Image:
    """Shrink to 640 pixels, as messengers' previews are."""
    small = image.copy()
    small.thumbnail((640, 640), Image.Resampling.BOX)
    return small


def _dark(image: Image.Image) -> Image.Image:
    """Leave a sixth of the light, with the noise that a sensor then has."""
    levels = np.asarray(image, np.float32) / 6
    noise = np.random.default_rng(1).normal(0, 3, levels.shape)
    return Image.fromarray(np.clip(levels + noise, 0, 255).astype(np.uint8))


def _mirrored_lamp(image: Image.Image) -> Image.Image:
    """Burn a soft spot of a fifth of the short side's width into the middle, of a picture not too light itself."""
    import cv2

    dimmed = np.asarray(image.point(lambda level: int(level * 0.85)))
    spot = np.zeros((image.height // 8, image.width // 8), np.uint8)
    radius = min(spot.shape) // 7
    cv2.circle(spot, (spot.shape[1] // 2, spot.shape[0] // 2), radius, 255, -1)
    soft = cv2.resize(cv2.GaussianBlur(spot, (0, 0), max(radius / 6, 0.5)), image.size)
    return Image.fromarray(np.asarray(cv2.add(dimmed, cv2.merge([soft] * 3)), np.uint8))


def _cut_off(image: Image.Image) -> Image.Image:
    """Take a quarter of the picture off at the bottom."""
    return image.crop((0, 0, image.width, round(image.height * 0.75)))


SPOILT: Final[dict[str, tuple[Callable[[Image.Image], Image.Image], str]]] = {
    "out of focus": (_out_of_focus, SHARPNESS),
    "shaken": (_shaken, SHARPNESS),
    "640 pixels": (_tiny, SIZE),
    "dark": (_dark, LIGHT),
    "lamp": (_mirrored_lamp, GLARE),
    "cut off": (_cut_off, WHOLENESS),
}


def _look(picture: bytes) -> tuple[Quality, float]:
    begun = time.perf_counter()
    quality = inspect(picture).quality
    if quality is None:
        raise ValueError("Only pictures have a quality.")
    return quality, time.perf_counter() - begun


def _faults(quality: Quality) -> list[str]:
    return [measure.name for measure in quality.measures if measure.score < 0.5]


def _as_jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def _until_stopped(documents: Iterable[LabelledDocument]) -> Iterator[LabelledDocument]:
    """Yield documents until Ctrl-C, which ends the list, so that what was counted is printed."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        for document in documents:
            if stopped:
                return
            yield document
    finally:
        signal.signal(signal.SIGINT, before)


def _clean(documents: Sequence[LabelledDocument], *, listed: bool) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seconds = []
    for document in _until_stopped(documents):
        try:
            pages = open_pages(document.path, as_taken=True)
        except DocumentRefused as refusal:
            sys.stderr.write(f"{document.name}: {refusal.message}\n")
            continue
        own_file = document.path.suffix.lower() != ".pdf" and len(pages) == 1
        kind = "photographs" if "photo" in document.tags else document.track
        for page in pages:
            quality, took = _look(document.path.read_bytes() if own_file else page.picture)
            seconds.append(took)
            faults = _faults(quality)
            counts[kind].update(["pages", *faults, *(["any"] if faults else [])])
            if listed and faults:
                sys.stdout.write(f"  {document.name}: {', '.join(faults)}\n")
    if not seconds:
        return
    sys.stdout.write(
        f"{'warned of':16} {'pages':>6} {'any':>8} " + " ".join(f"{m:>10}" for m in MEASURES) + "\n"
    )
    for kind, found in counts.items():
        shares = " ".join(f"{100 * found[m] / found['pages']:8.1f} %" for m in MEASURES)
        sys.stdout.write(
            f"{kind:16} {found['pages']:6} {100 * found['any'] / found['pages']:6.1f} % {shares}\n"
        )
    sys.stdout.write(
        f"seconds to look at one, decoding and thumbnail included: median {statistics.median(seconds):.2f}\n"
    )


def _spoilt(documents: Sequence[LabelledDocument]) -> None:
    caught: dict[str, Counter[str]] = defaultdict(Counter)
    for document in _until_stopped(documents):
        image = ImageOps.exif_transpose(Image.open(document.path)).convert("RGB")
        if _faults(_look(_as_jpeg(image))[0]):
            continue  # bad before it was spoilt
        for way, (spoil, measure) in SPOILT.items():
            faults = _faults(_look(_as_jpeg(spoil(image)))[0])
            caught[way].update(
                ["all", *(["any"] if faults else []), *(["meant"] if measure in faults else [])]
            )
    sys.stdout.write(f"\n{'spoilt':16} {'pictures':>8} {'told':>8} {'for the right reason':>21}\n")
    for way, found in caught.items():
        told, meant = (100 * found[what] / found["all"] for what in ("any", "meant"))
        sys.stdout.write(f"{way:16} {found['all']:8} {told:6.1f} % {meant:19.1f} %\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print which share of the pages is warned of, and of spoilt photographs if asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument(
        "--spoil", action="store_true", help="also spoil the photographs and count what is caught"
    )
    parser.add_argument(
        "--tag", action="append", default=[], help="only documents with this tag (repeatable)"
    )
    parser.add_argument("--limit", type=int, help="at most this many documents of each folder")
    parser.add_argument("--list", action="store_true", help="name the documents that are warned of")
    options = parser.parse_args(arguments)
    for folder in options.folders:
        chosen = [d for d in read_dataset(folder) if not options.tag or set(options.tag) & set(d.tags)]
        chosen = chosen[: options.limit]
        sys.stdout.write(f"{folder.name}\n")
        _clean(chosen, listed=options.list)
        if options.spoil:
            pictures = (d for d in chosen if "photo" in d.tags and d.path.suffix.lower() != ".pdf")
            _spoilt(list(pictures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
