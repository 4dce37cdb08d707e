"""What owners say on the object itself: `COMMENT ON ... IS '... platformkit:<directive> <reason>'`.

It stands in the catalogue so that the plain-SQL gates see it as well. An opt-out without a reason does not count;
`critical` asks for more instead of less, so it needs none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Directive(StrEnum):
    PUBLIC_READ = "public-read"
    NOT_TENANT_SCOPED = "not-tenant-scoped"
    DEFINER = "definer"
    CRITICAL = "critical"
    """The table is critical in the sense of clause 5.3, as if it were declared among the project's critical tables."""


@dataclass(frozen=True, slots=True)
class DirectiveUse:
    """`reason` is empty when somebody wrote the directive without one."""

    directive: Directive
    reason: str


_PATTERN = re.compile(r"platformkit:(?P<name>[a-z-]+)(?P<reason>(?:(?!platformkit:)[^\n\r])*)")


def directive_in(comment: str | None, directive: Directive) -> DirectiveUse | None:
    """The use of `directive` in a comment; the reason is the rest of its line, up to the next directive."""
    for match in _PATTERN.finditer(comment or ""):
        if match["name"] == directive.value:
            return DirectiveUse(directive, match["reason"].strip(" \t:;,.-–—"))
    return None
