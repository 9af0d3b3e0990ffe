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
