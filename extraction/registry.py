"""Which readers there are, and one loaded instance of each per process.

Importing this module imports no reader. Those that need weights or a server are described by `settings.READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from extraction.costs import Price
from extraction.schema import Backend, ReaderError

DEFAULT: Final = "layout"
TITLES: Final = {
    "layout": "Embedded reader",
    "layout_rules": "Embedded reader by rules alone, to compare",
    "llama": "Llama 3.2 Vision on this server",
    "pixtral": "Pixtral on this server",
    "doctr": "docTR's recognition with the embedded reader",
    "openai_server": "A model on another server",
}
"""What people are shown for a reader's name."""
EMBEDDED: Final = frozenset({"layout", "layout_rules"})
"""The readers of the product itself: no budget is about them."""


def _layout() -> Backend:
    from extraction.backends.layout import LayoutBackend

    return LayoutBackend()


def _layout_rules() -> Backend:
    from extraction.backends.layout import LayoutBackend

    return LayoutBackend(learned=False)


def _settings_of(name: str) -> dict[str, Any]:
    """Return what the settings say of a reader, without what they leave to the reader itself."""
    from django.conf import settings

    return {key: value for key, value in settings.READERS[name].items() if value not in ("", None)}


def _llama() -> Backend:
    from extraction.backends import llama
    from extraction.backends.generative.transformers_asker import LocalOptions

    return llama.llama_backend(LocalOptions(**{"model": "", "prompt": llama.PROMPT, **_settings_of("llama")}))


def _pixtral() -> Backend:
    from extraction.backends import pixtral
    from extraction.backends.generative.transformers_asker import LocalOptions

    return pixtral.pixtral_backend(
        LocalOptions(**{"model": "", "prompt": pixtral.PROMPT, **_settings_of("pixtral")})
    )


def _doctr() -> Backend:
    from extraction.backends.doctr import DoctrBackend, DoctrOptions

    given = _settings_of("doctr")
    if "folder" not in given:
        raise ReaderError(
            "DOCTR_MODELS is not set. Name the folder that holds docTR's networks as .onnx files."
        )
    return DoctrBackend(DoctrOptions(**given))


def _openai_server() -> Backend:
    from extraction.backends.generative.pinned_http import Patience
    from extraction.backends.openai_server import ServerOptions, server_backend

    given = _settings_of("openai_server")
    for key, setting in (("url", "MODEL_SERVER_URL"), ("model", "MODEL_SERVER_MODEL")):
        if key not in given:
            raise ReaderError(
                f"{setting} is not set. The reader openai_server needs an address and a model's name."
            )
    patience = Patience(seconds=given.pop("seconds"), attempts=given.pop("attempts"))
    return server_backend(ServerOptions(patience=patience, **given))


# Name -> how it is made. A module is imported when its reader is first asked for, so that the
# libraries of one reader never burden a process that uses another.
_READERS: Final[dict[str, Callable[[], Backend]]] = {
    "layout": _layout,
    "layout_rules": _layout_rules,
    "llama": _llama,
    "pixtral": _pixtral,
    "doctr": _doctr,
    "openai_server": _openai_server,
}
# What must be set before a reader can be chosen.
_NEEDS: Final = {"llama": "model", "pixtral": "model", "doctr": "folder", "openai_server": "url"}


def names() -> tuple[str, ...]:
    """Return the names that settings and the command line may use."""
    return tuple(_READERS)


def configured() -> tuple[str, ...]:
    """Return the readers that an organization may choose: those that need nothing, or whose settings are there.

    Whether the weights are whole or the server answers is only known by `manage.py models check`.
    """
    from django.conf import settings

    return tuple(
        name for name in _READERS if name not in _NEEDS or settings.READERS[name].get(_NEEDS[name], "")
    )


def price(name: str) -> Price:
    """Return what the settings say that a reader costs."""
    from django.conf import settings

    return Price(**settings.PRICES[name]) if name in settings.PRICES else Price()


def asks_a_model(name: str) -> bool:
    """Say whether a reader is asked with a prompt, which an organization may write for itself."""
    from extraction.backends.generative.prompts import DEFAULTS

    return name in DEFAULTS


def prompt_for(name: str) -> tuple[str, tuple[str, ...]]:
    """Return what a reader that asks a model is asked with unless an organization says otherwise.

    :param name: of a reader; for one that asks no model, the first set-up one that does, or the server's.
    :returns: the text with its placeholders, and the fields it is filled in with.
    :raises ReaderError: if the settings name a prompt or fields that there are not.
    """
    from django.conf import settings

    from extraction.backends.generative.prompts import DEFAULTS, load_prompt, shipped_text

    if name not in DEFAULTS:
        name = next((one for one in configured() if one in DEFAULTS), "openai_server")
    options = settings.READERS[name]
    prompt, folder = options["prompt"] or DEFAULTS[name], options["prompts"]
    return shipped_text(prompt, folder), load_prompt(prompt, folder, options["fields"]).fields


@cache
def backend(name: str) -> Backend:
    """Return the reader of that name, the same one for the life of the process.

    :raises ReaderError: if there is none of that name, or its weights or settings are missing or broken.
    """
    try:
        make = _READERS[name]
    except KeyError:
        raise ReaderError(f"There is no reader called “{name}”. There is: {', '.join(_READERS)}.") from None
    return make()
