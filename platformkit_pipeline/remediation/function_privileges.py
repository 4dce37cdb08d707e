"""Patches for FUN005 and FUN006: who may call a SECURITY DEFINER function through the Data API."""

from __future__ import annotations

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Function, Policy, Relation
from platformkit_pipeline.remediation.functions import function_of, signature_of
from platformkit_pipeline.remediation.grants import MATRIX_ROLES, grantee, handed_on, keepers, listed, other_sources, restored, role_objects
from platformkit_pipeline.remediation.mentions import Mention, mentions_of
from platformkit_pipeline.remediation.ownership import left_to_the_owner, may_alter
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import qualified

_EXECUTE = ("EXECUTE",)
_HOOK_CALLER = "supabase_auth_admin"
_NAMED = 5


def close_to_anon(catalog: Catalog, finding: Result) -> Proposal:
    """FUN005: EXECUTE goes from PUBLIC and anon; signed-in users and the server side keep what they had."""
    return _close(catalog, finding, ("anon",), ("FUN006",))


def close_to_users(catalog: Catalog, finding: Result) -> Proposal:
    """FUN006: EXECUTE goes from PUBLIC, anon and authenticated; the server side keeps what it had."""
    return _close(catalog, finding, ("anon", "authenticated"), ())


def _close(catalog: Catalog, finding: Result, clients: tuple[str, ...], successors: tuple[str, ...]) -> Proposal:
    function = function_of(catalog, finding)
    present = tuple(role for role in clients if catalog.has_role(role))
    losing = (PUBLIC, *present)
    signature = signature_of(function)
    on = f"on function {signature}"
    staying = _staying(catalog, function, losing)
    up = [f"revoke execute {on} from {listed(losing)}"]
    if staying:
        up.append(f"grant execute {on} to {listed(staying)}")
    if doubt := _doubt(catalog, function, losing, up):
        return doubt
    held = [role for role in MATRIX_ROLES if role in losing and catalog.holds(role, "EXECUTE", function.privileges)]
    still = "authenticated" not in losing and catalog.has_role("authenticated") and catalog.may_execute("authenticated", function)
    return Change(
        f"Take EXECUTE on {signature} from {' and '.join(present) or 'PUBLIC'}",
        tuple(up),
        (
            *((f"revoke execute {on} from {listed(staying)}",) if staying else ()),
            *restored(function.privileges, _EXECUTE, losing, on),
        ),
        objects=(finding.object.canonical, *role_objects(catalog, (*losing, *staying))),
        access=(AccessChange(finding.object.canonical, tuple(held), _EXECUTE),) if held else (),
        successors=successors if still else (),
        notes=(
            "Calls of the function as " + " or ".join(present or ("any other role",)) + " end: check that no page or app makes them.",
            *((f"{', '.join(staying)} had it through PUBLIC only, and get it by name.",) if staying else ()),
            *(
                ("Signed-in users keep it, which FUN006 reports from now on: whether they need it is for a person to say.",)
                if still
                else ()
            ),
        ),
    )


def _staying(catalog: Catalog, function: Function, losing: tuple[str, ...]) -> tuple[str, ...]:
    """Whoever had EXECUTE through PUBLIC and is not to lose it. An auth hook is called by the platform's auth service."""
    roles = keepers(catalog, function.owner, function.privileges, "EXECUTE", losing)
    is_hook = function.result == "jsonb" and function.arguments.split(" ")[-1:] == ["jsonb"] and "," not in function.arguments
    if is_hook and catalog.has_role(_HOOK_CALLER) and any(p.grantee == PUBLIC for p in function.privileges):
        by_name = catalog.acts_as(_HOOK_CALLER) - set(losing)
        if not any(p.grantee in by_name for p in function.privileges):
            return tuple(sorted({*roles, _HOOK_CALLER}))
    return roles


def _doubt(catalog: Catalog, function: Function, losing: tuple[str, ...], up: list[str]) -> ByHand | None:
    signature = signature_of(function)
    if not may_alter(catalog, function.owner):
        return left_to_the_owner(signature, function.owner, up)
    callers = [m for m in mentions_of(catalog, function.name) if _runs_as_the_caller(m, function)]
    if any(isinstance(m.record, Policy) for m in callers):
        return ByHand(
            reason=f"{_told([m for m in callers if isinstance(m.record, Policy)])} may call {signature}: whom it is for needs EXECUTE",
            steps=(
                "Take the function out of the API instead; policies follow it by themselves, other functions have to name it anew:",
                f"create schema if not exists private; grant usage on schema private to {listed(catalog.client_roles)};",
                f"alter function {signature} set schema private;",
                f"Or say why clients may call it: comment on function {signature} is 'platformkit:definer <reason>';",
            ),
        )
    if callers:
        return ByHand(
            reason=f"{_told(callers)} may call {signature} with the rights of whoever uses it, and would fail without EXECUTE",
            steps=("Make sure that no client role gets to it that way, or let it do without the function, then:", *(f"{s};" for s in up)),
        )
    if why := other_sources(catalog, function.owner, function.privileges, _EXECUTE, losing[1:]):
        return ByHand(
            reason=f"a revoke from {listed(losing)} does not take EXECUTE on {signature} away: {why}",
            steps=(
                "Take the membership away, or revoke it from that role as well, after looking at who else is a member:",
                *(f"{s};" for s in up),
            ),
        )
    if able := handed_on(function.privileges, function.owner, _EXECUTE, losing):
        return ByHand(
            reason=f"{', '.join(able)} may have granted EXECUTE on {signature} to others, which would have to go as well",
            steps=(
                f"See who granted what: \\df+ {qualified(function.schema, function.name)}",
                f"revoke execute on function {signature} from {', '.join(map(grantee, losing))} cascade;",
                *(f"{s};" for s in up[1:]),
            ),
        )
    return None


def _runs_as_the_caller(mention: Mention, function: Function) -> bool:
    """Policies, defaults, checks, views and the like call functions with the rights of whoever runs the statement; definers do not."""
    record = mention.record
    if record is function or (isinstance(record, Function) and record.security_definer):
        return False
    return not (isinstance(record, Relation) and record.definition is None)


def _told(mentions: list[Mention]) -> str:
    names = [m.identity.canonical for m in mentions]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
