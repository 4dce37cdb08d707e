"""Permissive policies that overlap: clause 2.1."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Policy
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule


@rule(
    "RLS011",
    "multiple-permissive-policies",
    clause="2.1",
    severity=Severity.LOW,
    family=Family.ROW_LEVEL_SECURITY,
    title="Several permissive policies for one role and command",
    why=(
        "Permissive policies are joined by OR: the widest one wins, whatever the others say, and the server evaluates all of them for "
        "each row. A policy FOR ALL counts for every command, one for PUBLIC for every role."
    ),
    how_to_fix=(
        "Write one policy per command with the conditions joined by OR, or make the policy that is meant to narrow `as restrictive`. "
        "Look at DELETE and UPDATE twice before joining anything: merging a policy FOR SELECT into one FOR ALL widens them."
    ),
    references=("splinter:multiple_permissive_policies",),
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS),
    violating="""
create policy orders_read on public.orders for select to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    clean="""
create policy orders_of_open_accounts on public.orders as restrictive for select to authenticated using (total >= 0);
""",
)
def multiple_permissive_policies(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        if not table.row_security:
            continue
        policies = catalog.policies_of(table)
        if not policies:
            continue
        if len(policies) == 1 or not catalog.doors_of(policies).crowded:
            yield PASSED
            continue
        overlaps = _overlaps(catalog, policies)
        listed = "; ".join(
            f"{role} {command}: {', '.join(names)}" for role, commands in overlaps.items() for command, names in commands.items()
        )
        yield failed(
            identity_of(table),
            f"{identity_of(table)} has several permissive policies for one role and command: {listed}",
            overlaps=overlaps,
        )


def _overlaps(catalog: Catalog, policies: tuple[Policy, ...]) -> dict[str, dict[str, list[str]]]:
    """Client role → command → the policies that all let rows through, where there are several."""
    found: dict[str, dict[str, list[str]]] = {}
    for role, command, policy in _doors(catalog, policies):
        found.setdefault(role, {}).setdefault(command, []).append(policy)
    several = {role: {c: found[role][c] for c in COMMANDS if len(found[role].get(c, ())) > 1} for role in sorted(found)}
    return {role: commands for role, commands in several.items() if commands}


def _doors(catalog: Catalog, policies: tuple[Policy, ...]) -> Iterator[tuple[str, str, str]]:
    for policy in policies:
        if policy.permissive:
            for role in catalog.clients_of(policy):
                for command in COMMANDS if policy.command == "ALL" else (policy.command,):
                    yield role, command, policy.name
