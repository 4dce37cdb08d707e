"""What all assets share: who answers for them, and where their code is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

OWNERS = ["team:platform"]


def code_of(function: Callable[..., Any], label: str | None = None) -> Mapping[str, dg.CodeReferencesMetadataValue]:
    """Metadata that lets Dagit open the function that does the work."""
    code = function.__code__
    reference = dg.LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno, label=label or function.__name__)
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}
