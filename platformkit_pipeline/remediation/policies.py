"""Patches for RLS010 and RLS012: policies written anew with ALTER POLICY, which keeps name, roles, command and comment."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Policy, Relation
from platformkit_pipeline.remediation.access import fewer_rows, owners_may_change
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.policy_expressions import policy_identity
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.scalar_calls import in_scalar_selects
from platformkit_pipeline.sqltext.truth import is_tautology


def policy_of(catalog: Catalog, finding: Result) -> tuple[Relation, Policy]:
    """The policy that a finding is about, and its table."""
    name = dict(finding.object.detail)["policy"]
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    return table, next(p for p in catalog.policies_of(table) if p.name == name)


def evaluate_once(catalog: Catalog, finding: Result) -> Proposal:
    """RLS010: every call that gives one answer per statement in a sub-select of its own; the meaning is the same (clause 6.1)."""
    table, policy = policy_of(catalog, finding)
    if not owners_may_change(catalog, table.owner):
        return _not_ours(table, finding)
    functions = {str(call).removesuffix("()") for call in finding.evidence.get("calls", ())}
    try:
        using, check = (None if text is None else in_scalar_selects(text, functions) for text in (policy.using, policy.with_check))
    except SqlSyntaxError as error:
        return ByHand(
            f"its expression cannot be rewritten: {error}", (f"Write the calls as `(select {next(iter(sorted(functions)), 'f')}())`.",)
        )
    return Change(
        f"Evaluate {', '.join(sorted(f'{name}()' for name in functions))} once per statement in {_named(policy)}",
        (_alter(policy, using, check),),
        (_alter(policy, policy.using, policy.with_check),),
        objects=(policy_identity(policy).canonical,),
    )


def check_what_rows_become(catalog: Catalog, finding: Result) -> Proposal:
    """RLS012: what a row may become is what it had to be (clause 2.1)."""
    table, policy = policy_of(catalog, finding)
    if not owners_may_change(catalog, table.owner):
        return _not_ours(table, finding)
    if policy.using is None or is_tautology(policy.using):
        return ByHand(
            "the policy has no condition of its own that could be its check; others let the rows in",
            (f"Write into WITH CHECK of {_named(policy)} what an updated row has to be: the condition that lets callers update it.",),
        )
    operations = ("UPDATE",) if policy.command == "UPDATE" else ("UPDATE", "INSERT")
    return Change(
        f"Check updated rows by USING in {_named(policy)}",
        (_alter(policy, policy.using, policy.using),),
        (_alter(policy, policy.using, policy.with_check),),
        objects=(policy_identity(policy).canonical,),
        access=(fewer_rows(table, operations),),
        notes=("Callers who moved rows out of their own reach can no longer do so.",),
    )


def _alter(policy: Policy, using: str | None, check: str | None) -> str:
    parts = [f"alter policy {identifier(policy.name)} on {qualified(policy.schema, policy.relation)}"]
    if using is not None:
        parts.append(f"using ({using})")
    if check is not None:
        parts.append(f"with check ({check})")
    return "\n  ".join(parts)


def _named(policy: Policy) -> str:
    return f"policy {identifier(policy.name)} of {qualified(policy.schema, policy.relation)}"


def _not_ours(table: Relation, finding: Result) -> ByHand:
    return ByHand(
        f"{qualified(table.schema, table.name)} belongs to {table.owner}, whom the project's own login may not act as",
        (f"Change it where the platform lets you, in the dashboard for instance: {finding.message}.",),
    )
