"""The site's processes stay light: models are a matter for the workers."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "transformers", "onnxruntime", "cv2", "rapidocr", "pypdfium2")


def test_importing_the_urls_brings_no_model_library() -> None:
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'invoiceapp.settings'; django.setup();"
        "import invoiceapp.urls, invoiceapp.wsgi;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_worker_of_the_embedded_reader_brings_no_large_model_library() -> None:
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'invoiceapp.settings'; django.setup();"
        "import invoiceapp.pipeline; from extraction import registry; from extraction.documents import open_pages;"
        "from extraction.schema import Hints; from extraction.tests.pages import invoice_pdf;"
        "assert registry.backend('layout').read(open_pages(invoice_pdf()), Hints()).fields;"
        "print([name for name in ('torch', 'transformers', 'onnxtr', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_asking_a_server_brings_no_large_model_library() -> None:
    code = (
        "import sys; from extraction.backends.openai_server import ServerOptions, server_backend;"
        "server_backend(ServerOptions('http://127.0.0.1:1/v1', 'any'));"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub', 'django') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
