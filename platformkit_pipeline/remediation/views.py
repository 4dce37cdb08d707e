"""Patches for RLS007: a view reads with the rights of whoever asks."""

from __future__ import annotations

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.access import ROWS, owners_may_change
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, Catalog, Name
from platformkit_pipeline.sqltext.identifiers import qualified

_SINCE = 15_00_00
"""Server version from which views have security_invoker."""
_OPTION = "security_invoker"


def read_as_the_caller(catalog: Catalog, finding: Result) -> Proposal:
    """security_invoker, where everybody who may read the view may read what is behind it: otherwise it would lock them out."""
    view = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(view.schema, view.name)
    if (why := _why_not(catalog, view)) is not None:
        return ByHand(
            why,
            (
                f"For its readers' own rows: grant them SELECT on what it reads; `alter view {name} set (security_invoker = on)`.",
                f"Where it is for the server side only: `revoke all on {name} from public, anon, authenticated`.",
                "Where it is to show more than its readers may see: move it to a schema that is not exposed, behind a function.",
            ),
        )
    before = next((o.split("=", 1)[1] for o in view.options if o.startswith(f"{_OPTION}=")), None)
    down = f"alter view {name} reset ({_OPTION})" if before is None else f"alter view {name} set ({_OPTION} = {before})"
    return Change(
        f"Let {name} read with the rights of its caller",
        (f"alter view {name} set ({_OPTION} = true)",),
        (down,),
        objects=(finding.object.canonical,),
        access=(AccessChange(finding.object.canonical, CLIENT_ROLES, ROWS),),
        notes=(
            "Readers see the rows that the policies of the tables let them see, and no others.",
            "A later CREATE OR REPLACE VIEW without the option takes it away again.",
        ),
    )


def _why_not(catalog: Catalog, view: Relation) -> str | None:
    if catalog.snapshot.server.version_num < _SINCE:
        return "views have no security_invoker before PostgreSQL 15"
    if not owners_may_change(catalog, view.owner):
        return f"the view belongs to {view.owner}, whom the project's own login may not act as"
    if f"{_OPTION}=true" in view.options or f"{_OPTION}=on" in view.options:
        return "the view itself is right; one that it reads is not, and no rule reports that one because its schema is not exposed"
    readers = [role for role in CLIENT_ROLES if "SELECT" in catalog.commands_open_to(role, view)]
    lacking = sorted(
        f"{role} may not read {'.'.join(source)}"
        for role in readers
        for source in _sources(catalog, view)
        if (relation := catalog.relations.get(source)) is None or "SELECT" not in catalog.commands_open_to(role, relation)
    )
    return f"it would lock its readers out: {'; '.join(lacking)}" if lacking else None


def _sources(catalog: Catalog, view: Relation) -> list[Name]:
    return [(d.schema, d.relation) for d in catalog.snapshot.view_dependencies if (d.view_schema, d.view) == (view.schema, view.name)]
