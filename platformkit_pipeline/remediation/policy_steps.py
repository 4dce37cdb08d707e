"""What a person does about policies, bypassing roles and keys into the platform's tables: the reason, and steps with SQL."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.finding_names import member_of, relation_of
from platformkit_pipeline.remediation.proposal import ByHand
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier


def admit_somebody(_catalog: Catalog, finding: Result) -> ByHand:
    on = relation_of(finding)
    return ByHand(
        "whether callers are meant to use the table is not in the catalogue",
        (
            f"For the server side only: `revoke select, insert, update, delete on table {on} from public, anon, authenticated`.",
            "For callers: write a policy per command that ties the row to the caller.",
        ),
    )


def leave_user_metadata(_catalog: Catalog, finding: Result) -> ByHand:
    on = relation_of(finding)
    return ByHand(
        "who gets in by app_metadata is decided by what is written there, and until that is filled nobody would",
        (
            "Copy what the policy relies on to app_metadata of each user, by the Auth API with the service key.",
            f"Then `alter policy {member_of(finding)} on {on} using (...)`, with `auth.jwt() -> 'app_metadata'` in `(select ...)`.",
            "Users get the new claim with their next token: wait for one token lifetime before the policy changes.",
        ),
    )


def merge_policies(_catalog: Catalog, finding: Result) -> ByHand:
    return ByHand(
        "joining policies by OR may widen the commands that only one of them covers",
        (
            f"For each role and command in the evidence, keep one policy on {relation_of(finding)} with the conditions joined by OR.",
            "A policy that is meant to narrow: drop it and create it again `as restrictive`.",
        ),
    )


def stop_bypassing(catalog: Catalog, finding: Result) -> ByHand:
    role = identifier(finding.object.name)
    if finding.object.name in catalog.client_roles:
        members = [m.role for m in catalog.snapshot.role_memberships if m.member == finding.object.name]
        return ByHand(
            "what else the role gets through its memberships is known to the project only",
            (*(f"`revoke {identifier(name)} from {role}`" for name in members), "Give it the few grants that it turns out to miss."),
        )
    return ByHand(
        "only a superuser changes BYPASSRLS, and what the role is for is not in the catalogue",
        (f"As a superuser: `alter role {role} nobypassrls`.", "Give it policies of its own where it has to see more than one tenant."),
    )


def agree_on_grants(_catalog: Catalog, finding: Result) -> ByHand:
    on = relation_of(finding)
    steps = [
        f"{role}: `revoke {', '.join(c.lower() for c in commands)} on table {on} from {identifier(role)}`, or write the policy."
        for role, commands in finding.evidence.get("grants_without_policy", {}).items()
    ]
    steps += [f"Policy {name}: grant what it is for, or drop it." for name in finding.evidence.get("policies_without_grant", ())]
    return ByHand("either the grant or the policy is a mistake, and the catalogue does not say which", tuple(steps))


def break_recursion(_catalog: Catalog, _finding: Result) -> ByHand:
    return ByHand(
        "what breaks the circle runs with its owner's rights, so what it returns has to be decided",
        (
            "Put the look-up into a SECURITY DEFINER function in a schema that is not exposed, with `set search_path = ''`, "
            "and call it in the policy as `(select private.<function>())`.",
            "Return only what belongs to the caller, and say why in its comment: `platformkit:definer <reason>`.",
        ),
    )


def refer_to_primary_key(_catalog: Catalog, finding: Result) -> ByHand:
    return ByHand(
        "rows have to be matched with the primary key of the platform's table first",
        (
            f"Add a column to {relation_of(finding)} that refers to the primary key, fill it, and index it.",
            f"Then `alter table {relation_of(finding)} drop constraint {member_of(finding)}`.",
        ),
    )
