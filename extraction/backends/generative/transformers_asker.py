"""Asks a vision-language model in this process, on transformers and torch. Both are imported at the first question."""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Protocol

from extraction.backends.generative.answers import holds_answer
from extraction.backends.generative.certainty import TokenScore
from extraction.backends.generative.local_models import LocalModel
from extraction.backends.generative.reader import Generated, Question
from extraction.schema import ReaderError, Usage

log = logging.getLogger(__name__)

Dtype = Literal["bfloat16", "float16", "float32"]
Quantization = Literal["none", "8bit", "4bit"]
_WINDOW: Final = 32  # tokens
MOST_AT_ONCE: Final = 16
"""Questions that go together where memory alone decides: with more, the first waits long for the last."""
_SHARE_OF_MEMORY: Final = 0.8
"""Of the free memory that a batch may take: the next questions may be longer than those that were measured."""
_KEPT_WHOLE: Final = ["lm_head", ".*vision_model", ".*vision_tower", ".*multi_modal_projector"]
"""Parts that are not quantized: what sees is a twentieth of the weights, and bitsandbytes 0.50 can't run Mllama's."""
_OUT_OF_MEMORY: Final = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
)


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How a model of one's own is run.

    ``model`` is a folder or a name in the hub's cache. ``device`` is ``auto`` (a GPU if there is one),
    ``cpu``, ``cuda``, ``cuda:1`` or ``spread`` (over all GPUs and the main memory; needs accelerate).
    ``batch`` questions go through the model together, with 0 as many as the GPU's free memory holds by what
    earlier ones took (at most `MOST_AT_ONCE`; one without a GPU). It is halved while memory does not suffice, and
    ``cpu_fallback`` then moves the model into the main memory, where a page takes minutes.
    """

    model: str
    prompt: str
    prompts: Path | None = None
    fields: tuple[str, ...] = ()
    dtype: Dtype = "bfloat16"
    quantization: Quantization = "none"
    device: str = "auto"
    batch: int = 1
    max_tokens: int = 2048
    crops: bool = False
    cpu_fallback: bool = False
    calibration: Path | None = None


class Preparer(Protocol):
    """Turns questions into a model's inputs: what differs between models."""

    tokenizer: Any

    def prepare(self, questions: Sequence[Question]) -> Any:
        """Return the inputs of ``generate`` (tensors, padded on the left) for questions asked together."""
        ...


