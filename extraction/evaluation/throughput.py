"""Times a large model on this machine by the number of pages that go through it together.

``python -m extraction.evaluation.throughput --backend llama --model FOLDER --batch 1 2 4 8 16`` is for whoever has the
GPU: it says how many pages a minute it reads, and from which batch on more bring nothing or don't fit. Without
documents a blank letter page is read, which costs a model what a full one does, but for the length of the answer.

With ``--random full`` a checkpoint of the published model's shape is made and measured without its weights (GPU, main
memory and disk for 22 to 26 GB). It never says that it is done, so each answer has ``--tokens`` tokens; with
``--tokens 1`` what is timed is the looking at the page. ``--random tiny`` shows that the way is sound; its times say
nothing about the real models.
"""

from __future__ import annotations

import argparse
import gc
import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from extraction.backends import llama, pixtral
from extraction.backends.generative.answers import AnswerUnusable
from extraction.backends.generative.prompts import load_prompt
from extraction.backends.generative.reader import GenerativeBackend
from extraction.backends.generative.transformers_asker import LocalOptions, TransformersAsker
from extraction.documents import DocumentRefused, open_pages
from extraction.evaluation.random_models import random_llama, random_pixtral
from extraction.reading.words import read_words
from extraction.schema import OpenedDocument, PageImage, ReaderError

_MAKE: Final[dict[str, Callable[[LocalOptions], GenerativeBackend]]] = {
    llama.NAME: llama.llama_backend,
    pixtral.NAME: pixtral.pixtral_backend,
}
_RANDOM: Final[dict[str, Callable[..., Path]]] = {llama.NAME: random_llama, pixtral.NAME: random_pixtral}
_PROMPTS: Final = {llama.NAME: llama.PROMPT, pixtral.NAME: pixtral.PROMPT}
_LETTER: Final = (1700, 2200)  # pixels: 8.5 x 11 inches at 200 dpi
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """What a size of batch brought. ``fitted`` is the batch that memory sufficed for; ``memory`` is in MiB."""

    batch: int
    fitted: int
    pages: int
    seconds: float
    memory: float
    failed: int

    @property
    def pages_per_minute(self) -> float:
        return 60 * self.pages / self.seconds

    @property
    def seconds_per_page(self) -> float:
        return self.seconds / self.pages


