"""What a person does about FUN004, FUN007 and FUN008: why a function runs as its owner, as which owner, and with whose text."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.functions import function_of, signature
from platformkit_pipeline.remediation.object_names import object_name
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, literal


def justify_definer(catalog: Catalog, finding: Result) -> Proposal:
    """FUN004: nobody but its author knows why; a reason made up here would only silence the rule."""
    function = function_of(catalog, finding)
    on = signature(function)
    comment = "platformkit:definer <why the caller's rights do not suffice>"
    if function.comment:
        comment = f"{function.comment}\n{comment}"
    return ByHand(
        "why the function needs its owner's rights is known to its author only",
        (
            f"Where it does not need them, and callers hold what the body does: alter {on} security invoker;",
            f"Else say why: comment on {on} is {literal(comment)};",
        ),
    )


def hand_over_definer(catalog: Catalog, finding: Result) -> Proposal:
    """FUN007: a new owner needs exactly the rights that the body uses, which no catalogue lists."""
    function = function_of(catalog, finding)
    on = signature(function)
    owner = identifier(object_name(function.name, suffix="owner"))
    clients = finding.evidence.get("client_members", ())
    return ByHand(
        "a new owner needs exactly the rights that the body uses, and which those are takes reading it",
        (
            *(f"No client may become the owner: revoke {identifier(function.owner)} from {identifier(client)};" for client in clients),
            *(
                (
                    f"create role {owner} nologin; grant usage on schema {identifier(function.schema)} to {owner};",
                    f"Grant {owner} what the body does, table by table; where policies stand in the way it needs policies of its own.",
                    f"As a superuser, or as a member of both owners: alter {on} owner to {owner};",
                    "Call it as every role that uses it, in a transaction that is rolled back.",
                )
                if finding.evidence.get("superuser") or not clients
                else ()
            ),
        ),
    )


def quote_dynamic_sql(catalog: Catalog, finding: Result) -> Proposal:
    """FUN008: which part of the text is a name and which a value is for whoever wrote it."""
    function = function_of(catalog, finding)
    on = signature(function)
    uses = [
        f"Line {use.get('line')} of the body: {use.get('expression')} carries {', '.join(use.get('from', ()))}. "
        "%I or quote_ident for a name, USING (or %L) for a value, a list of constants for a piece of syntax."
        for use in finding.evidence.get("uses", ())
    ]
    return ByHand(
        "which part of the text is a name and which is a value is known to its author only",
        (
            f"Until it is mended: revoke execute on {on} from public, anon, authenticated;",
            *uses,
            f"Create or replace {on} with the same SET clauses: what is not said again is lost.",
        ),
    )
