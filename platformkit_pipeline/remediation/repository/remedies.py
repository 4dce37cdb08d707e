"""Which rule is mended by which remedy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.remediation.repository.agent_documents import add_missing_document, merge_documents
from platformkit_pipeline.remediation.repository.changelogs import add_changelog, enter_release
from platformkit_pipeline.remediation.repository.diagrams import add_source, draw_anew, draw_missing
from platformkit_pipeline.remediation.repository.proposal import Remedy

REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        "DGM001": draw_missing,
        "DGM002": draw_anew,
        "DGM004": add_source,
        "DOC001": add_missing_document,
        "DOC002": merge_documents,
        "VER002": add_changelog,
        "VER003": enter_release,
    }
)
