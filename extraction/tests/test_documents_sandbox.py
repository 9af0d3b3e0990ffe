"""The process that opens documents: survives its documents, and never outlives or burdens its caller."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from extraction.documents import DocumentRefused, inspect, open_pages, sandbox
from extraction.tests import hostile


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Any, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def test_killed_opener_is_started_again() -> None:
    inspect(hostile.plain_pdf())
    first = sandbox.opener_pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert inspect(hostile.plain_pdf()).pages == 1
    assert sandbox.opener_pid() != first


def test_opener_killed_in_the_middle_of_a_document_loses_nothing() -> None:
    inspect(hostile.plain_pdf())
    first = sandbox.opener_pid()
    assert first is not None
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(open_pages, hostile.plain_pdf(pages=20))
        time.sleep(0.1)
        os.kill(first, signal.SIGKILL)
        assert len(reading.result(timeout=60)) == 20


def test_two_threads_open_documents_at_the_same_time() -> None:
    good, bad = hostile.plain_pdf(pages=3), hostile.truncated_jpeg()

    def look(number: int) -> int:
        if number % 2:
            with pytest.raises(DocumentRefused):
                inspect(bad)
            return 0
        return inspect(good).pages

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(look, range(12))) == [3, 0] * 6


def _open_in_worker(results: Any) -> None:
    results.put((inspect(hostile.plain_pdf()).pages, sandbox.opener_pid()))


def test_daemonic_forked_worker_opens_documents_with_its_own_opener() -> None:
    inspect(hostile.plain_pdf())
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    worker = context.Process(target=_open_in_worker, args=(results,), daemon=True)
    worker.start()
    pages, pid = results.get(timeout=20)
    worker.join(10)
    assert pages == 1
    assert pid != sandbox.opener_pid()
    assert inspect(hostile.plain_pdf()).pages == 1
    assert wait_for(lambda: not alive(pid)), "the worker's opener ended with the worker"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_opener_has_neither_the_caller_s_environment_nor_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    sandbox.close()
    with (tmp_path / "private.txt").open("w") as private:
        os.set_inheritable(private.fileno(), True)
        inspect(hostile.plain_pdf())
        pid = sandbox.opener_pid()
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert b"do-not-tell" not in environment
    assert not any("private.txt" in name for name in opened)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_opener_ends_when_its_caller_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from extraction.documents import inspect, sandbox\n"
        "from extraction.tests import hostile\n"
        "inspect(hostile.plain_pdf())\n"
        "print(sandbox.opener_pid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert caller.stdout is not None
    pid = int(caller.stdout.readline())
    assert alive(pid)
    caller.kill()
    caller.wait()
    caller.stdout.close()
    assert wait_for(lambda: not alive(pid))


def test_caller_imports_no_library_that_parses_documents() -> None:
    program = (
        "import sys, extraction.documents, extraction.reading.words\n"
        "heavy = {'pypdfium2', 'PIL', 'numpy', 'cv2', 'onnxruntime', 'torch', 'pillow_heif'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert answer.stdout.strip() in ("[]", "['numpy']")
