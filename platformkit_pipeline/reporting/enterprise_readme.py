"""The README of an organisation (clause 3.4), from where its targets stand and what was found in them. The same state, the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.generated_readme import stamped
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.reporting.fleet import TargetStanding
from platformkit_pipeline.reporting.markdown import escape

_LISTS = {TargetKind.SUPABASE_PROJECT: "projects", TargetKind.REPOSITORY: "repositories", TargetKind.CONNECTOR: "connectors"}
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class InventoriedTarget:
    """A target with the number of its inventory objects by kind."""

    kind: TargetKind
    standing: TargetStanding
    objects: Mapping[str, int]
    parity: float | None = None
    """Effective score of its contracts, one decimal rounded down; None where none was measured."""
    holds_readme: bool = False
    """It holds the README itself, whose change would change its own figures: those are left out."""


def enterprise_readme(targets: Sequence[InventoriedTarget], template: str) -> str:
    """The template with `projects`, `repositories` and `connectors`, each by name. Times are not among the values.

    It ends with the mark by which RDM001 tells an edit; the digest in it names the values.

    Names and owners come in escaped. Raises ConfigurationError for a template that cannot be rendered.
    """
    ordered = sorted(targets, key=lambda target: target.standing.name)
    values = {name: [_row(target) for target in ordered if target.kind is kind] for kind, name in _LISTS.items()}
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    del environment.globals["lipsum"], environment.filters["random"]  # the same state would give other bytes each night
    try:
        text = environment.from_string(template).render(**values)
    except TemplateSyntaxError as error:
        raise ConfigurationError(f"the template of the README has a fault in line {error.lineno}: {error.message}") from None
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise ConfigurationError(f"the template of the README cannot be rendered: {' '.join(str(error).split())[:300]}") from None
    inventory_digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    return stamped(_BLANK_LINES.sub("\n\n", text).strip("\n"), inventory_digest)


def _row(target: InventoriedTarget) -> dict[str, Any]:
    standing = target.standing
    return {
        "name": escape(standing.name),
        "environment": standing.environment.value,
        "owners": escape(", ".join(standing.owners)),
        "score": _shown(standing.raw_score, target),
        "effective_score": _shown(standing.effective_score, target),
        "parity": _shown(target.parity, target),
        "holds_readme": target.holds_readme,
        "unknown": 0 if target.holds_readme else standing.unknown,
        **{severity.value: 0 if target.holds_readme else standing.open_findings[severity] for severity in Severity},
        "objects": _Objects({} if target.holds_readme else target.objects),
    }


def _shown(score: float | None, target: InventoriedTarget) -> str:
    return "–" if score is None or target.holds_readme else f"{score:.1f}"


class _Objects(dict[str, int]):
    """Kinds that a target has none of are 0 rather than undefined."""

    def __missing__(self, key: str) -> int:
        return 0