def measure(
    backend: GenerativeBackend, pages: Sequence[PageImage], batches: Sequence[int], *, least: int
) -> Iterator[Row]:
    """Read one-page documents in batches of each size, after one batch of that size that is not timed.

    :param pages: taken in turn; their words must have been read already, so that the model alone is timed.
    :param least: pages to read for each size, rounded up to whole batches.
    :raises ReaderError: if the model can't be loaded or fails; an answer that can't be taken is none of that.
    """
    asker = backend.asker
    assert isinstance(asker, TransformersAsker)  # noqa: S101  both readers here have one
    asker.warm()
    for batch in batches:
        asker.take_together(batch)
        count = -(-least // batch) * batch
        documents = [OpenedDocument([pages[k % len(pages)]]) for k in range(count)]
        _refused(backend.read_many(documents[:batch]))
        _forget_peak()
        begin = time.perf_counter()
        outcomes = backend.read_many(documents)
        seconds = time.perf_counter() - begin
        yield Row(batch, asker.at_once, count, seconds, _peak(), _refused(outcomes))


def _refused(outcomes: Iterable[object]) -> int:
    """Count the answers that can't be taken.

    :raises Exception: of a question that the model failed at, whose time would be that of no answer.
    """
    refused = 0
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, AnswerUnusable):
            raise outcome
        refused += isinstance(outcome, AnswerUnusable)
    return refused


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _forget_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak() -> float:
    """Return the most memory (MiB) that was held: of the GPU, or where there is none of this process so far."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / _MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _pages(documents: Sequence[Path]) -> list[PageImage]:
    if not documents:
        from PIL import Image

        out = io.BytesIO()
        Image.new("RGB", _LETTER, "white").save(out, "PNG")
        return [PageImage(0, *_LETTER, out.getvalue(), text_words=())]
    pages = []
    for path in documents:
        for page in open_pages(path.read_bytes()):
            upright, words = read_words(page)
            pages.append(replace(upright, number=0, text_words=words, unread=()))
    return pages


@contextmanager
def _model(name: str, folder: str, random: str, dtype: str) -> Iterator[str]:
    """Give the folder of the model: ``folder`` itself, or one where random weights were made, there or for now."""
    if not random:
        yield folder
        return
    with tempfile.TemporaryDirectory() as passing:
        made = Path(folder or passing)
        if not (made / "config.json").exists():  # written first, but only once the model is made
            texts = [load_prompt(_PROMPTS[name]).text]
            _RANDOM[name](made, texts, full=random == "full", dtype=dtype)
            _free()
        yield str(made)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each size of batch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("documents", type=Path, nargs="*", help="documents whose pages are read in turn")
    parser.add_argument("--backend", choices=sorted(_MAKE), required=True)
    parser.add_argument(
        "--model",
        default="",
        metavar="FOLDER",
        help="or its name in the hub's cache; with --random where the weights are kept for further calls",
    )
    parser.add_argument("--random", default="", choices=("tiny", "full"), help="weights of chance")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 2, 4, 8], help="(1 2 4 8)")
    parser.add_argument("--pages", type=int, default=16, help="for each size of batch (16)")
    parser.add_argument("--tokens", type=int, default=600, help="most tokens of an answer (600)")
    parser.add_argument("--prompt", default="", help="the reader's own by default")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float16", "float32"))
    parser.add_argument("--quantization", nargs="+", default=["none"], choices=("none", "8bit", "4bit"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--crops", action="store_true")
    options = parser.parse_args(arguments)
    if not options.model and not options.random:
        parser.error("--model FOLDER or --random: what is to be timed?")
    if min(*options.batch, options.pages, options.tokens) < 1:
        parser.error("--batch, --pages and --tokens: give numbers from 1 up")
    try:
        pages = _pages(options.documents)
    except (OSError, DocumentRefused) as error:
        parser.error(str(error))
    try:
        with _model(options.backend, options.model, options.random, options.dtype) as folder:
            for quantization in options.quantization:
                local = LocalOptions(
                    folder,
                    options.prompt or _PROMPTS[options.backend],
                    dtype=options.dtype,
                    quantization=quantization,
                    device=options.device,
                    max_tokens=options.tokens,
                    crops=options.crops,
                    batch=1,
                )
                _print_table(_MAKE[options.backend](local), pages, options, quantization)
    except ReaderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _print_table(
    backend: GenerativeBackend, pages: Sequence[PageImage], options: Any, quantization: str
) -> None:
    write = sys.stdout.write
    asker = backend.asker
    assert isinstance(asker, TransformersAsker)  # noqa: S101
    device = asker.planned_device()
    write(f"{options.backend} on {device}, {options.dtype}, {quantization}, ")
    write(f"at most {options.tokens} tokens an answer\n")
    if options.random == "tiny":
        write(
            "tiny random weights: this shows that the way is sound, and nothing about the real model's speed\n"
        )
    elif options.random:
        write("random weights of the real shape: every answer has all its tokens and holds nothing\n")
    held = "GPU memory, MiB" if device.startswith("cuda") else "process memory so far, MiB"
    write(
        f"| pages together | pages a minute | seconds a page | {held} | without an answer that can be taken |\n"
    )
    write("|---|---|---|---|---|\n")
    for row in measure(backend, pages, options.batch, least=options.pages):
        fitted = "" if row.fitted == row.batch else f" (memory sufficed for {row.fitted})"
        write(f"| {row.batch}{fitted} | {row.pages_per_minute:.1f} | {row.seconds_per_page:.3f} ")
        write(f"| {row.memory:.0f} | {row.failed} of {row.pages} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
