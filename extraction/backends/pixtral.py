"""Pixtral 12B by Mistral, on this machine, in the form that transformers loads (Llava with Pixtral's vision tower)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from extraction.backends.generative.certainty import load_certainty
from extraction.backends.generative.local_models import LocalModel, find_folder, inspect_model
from extraction.backends.generative.pictures import PIXTRAL
from extraction.backends.generative.prompts import DEFAULTS, load_prompt
from extraction.backends.generative.reader import Asking, GenerativeBackend, Question, reader_of
from extraction.backends.generative.transformers_asker import LocalOptions, TransformersAsker
from extraction.schema import ReaderError

NAME = "pixtral"
HUB_NAME = "mistral-community/pixtral-12b"
SETTING = "PIXTRAL_MODEL"
SIZE = "25 GB"  # of the weights as published, in bfloat16
PROMPT = DEFAULTS[NAME]
_PICTURE, _ROW_END, _PICTURE_END = "[IMG]", "[IMG_BREAK]", "[IMG_END]"


class PixtralPreparer:
    """Pictures and prompts as Pixtral's processor makes them.

    That processor itself can't be loaded without torchvision, which the CPU build of torch has no working
    release of; its parts can.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer
        from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._images: Any = PixtralImageProcessorPil.from_pretrained(folder, local_files_only=True)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        patch = int(config.get("vision_config", {}).get("patch_size", 16)) * int(
            config.get("spatial_merge_size", 1)
        )
        self._patch = patch
        self._template = _template_of(folder, self.tokenizer)

    def prepare(self, questions: Sequence[Question]) -> Any:
        pictures = [image for question in questions for _, image in question.pictures]
        seen: Any = {}
        if pictures:
            seen = self._images(images=pictures, patch_size=self._patch, return_tensors="pt")
        sizes = iter(seen["image_sizes"].tolist() if pictures else [])
        texts = []
        for question in questions:
            content: list[dict[str, str]] = [{"type": "image"} for _ in question.pictures]
            text = question.text
            if len(question.pictures) > 1:
                shown = ", ".join(what for what, _ in question.pictures)
                text = f"The pictures show, in this order: {shown}.\n\n{text}"
            # Templates that go round with these weights name the words of a part differently.
            content.append({"type": "text", "text": text, "content": text})
            asked = self.tokenizer.apply_chat_template(
                [{"role": "user", "content": content}],
                chat_template=self._template,
                add_generation_prompt=True,
                tokenize=False,
            )
            before, *after = asked.split(_PICTURE)
            if text.strip() not in asked:
                raise ReaderError(
                    "The chat template of Pixtral leaves the question out; take the one it came with."
                )
            if len(after) != len(question.pictures):
                raise ReaderError(
                    f"The chat template of Pixtral places {len(after)} pictures instead of {len(question.pictures)}."
                )
            texts.append(before + "".join(self._expanded(*next(sizes)) + part for part in after))
        inputs = self.tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        inputs.update(seen)
        return inputs

    def _expanded(self, height: int, width: int) -> str:
        """Return the tokens that stand for a picture of so many pixels: one per patch, and one at each row's end."""
        columns, rows = width // self._patch, height // self._patch
        return _ROW_END.join([_PICTURE * columns] * rows) + _PICTURE_END


def _template_of(folder: Path, tokenizer: Any) -> str:
    """Return the chat template: the tokenizer's, or the processor's in a file of its own."""
    if isinstance(tokenizer.chat_template, str):
        return tokenizer.chat_template
    jinja, wrapped = folder / "chat_template.jinja", folder / "chat_template.json"
    if jinja.is_file():
        return jinja.read_text("utf-8")
    if wrapped.is_file():
        return str(json.loads(wrapped.read_text("utf-8"))["chat_template"])
    raise ReaderError(
        f"{folder} has no chat template (chat_template.json); copy the whole folder of Pixtral."
    )


def find_model(options: LocalOptions) -> LocalModel:
    """Return the weights. Loads no library.

    :raises ReaderError: if they are not there, not whole, or another model's.
    """
    folder = find_folder(options.model, setting=SETTING, download=HUB_NAME)
    model = inspect_model(folder, ("llava",), "Pixtral")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if config.get("vision_config", {}).get("model_type") != "pixtral":
        raise ReaderError(f"{folder} holds a Llava model without Pixtral's vision tower, not Pixtral.")
    return model


def pixtral_asker(options: LocalOptions) -> TransformersAsker:
    """Make the model that answers questions; it is loaded at the first one."""
    return TransformersAsker(find_model(options), options, PixtralPreparer)


def pixtral_backend(options: LocalOptions) -> GenerativeBackend:
    """Make the reader. Weights are looked for now and loaded at the first document.

    :raises ReaderError: if they can't be used.
    """
    asker = pixtral_asker(options)
    asking = Asking(
        load_prompt(options.prompt, options.prompts, options.fields), PIXTRAL, crops=options.crops
    )
    return GenerativeBackend(
        NAME, asker, asking, load_certainty(options.calibration, reader_of(NAME, asker, asking))
    )
