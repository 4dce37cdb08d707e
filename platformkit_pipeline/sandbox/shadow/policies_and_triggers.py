"""Policies, triggers and rules of tables, and event triggers of the database."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import EventTrigger, Policy, Snapshot
from platformkit_pipeline.sandbox.shadow.statement import Statement, grantee, quoted, quoted_in, statement_for
from platformkit_pipeline.sqltext.identifiers import literal

_ENABLED = {"disabled": "disable trigger", "replica": "enable replica trigger", "always": "enable always trigger"}
_EVENT_ENABLED = {"disabled": "disable", "replica": "enable replica", "always": "enable always"}


def policies(snapshot: Snapshot) -> Iterator[Statement]:
    for policy in snapshot.policies:
        yield statement_for(policy, _policy(policy))


def triggers(snapshot: Snapshot) -> Iterator[Statement]:
    """What a partition has of its parent comes with the parent's."""
    for trigger in snapshot.triggers:
        if not trigger.inherited:
            yield statement_for(trigger, trigger.definition)
            if trigger.enabled in _ENABLED:
                table = quoted_in(trigger.schema, trigger.relation)
                yield statement_for(trigger, f"alter table {table} {_ENABLED[trigger.enabled]} {quoted(trigger.name)}")


def rules(snapshot: Snapshot) -> Iterator[Statement]:
    """What CREATE RULE made, for tables and views."""
    for relation in snapshot.relations:
        if relation.extension is None:
            for text in relation.rules:
                yield statement_for(relation, text.rstrip().removesuffix(";"))


def event_triggers(snapshot: Snapshot, superuser: str) -> Iterator[Statement]:
    for trigger in snapshot.event_triggers:
        if trigger.extension is None:
            yield statement_for(trigger, "; ".join(_event_trigger(trigger, superuser, snapshot)))


def _policy(policy: Policy) -> str:
    sort = "permissive" if policy.permissive else "restrictive"
    roles = ", ".join(map(grantee, policy.roles))
    using = "" if policy.using is None else f" using ({policy.using})"
    check = "" if policy.with_check is None else f" with check ({policy.with_check})"
    table = quoted_in(policy.schema, policy.relation)
    return f"create policy {quoted(policy.name)} on {table} as {sort} for {policy.command} to {roles}{using}{check}"


def _event_trigger(trigger: EventTrigger, superuser: str, snapshot: Snapshot) -> Iterator[str]:
    name = quoted(trigger.name)
    tags = f" when tag in ({', '.join(map(literal, trigger.tags))})" if trigger.tags else ""
    function = quoted_in(trigger.function_schema, trigger.function_name)
    yield f"create event trigger {name} on {trigger.event}{tags} execute function {function}()"
    if trigger.enabled in _EVENT_ENABLED:
        yield f"alter event trigger {name} {_EVENT_ENABLED[trigger.enabled]}"
    if trigger.owner != superuser:
        # Supabase lets its customers own event triggers; the server itself demands a superuser at this moment
        humble = not any(role.name == trigger.owner and role.superuser for role in snapshot.roles)
        if humble:
            yield f"alter role {quoted(trigger.owner)} superuser"
        yield f"alter event trigger {name} owner to {quoted(trigger.owner)}"
        if humble:
            yield f"alter role {quoted(trigger.owner)} nosuperuser"
