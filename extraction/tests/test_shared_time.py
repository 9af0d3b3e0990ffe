"""Questions at a server at the same time share its time: nobody is charged twice for one second."""

from __future__ import annotations

import pytest

from extraction.backends.generative.shared_time import SharedTime


def test_each_question_gets_its_part_of_the_time_it_shared() -> None:
    now = [100.0]
    time = SharedTime(lambda: now[0])
    first = time.begin()
    now[0] += 4.0  # alone
    second = time.begin()
    now[0] += 2.0  # both
    assert time.end(first) == pytest.approx(4.0 + 1.0)
    now[0] += 3.0  # alone again
    assert time.end(second) == pytest.approx(1.0 + 3.0)
    now[0] += 50.0  # nobody: costs nobody anything
    third = time.begin()
    now[0] += 1.5
    assert time.end(third) == pytest.approx(1.5)
