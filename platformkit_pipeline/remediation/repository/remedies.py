"""Which rule is mended by which remedy, and what a person is told about the others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.remediation.repository.advice import ADVICE, advised
from platformkit_pipeline.remediation.repository.agent_documents import add_missing_document, merge_documents
from platformkit_pipeline.remediation.repository.changelog import add_changelog, add_release, add_tagged
from platformkit_pipeline.remediation.repository.check_workflows import add_check
from platformkit_pipeline.remediation.repository.codeowners import add_codeowners, cover_critical
from platformkit_pipeline.remediation.repository.coverage import demand_coverage
from platformkit_pipeline.remediation.repository.diagrams import add_source, draw_anew, draw_missing
from platformkit_pipeline.remediation.repository.proposal import Remedy
from platformkit_pipeline.remediation.repository.secret_hook import add_secret_hook
from platformkit_pipeline.remediation.repository.spec_bundles import add_missing_files, put_boxes
from platformkit_pipeline.remediation.repository.workflow_security import mend_weakness

_CATEGORIES = ("CIC001", "CIC002", "CIC003", "CIC005", "CIC006", "CIC007", "CIC008", "CIC009", "CIC010", "CIC011", "CIC012")
REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        **dict.fromkeys(ADVICE, advised),
        **dict.fromkeys(_CATEGORIES, add_check),
        "CIC004": demand_coverage,
        "CIC024": add_codeowners,
        "CIC025": cover_critical,
        "CIC030": mend_weakness,
        "CIC031": mend_weakness,
        "CIC032": mend_weakness,
        "DGM001": draw_missing,
        "DGM002": draw_anew,
        "DGM004": add_source,
        "DOC001": add_missing_document,
        "DOC002": merge_documents,
        "SEC005": add_secret_hook,
        "SPC001": add_missing_files,
        "SPC003": put_boxes,
        "VER002": add_changelog,
        "VER003": add_release,
        "VER005": add_tagged,
    }
)
