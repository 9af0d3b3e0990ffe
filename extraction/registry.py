"""Which readers there are, and one loaded instance of each per process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from extraction.schema import Backend, ReaderError

DEFAULT: Final = "layout"


def _layout() -> Backend:
    from extraction.backends.layout import LayoutBackend

    return LayoutBackend()


def _layout_rules() -> Backend:
    from extraction.backends.layout import LayoutBackend

    return LayoutBackend(learned=False)


# Name -> how it is made. A module is imported when its reader is first asked for, so that the
# libraries of one reader never burden a process that uses another.
_READERS: Final[dict[str, Callable[[], Backend]]] = {"layout": _layout, "layout_rules": _layout_rules}


def names() -> tuple[str, ...]:
    """Return the names that settings and the command line may use."""
    return tuple(_READERS)


@cache
def backend(name: str) -> Backend:
    """Return the reader of that name, the same one for the life of the process.

    :raises ReaderError: if there is none of that name.
    """
    try:
        make = _READERS[name]
    except KeyError:
        raise ReaderError(f"There is no reader called “{name}”. There is: {', '.join(_READERS)}.") from None
    return make()
