"""Llama 3.2 Vision (Instruct) by Meta, on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extraction.backends.generative.certainty import load_certainty
from extraction.backends.generative.local_models import LocalModel, find_folder, inspect_model
from extraction.backends.generative.pictures import LLAMA
from extraction.backends.generative.prompts import DEFAULTS, load_prompt
from extraction.backends.generative.reader import Asking, GenerativeBackend, Question, reader_of
from extraction.backends.generative.transformers_asker import LocalOptions, TransformersAsker

NAME = "llama"
HUB_NAME = "meta-llama/Llama-3.2-11B-Vision-Instruct"
SETTING = "LLAMA_MODEL"
SIZE = "21 GB"  # of the weights as published, in bfloat16
PROMPT = DEFAULTS[NAME]


class LlamaPreparer:
    """Tiles and prompts by the model's own processor."""

    def __init__(self, folder: Path) -> None:
        import transformers

        library: Any = transformers  # its stubs know too little
        self._processor: Any = library.AutoProcessor.from_pretrained(folder, local_files_only=True)
        self.tokenizer: Any = self._processor.tokenizer
        self.tokenizer.padding_side = "left"

    def prepare(self, questions: Sequence[Question]) -> Any:
        texts, pictures = [], []
        for question in questions:
            # The template refuses a system message beside pictures: everything is the user's.
            content: list[dict[str, str]] = [{"type": "image"} for _ in question.pictures]
            if len(question.pictures) > 1:
                shown = ", ".join(what for what, _ in question.pictures)
                content.append({"type": "text", "text": f"The pictures show, in this order: {shown}.\n\n"})
            content.append({"type": "text", "text": question.text})
            texts.append(
                self._processor.apply_chat_template(
                    [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
                )
            )
            pictures.append([image for _, image in question.pictures])
        return self._processor(
            text=texts,
            images=pictures if any(pictures) else None,
            add_special_tokens=False,  # the template has begun the text already
            padding=True,
            return_tensors="pt",
        )


def find_model(options: LocalOptions) -> LocalModel:
    """Return the weights. Loads no library.

    :raises ReaderError: if they are not there, not whole, or another model's.
    """
    folder = find_folder(options.model, setting=SETTING, download=HUB_NAME)
    return inspect_model(folder, ("mllama",), "Llama 3.2 Vision")


def llama_asker(options: LocalOptions) -> TransformersAsker:
    """Make the model that answers questions; it is loaded at the first one."""
    return TransformersAsker(find_model(options), options, LlamaPreparer)


def llama_backend(options: LocalOptions) -> GenerativeBackend:
    """Make the reader. Weights are looked for now and loaded at the first document.

    :raises ReaderError: if they can't be used.
    """
    asker = llama_asker(options)
    asking = Asking(load_prompt(options.prompt, options.prompts, options.fields), LLAMA, crops=options.crops)
    return GenerativeBackend(
        NAME, asker, asking, load_certainty(options.calibration, reader_of(NAME, asker, asking))
    )
