"""Whether this machine has a browser that can draw; tests that need one say so where it is missing."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.browser import find_browser


def _has_browser() -> bool:
    try:
        find_browser()
    except SandboxError:
        return False
    return True


needs_browser = pytest.mark.skipif(not _has_browser(), reason="no Chromium on PATH: install it, e.g. with `apt-get install chromium`")
