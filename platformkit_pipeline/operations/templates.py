"""Text from the templates in `sql/templates/`. Names and values reach SQL through the filters `identifier` and `literal` only."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from platformkit_pipeline.locations import sql_directory
from platformkit_pipeline.sqltext.identifiers import identifier, literal


def render(template: str, **values: Any) -> str:
    """The template of that file name, filled in. The same values give the same text."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(sql_directory() / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - SQL and YAML; there is no HTML here
        keep_trailing_newline=True,
    )
    environment.filters.update(identifier=identifier, literal=literal)
    return environment