class TransformersAsker:
    """A checkpoint on this machine. Loaded at the first question; a process holds one: another one makes it go."""

    _in_memory: ClassVar[TransformersAsker | None] = None

    def __init__(
        self, model: LocalModel, options: LocalOptions, load_preparer: Callable[[Path], Preparer]
    ) -> None:
        """:raises ReaderError: if options contradict each other or name a library that is not installed."""
        _check_options(options)
        self.files = model
        self._options = options
        self._load_preparer = load_preparer
        self._batch = max(options.batch, 1)
        self._most = options.batch or MOST_AT_ONCE
        self._needs = 0  # bytes of the GPU's memory that one question took at most
        self._loaded: tuple[Any, Preparer] | None = None
        what = f"{model.digest}/{options.dtype}/{options.quantization}/{options.max_tokens}"
        self.identity = hashlib.sha256(what.encode()).hexdigest()[:8]

    @property
    def at_once(self) -> int:
        """How many questions go through the model together now."""
        return self._batch

    def take_together(self, questions: int) -> None:
        """Let so many questions go through together from now on, until memory does not suffice for them."""
        self._batch = self._most = max(questions, 1)

    def ask(self, questions: Iterable[Question]) -> Iterator[Generated | Exception]:
        waiting = iter(questions)
        while together := list(islice(waiting, self._batch)):
            self._load()  # what hinders that hinders all
            yield from self._answers(together)

    def planned_device(self) -> str:
        """Return where the model will run: ``cuda:0``. Imports torch, loads nothing.

        :raises ReaderError: if there is no such device.
        """
        import torch

        return _device(self._options.device, torch)

    def warm(self) -> str:
        """Load the model and return where it is: ``cuda:0, bfloat16``.

        :raises ReaderError: if it can't be loaded.
        """
        model, _ = self._load()
        return f"{model.device}, {str(model.dtype).removeprefix('torch.')}"

    def _answers(self, questions: Sequence[Question]) -> Iterator[Generated | Exception]:
        """Answer questions together, fewer at a time while memory does not suffice, one by one where one fails."""
        answers: dict[int, Generated | Exception] = {}
        rest = list(range(len(questions)))
        one_by_one = False
        while rest:
            # Only questions with equally many pictures: Mllama lets words before the first picture see the
            # blank ones that fill a shorter row, and an answer must not depend on what else was asked.
            pictures = len(questions[rest[0]].pictures)
            alike = [number for number in rest if len(questions[number].pictures) == pictures]
            some = alike[: 1 if one_by_one else self._batch]
            try:
                said: Sequence[Generated | Exception] = self._generate([questions[number] for number in some])
            except Exception as error:  # noqa: BLE001  torch and processors raise what they like; it is told
                if _is_out_of_memory(error):
                    refusal = self._make_room(error, len(some))
                    if refusal is None:
                        continue
                    said = [refusal]
                elif len(some) > 1:
                    log.warning("One of %s questions failed (%s): asked one by one", len(some), error)
                    one_by_one = True
                    continue
                else:
                    said = [self._told(error)]
            answers.update(zip(some, said, strict=True))
            rest = [number for number in rest if number not in answers]
        yield from (answers[number] for number in range(len(questions)))

    def _told(self, error: Exception) -> ReaderError:
        if isinstance(error, ReaderError):
            return error
        told = ReaderError(
            f"The model in {self.files.folder} failed: {type(error).__name__}: {_first_line(error)}"
        )
        told.__cause__ = error
        return told

    def _make_room(self, error: BaseException, asked: int) -> ReaderError | None:
        """Ask for less memory next time; say why that is impossible if one question alone does not fit."""
        import torch

        model, preparer = self._load()
        on_gpu = model.device.type == "cuda"
        error.__traceback__ = None  # its frames hold the tensors that did not fit
        gc.collect()
        if on_gpu:
            torch.cuda.empty_cache()
        if asked > 1:
            self._batch = self._most = asked // 2
            log.warning("Out of memory: from now on %s questions at a time", self._batch)
        elif on_gpu and self._options.cpu_fallback and self._options.quantization == "none":
            log.warning(
                "Out of memory on %s: from now on in the main memory, which takes minutes a page",
                model.device,
            )
            self._loaded = (model.to("cpu"), preparer)
            self._batch = self._most = 1
        else:
            return ReaderError(
                f"The memory of {model.device} does not suffice for one question to {self.files.folder.name}. "
                "Take a smaller dtype, 8bit or 4bit, no crops, or another device."
            )
        return None

    def _load(self) -> tuple[Any, Preparer]:
        if self._loaded is None:
            if TransformersAsker._in_memory is not None:
                TransformersAsker._in_memory.release()
            self._loaded = self._load_anew()
            TransformersAsker._in_memory = self
        return self._loaded

    def release(self) -> None:
        """Free the memory of the model; the next question loads it again."""
        import torch

        self._loaded = None
        if TransformersAsker._in_memory is self:
            TransformersAsker._in_memory = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _load_anew(self) -> tuple[Any, Preparer]:
        import torch
        import transformers as library

        transformers: Any = library  # its stubs know too little
        options, folder = self._options, self.files.folder
        transformers.utils.logging.disable_progress_bar()
        device = _device(options.device, torch)
        # cuDNN plans its attention anew for every length and size of batch, a new one at each token: on an H100
        # that took longer than the tokens themselves (docs/models.md, "On a GPU").
        torch.backends.cuda.enable_cudnn_sdp(enabled=False)
        arguments: dict[str, Any] = {
            "dtype": getattr(torch, options.dtype),
            "local_files_only": True,
            "use_safetensors": True,
            "trust_remote_code": False,
        }
        if options.quantization != "none":
            if not device.startswith("cuda"):
                raise ReaderError("8bit and 4bit need an NVIDIA GPU; there is none here.")
            arguments["device_map"] = {"": device}
            # It tells of every product of matrices that bfloat16 became float16: thousands of lines a page.
            logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
            arguments["quantization_config"] = transformers.BitsAndBytesConfig(
                load_in_8bit=options.quantization == "8bit",
                load_in_4bit=options.quantization == "4bit",
                llm_int8_skip_modules=_KEPT_WHOLE,  # for 4 bits too, whatever its name says
                bnb_4bit_compute_dtype=arguments["dtype"],
                bnb_4bit_quant_type="nf4",
            )
        elif options.device == "spread":
            arguments["device_map"] = "auto"
        try:
            preparer = self._load_preparer(folder)
            model = transformers.AutoModelForImageTextToText.from_pretrained(folder, **arguments)
            if "device_map" not in arguments:
                model = model.to(device)
        except ReaderError:
            raise
        except (RuntimeError, MemoryError, OSError, ValueError, KeyError, ImportError, TypeError) as error:
            if _is_out_of_memory(error):
                raise ReaderError(
                    f"The memory of {device} does not suffice to load {folder}. Take a smaller dtype, 8bit or 4bit, "
                    "or another device."
                ) from error
            raise ReaderError(
                f"The model in {folder} can't be loaded: {type(error).__name__}: {_first_line(error)}"
            ) from error
        return model.eval(), preparer

    def _generate(self, questions: Sequence[Question]) -> list[Generated]:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        model, preparer = self._load()
        inputs = preparer.prepare(questions).to(model.device)
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
        start = inputs["input_ids"].shape[1]
        asked = inputs["attention_mask"].sum(dim=1).tolist()  # without what fills shorter rows up
        begin = time.perf_counter()
        recorder = GreedyLogprobs()
        tokenizer = preparer.tokenizer
        on_gpu = model.device.type == "cuda"
        held = torch.cuda.memory_allocated(model.device) if on_gpu else 0
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(model.device)
        with torch.inference_mode():
            sequences = model.generate(
                **inputs,
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                max_new_tokens=self._options.max_tokens,
                pad_token_id=_pad_of(tokenizer),
                logits_processor=LogitsProcessorList([recorder]),
                stopping_criteria=StoppingCriteriaList([EndOfAnswer(tokenizer, start)]),
            )
        answers = sequences[:, start:].tolist()  # waits for the device, so that the time is the whole time
        share = (time.perf_counter() - begin) / len(questions)
        if on_gpu and not self._options.batch and self._options.device != "spread":
            took = torch.cuda.max_memory_allocated(model.device) - held
            self._needs = max(self._needs, took // len(questions))
            free, _ = torch.cuda.mem_get_info(model.device)
            # what torch keeps for itself without using it is free too
            free += torch.cuda.memory_reserved(model.device) - torch.cuda.memory_allocated(model.device)
            self._batch = questions_within(free, self._needs, self._most)
        return [
            _generated(tokenizer, answers[row], recorder.of_row(row), input_tokens=asked[row], seconds=share)
            for row in range(len(questions))
        ]


def questions_within(free: int, needs: int, most: int) -> int:
    """Return how many questions go together in ``free`` bytes where one took ``needs`` bytes: 1 to ``most``."""
    return max(1, min(most, int(free * _SHARE_OF_MEMORY) // max(needs, 1)))


class GreedyLogprobs:
    """Notes the log-probability of each token that greedy generation chooses: the highest of its step.

    The same figures as ``compute_transition_scores(normalize_logits=True)``, without keeping every step's
    scores over the whole vocabulary, which for a thousand tokens of Llama are half a gigabyte a question.
    """

    def __init__(self) -> None:
        self._steps: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self._steps.append(scores.float().log_softmax(dim=-1).amax(dim=-1).cpu())
        return scores

    def of_row(self, row: int) -> list[float]:
        return [float(step[row]) for step in self._steps]


class EndOfAnswer:
    """Stops a row as soon as it holds a whole answer: most of a model's time went into what it said after it."""

    def __init__(self, tokenizer: Any, start: int) -> None:
        self._tokenizer = tokenizer
        self._start = start

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        return torch.tensor([self._is_done(row) for row in input_ids], device=input_ids.device)

    def _is_done(self, row: Any) -> bool:
        if "}" not in self._tokenizer.decode(row[-1:]):
            return False
        return holds_answer(self._tokenizer.decode(row[self._start :], skip_special_tokens=True))


def _generated(
    tokenizer: Any, ids: Sequence[int], logprobs: Sequence[float], *, input_tokens: int, seconds: float
) -> Generated:
    """Return a row's text, where each of its tokens stands in it, and what it took."""
    special = set(tokenizer.all_special_ids)  # ends of the turn, and what fills rows up after them
    said = [(token, logprob) for token, logprob in zip(ids, logprobs, strict=False) if token not in special]
    whole = _decoded(tokenizer, [token for token, _ in said])
    scores: list[TokenScore] = []
    before, window, at = "", [], 0  # `at`: characters up to the last whole one
    for token, logprob in said:
        window.append(token)
        # a part of a character shows as a replacement mark until the rest of it has come
        longer = before + _decoded(tokenizer, window)
        end = len(longer.rstrip("\ufffd"))
        scores.append(TokenScore(min(at, end), max(end, at + 1), logprob))
        at = end
        if len(window) >= _WINDOW and end == len(longer):
            before, window = (
                longer,
                [],
            )  # decoding from the very start for every token would take a second a page
    joined = before + _decoded(tokenizer, window)
    # a tokenizer that writes the beginning of a text differently leaves the places unknown
    return Generated(whole, tuple(scores) if joined == whole else (), Usage(input_tokens, len(said), seconds))


def _decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    return (
        str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
        if ids
        else ""
    )


def _check_options(options: LocalOptions) -> None:
    if options.quantization != "none":
        for library in ("bitsandbytes", "accelerate"):
            if importlib.util.find_spec(library) is None:
                raise ReaderError(f"{options.quantization} needs {library}: pip install {library}")
        if options.device in ("cpu", "spread"):
            raise ReaderError(
                f"{options.quantization} runs on one NVIDIA GPU only, not on “{options.device}”."
            )
    if options.device == "spread" and importlib.util.find_spec("accelerate") is None:
        raise ReaderError("The device “spread” needs accelerate: pip install accelerate")
    for library in ("torch", "transformers"):
        if importlib.util.find_spec(library) is None:
            raise ReaderError(f"This reader needs {library}, which is not installed (requirements.txt).")


def _device(wanted: str, torch: Any) -> str:
    if wanted in ("auto", "spread"):
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda"):
        if not torch.cuda.is_available():
            raise ReaderError(
                f"The device is set to {wanted}, but torch sees no NVIDIA GPU here (the torch of requirements.txt is "
                "the one without CUDA)."
            )
        return wanted
    return "cpu"


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _OUT_OF_MEMORY)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else ""


def _pad_of(tokenizer: Any) -> int:
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id)
