"""Who can change rows of a table through views over it: clause 5.3 asks it about audit logs.

PostgreSQL passes UPDATE and DELETE on a plain view through to the relation below it, with the rights of the view's owner. Where the view
has an INSTEAD OF trigger for the command, what happens is up to its function. An invoker view gives nobody more than the table does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from platformkit_pipeline.model.snapshot import Relation, RelationKind, Trigger
from platformkit_pipeline.rules.database.catalog import Catalog, Name, identity_of
from platformkit_pipeline.rules.database.trigger_functions import TriggerFunctions, fires
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.view_queries import updated_through

Holders = Callable[[Relation, str], list[str]]
"""Roles other than the owner that hold a privilege on a relation."""
HeldOff = Callable[[str, str], bool]
"""Policies of the table show the role no row for the command."""


@dataclass(slots=True)
class WaysThrough:
    """What views over one table let whom do with its rows."""

    roles: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Role → view → commands."""
    doubts: list[str] = field(default_factory=list)
    """Why there may be more."""


class LogViews:
    def __init__(self, catalog: Catalog, functions: TriggerFunctions) -> None:
        self._catalog = catalog
        self._functions = functions

    @cached_property
    def _over(self) -> dict[Name, list[Relation]]:
        """Relation → views that read it."""
        found: dict[Name, list[Relation]] = defaultdict(list)
        for name, read in self._catalog.view_rights.reads.items():
            view = self._catalog.relations.get(name)
            if view is not None and view.kind is RelationKind.VIEW:
                for relation in read:
                    found[relation].append(view)
        return found

    def ways_to(self, table: Relation, commands: tuple[str, ...], holders: Holders, held_off: HeldOff) -> WaysThrough:
        """Views over views are followed as far as the command gets through."""
        ways = WaysThrough()
        waiting = [(table, command) for command in commands]
        seen = set[tuple[str, str, str]]()
        for below, command in waiting:
            for view in self._over.get((below.schema, below.name), ()):
                key = (view.schema, view.name, command)
                if key in seen:
                    continue
                roles = [role for role in holders(view, command) if role != table.owner]
                passes = self._passes(view, below, table, command, held_off)
                if passes is True:
                    seen.add(key)
                    waiting.append((view, command))
                    for role in roles:
                        ways.roles.setdefault(role, {}).setdefault(str(identity_of(view)), []).append(command)
                elif passes and roles:
                    seen.add(key)
                    ways.doubts.append(f"{', '.join(roles)} may {command} view {identity_of(view)}, and {passes}")
        return ways

    def _passes(self, view: Relation, below: Relation, table: Relation, command: str, held_off: HeldOff) -> bool | str:
        """The command on `view` reaches rows of `table`; a reason where that cannot be told."""
        if command in view.rewritten:
            return "what a rule makes of it is not known"
        triggers = [t for t in self._catalog.triggers_of(view) if t.timing == "INSTEAD OF" and fires(t, command)]
        if triggers:
            answers = [self._changes(trigger, table, command) for trigger in triggers]
            return any(answer is True for answer in answers) or next((answer for answer in answers if answer), False)
        if self._catalog.view_rights.is_invoker(view) or command not in self._catalog.granted_to(view.owner, below):
            return False
        if below is table and held_off(view.owner, command):
            return False
        try:
            return updated_through(view.definition or "") == (below.schema, below.name)
        except SqlSyntaxError as error:
            return f"its query cannot be read ({error})"

    def _changes(self, trigger: Trigger, table: Relation, command: str) -> bool | str:
        """The function of an INSTEAD OF trigger changes rows of the table with more rights than its caller has."""
        function = self._functions.function_of(trigger)
        if function is not None and (not function.security_definer or command not in self._catalog.granted_to(function.owner, table)):
            return False
        written = self._functions.written(trigger, command)
        return (table.schema, table.name) in written.changed or written.unread
