"""How much of a server's time each question took while it worked on several."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class SharedTime:
    """Splits the time in which questions are at a server evenly between those that are there at each moment.

    The parts of all questions add up to the time in which there was at least one; each is at most the time its
    question was there. Safe to share between threads.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._there = 0
        self._last = 0.0
        # What a question that was there from the start on would have got until now, in seconds.
        self._share = 0.0

    def begin(self) -> float:
        """Let one more question be there; returns what `end` wants to know."""
        with self._lock:
            self._move(+1)
            return self._share

    def end(self, begun: float) -> float:
        """Let a question be gone; returns its part in seconds."""
        with self._lock:
            self._move(-1)
            return self._share - begun

    def _move(self, change: int) -> None:
        now = self._clock()
        if self._there:
            self._share += (now - self._last) / self._there
        self._last = now
        self._there += change
