"""Patches for RLS007: a view that reads with its caller's rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Relation
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import object_of
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog
from platformkit_pipeline.rules.database.views import leads_past_policies
from platformkit_pipeline.sqltext.identifiers import qualified

_OPTION = "security_invoker"
_INVOKER_SINCE = 150000


def read_as_caller(catalog: Catalog, finding: Result) -> Proposal:
    """RLS007: `security_invoker`, where everybody who may read the view may read what it reads (clause 2.1)."""
    view = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(view.schema, view.name)
    set_option = f"alter view {name} set ({_OPTION} = true)"
    if catalog.snapshot.server.version_num < _INVOKER_SINCE:
        return ByHand(
            "PostgreSQL 14 has no views that read with their caller's rights", (f"`revoke all on {name} from public, anon, authenticated`",)
        )
    if not may_change(catalog, view.owner):
        return out_of_reach(view.owner, name, set_option)
    missing = sorted(_missing(catalog, view))
    if missing:
        return ByHand(
            reason=f"read with the rights of its callers, {name} would fail: {'; '.join(missing)}",
            steps=(
                f"Where callers may see the rows that policies allow them: grant what is missing, then `{set_option}`.",
                f"Where the view is meant to show more: `alter view {name} set schema private`, or give it an owner that bypasses "
                "no policy, or a condition on the caller's tenant.",
                f"Where client roles need not read it: `revoke all on {name} from public, anon, authenticated`.",
            ),
        )
    after = replace(view, options=tuple(sorted({*(o for o in view.options if not o.startswith(f"{_OPTION}=")), f"{_OPTION}=true"})))
    if leads_past_policies(catalog, after):
        return ByHand(
            reason=f"{name} reads another view that leads past the policies whoever calls",
            steps=("Mend the view that the evidence names: `alter view ... set (security_invoker = true)`.", f"Then `{set_option}`."),
        )
    before = next((o.partition("=")[2] for o in view.options if o.startswith(f"{_OPTION}=")), None)
    return Change(
        f"Let view {name} read with the rights of its callers",
        (set_option,),
        (f"alter view {name} reset ({_OPTION})" if before is None else f"alter view {name} set ({_OPTION} = {before})",),
        notes=(
            "Callers see the rows that the policies of the tables allow them; who needs more loses rows.",
            "A later CREATE OR REPLACE VIEW without the option takes it away again.",
            *_no_longer_written(catalog, view),
        ),
        objects=(object_of(view),),
        access=(AccessChange(object_of(view), (*catalog.client_roles, "service_role"), COMMANDS),),
    )


def _missing(catalog: Catalog, view: Relation) -> Iterator[str]:
    """Privileges that those who may select from the view lack on what it reads."""
    by_column = (p for c in catalog.columns_of(view) for p in c.privileges)
    readers = {p.grantee for p in (*view.privileges, *by_column) if p.privilege == "SELECT"} - {view.owner}
    for schema, relation in catalog.view_rights.reads.get((view.schema, view.name), ()):
        source = catalog.relations.get((schema, relation))
        for role in readers if source is not None else ():
            if source is not None and (lacking := _unreadable(catalog, role, source)):
                yield f"{'every role' if role == PUBLIC else role} may not SELECT {lacking} {qualified(schema, relation)}"


def _no_longer_written(catalog: Catalog, view: Relation) -> Iterator[str]:
    """A note for each client role that may write through the view, where it can be written through at all, and not to what it reads."""
    for role in (*catalog.client_roles, "service_role"):
        for name in catalog.view_rights.reads.get((view.schema, view.name), ()):
            source = catalog.relations.get(name)
            if source is None or not catalog.has_role(role):
                continue
            lost = [c for c in COMMANDS if c in catalog.privileges_of(role, view) - catalog.privileges_of(role, source)]
            if lost:
                yield f"{role} can no longer {', '.join(lost)} through the view, having no such privilege on {qualified(*name)}."


def _unreadable(catalog: Catalog, role: str, source: Relation) -> str | None:
    if "SELECT" not in catalog.privileges_of(role, source):
        return "from"
    return "every column of" if len(catalog.readable_columns(role, source)) < len(catalog.columns_of(source)) else None
