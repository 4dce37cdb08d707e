"""What policy expressions say: whom they trust, what they cost, and where they can be got around. Clauses 1.1, 2.1 and 6.1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from platformkit_pipeline.model.identity import ObjectIdentity, member_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Function, Policy, Relation
from platformkit_pipeline.rules.database.called_functions import ColumnTypes, PolicyHelpers, own_functions
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.absent_claims import RowTerms, WithoutClaims, demands_claims, judged_without_claims
from platformkit_pipeline.sqltext.calls import CallShape
from platformkit_pipeline.sqltext.expression_facts import CALLER_FUNCTIONS, ExpressionFacts, FunctionCall, Path, facts_of
from platformkit_pipeline.sqltext.functions import facts_of_function
from platformkit_pipeline.sqltext.identifiers import identifier
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.truth import is_tautology, never_true

_Found = TypeVar("_Found")

_SETTINGS = frozenset({("current_setting",), ("pg_catalog", "current_setting")})
_USER_METADATA = "user_metadata"
_RAW_USER_METADATA = "raw_user_meta_data"
_AUTH_USERS = frozenset({("auth", "users"), ("users",)})
_RECORD_MAKERS = frozenset({"jsonb_to_record", "json_to_record", "jsonb_to_recordset", "json_to_recordset", "jsonb_populate_record"})
_POLICIES = (CatalogKind.RELATIONS, CatalogKind.POLICIES)
_CLIENTS = (*_POLICIES, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS)


def policy_identity(policy: Policy) -> ObjectIdentity:
    return member_identity("policy", policy.schema, policy.relation, policy.name)


def _named(policy: Policy) -> str:
    return f"policy {identifier(policy.name)} on {identifier(policy.schema)}.{identifier(policy.relation)}"


def _shown(name: Path) -> str:
    return ".".join(name)


class _ByText(Generic[_Found]):
    """Answers about expressions, worked out once per text: a large database has ten policies for each text."""

    def __init__(self, answer: Callable[[str], tuple[_Found, ...]]) -> None:
        self._answer = answer
        self._known: dict[str | None, tuple[_Found, ...]] = {None: ()}

    def about(self, policy: Policy) -> tuple[_Found, ...]:
        """Of USING and WITH CHECK together, in order and without repetition."""
        using, check = self._known.get(policy.using), self._known.get(policy.with_check)
        if using is None:
            using = self._worked_out(policy.using)
        if check is None:
            check = self._worked_out(policy.with_check)
        return tuple(dict.fromkeys((*using, *check))) if using or check else ()

    def _worked_out(self, text: str | None) -> tuple[_Found, ...]:
        found = self._known[text] = self._answer(text) if text is not None else ()
        return found


def facts_of_body(function: Function) -> ExpressionFacts | None:
    """None for a language that cannot be read. Raises SqlSyntaxError."""
    return facts_of_function(function.language, function.sql_body or function.body, function.definition)


def _unparsable(policy: Policy, error: SqlSyntaxError) -> str:
    return f"the expression of {_named(policy)} does not parse: {error}"


# -- RLS006 -----------------------------------------------------------------------------------------------------------
@rule(
    "RLS006",
    "policy-trusts-user-metadata",
    clause="2.1",
    severity=Severity.CRITICAL,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy trusts metadata that users edit themselves",
    why=(
        "`user_metadata` in the token is a copy of `raw_user_meta_data`, which every signed-in user changes with one call of the Auth API. "
        "Whoever writes the expected role or tenant there passes the policy. The same holds for a helper function that reads it."
    ),
    how_to_fix=(
        "Keep what policies rely on in `app_metadata`, which only the server side writes, in a claim that a token hook adds, "
        "or in a table that users cannot write."
    ),
    references=("splinter:rls_references_user_metadata", "cwe:639", "cwe:807"),
    requires=(*_POLICIES, CatalogKind.FUNCTIONS, CatalogKind.COLUMNS),
    violating="""
alter policy own_tenant on public.tenants
  using (id = ((select auth.jwt()) -> 'user_metadata' ->> 'tenant_id')::uuid);
""",
    clean="""
alter policy own_tenant on public.tenants
  using (id = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant_id')::uuid);
""",
    revision=2,
)
def policy_trusts_user_metadata(catalog: Catalog) -> Verdicts:
    reader = _MetadataReader(catalog)
    for table, policy in catalog.project_policies:
        try:
            found = reader.about(table, policy)
        except SqlSyntaxError as error:
            yield unknown(policy_identity(policy), _unparsable(policy, error))
            continue
        if not found:
            yield PASSED
        elif certain := [reading.what for reading in found if reading.certain]:
            yield failed(
                policy_identity(policy),
                f"{_named(policy)} trusts what users write into their own metadata: {', '.join(certain)}",
                reads=certain,
                **_texts(policy),
            )
        else:
            doubts = "; ".join(reading.what for reading in found)
            yield unknown(policy_identity(policy), f"whether {_named(policy)} trusts user metadata cannot be told: {doubts}")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is read; where it is not `certain`, why that cannot be told."""

    what: str
    certain: bool = True


class _MetadataReader:
    """Finds reads of user metadata in expressions and in the functions that they call."""

    def __init__(self, catalog: Catalog) -> None:
        self._called = catalog.called_functions
        self._known: dict[tuple[str, ColumnTypes], tuple[_Reading, ...]] = {}

    def about(self, table: Relation, policy: Policy) -> tuple[_Reading, ...]:
        """Of USING and WITH CHECK together. Raises SqlSyntaxError."""
        found: dict[_Reading, None] = {}
        for text in (policy.using, policy.with_check):
            if text is not None:
                key = (text, self._called.types_for(table, text))
                if key not in self._known:
                    self._known[key] = self._readings_of(*key)
                found.update(dict.fromkeys(self._known[key]))
        return tuple(found)

    def _readings_of(self, text: str, types: ColumnTypes) -> tuple[_Reading, ...]:
        """Nothing is said about functions that cannot be read, unless their text gives cause for it."""
        facts = facts_of(text)
        found = [_Reading(what) for what in self._direct(facts, None, types)]
        for function, inside, certain in self._reached(facts, types):
            if inside is None:
                if _mentions_metadata((function.body or "", function.sql_body or "")):
                    what = f"the function {_signature(function)} cannot be read, and its text mentions user metadata"
                    found.append(_Reading(what, certain=False))
                continue
            direct = self._direct(inside, function, types)
            if certain:
                found += [_Reading(f"{what} (in {_signature(function)})") for what in direct]
            elif direct:
                what = f"{_signature(function)}, one of several functions that a call may mean, reads {', '.join(direct)}"
                found.append(_Reading(what, certain=False))
            if not direct and _mentions_metadata(inside.strings):
                found.append(_Reading(f"the function {_signature(function)} holds a text that mentions user metadata", certain=False))
        return tuple(found)

    def _reached(self, facts: ExpressionFacts, types: ColumnTypes) -> list[tuple[Function, ExpressionFacts | None, bool]]:
        """Functions that the expression calls, those that they call, and so on; no facts for one that cannot be read.

        Certain are those that are called for sure: nothing else can be meant, or whatever is meant reads user metadata.
        """
        found: list[tuple[Function, ExpressionFacts | None, bool]] = []
        seen: set[tuple[int, bool]] = set()
        waiting: list[tuple[ExpressionFacts, Function | None, bool]] = [(facts, None, True)]
        while waiting:
            inside, caller, surely = waiting.pop(0)
            for call in inside.calls:
                if call.name in CALLER_FUNCTIONS:
                    continue
                functions = own_functions(self._called.called(call.shape, caller, types))
                readable = [(function, _readable_facts(function)) for function in functions]
                certain = surely and (len(functions) == 1 or all(f is not None and self._direct(f, fun, types) for fun, f in readable))
                for function, body in readable:
                    if (id(function), certain) in seen or (id(function), True) in seen:
                        continue
                    seen.add((id(function), certain))
                    found.append((function, body, certain))
                    if body is not None:
                        waiting.append((body, function, certain))
        return found

    def _direct(self, facts: ExpressionFacts, inside: Function | None, types: ColumnTypes) -> tuple[str, ...]:
        found: set[str] = set()
        if any(path[:1] == (_USER_METADATA,) for path in facts.claims) or (() in facts.claims and self._takes_from_whole_token(facts)):
            found.add(f"{_USER_METADATA} of the token")
        if not _AUTH_USERS.isdisjoint(facts.relations) and any(column[-1] == _RAW_USER_METADATA for column in facts.columns):
            found.add(f"{_RAW_USER_METADATA} of auth.users")
        paths = [(name, keys) for name, keys in facts.helper_paths if keys[0] == _USER_METADATA]
        for call in facts.calls if paths else ():
            if any(call.name == name for name, _ in paths) and self._returns_token(call.shape, inside, types):
                found.add(f"{_USER_METADATA} of the token, which {_shown(call.name)}() returns")
        return tuple(sorted(found))

    def _takes_from_whole_token(self, facts: ExpressionFacts) -> bool:
        """The token goes into a variable, a record or an operator, and the key is named somewhere."""
        if _USER_METADATA in facts.json_keys or _USER_METADATA in facts.strings:
            return True
        if any(f"$.{_USER_METADATA}" in text.replace('"', "") for text in facts.strings):  # JSON paths are printed with quoted keys
            return True
        return any(c[-1] == _USER_METADATA for c in facts.columns) and any(call.name[-1] in _RECORD_MAKERS for call in facts.calls)

    def _returns_token(self, shape: CallShape, inside: Function | None, types: ColumnTypes) -> bool:
        bodies = [_readable_facts(function) for function in own_functions(self._called.called(shape, inside, types))]
        return bool(bodies) and all(facts is not None and () in facts.claims for facts in bodies)


def _readable_facts(function: Function) -> ExpressionFacts | None:
    try:
        return facts_of_body(function)
    except SqlSyntaxError:
        return None


def _signature(function: Function) -> str:
    return f"{identifier(function.schema)}.{identifier(function.name)}({function.arguments})"


def _mentions_metadata(texts: Iterable[str]) -> bool:
    return any(_USER_METADATA in text or _RAW_USER_METADATA in text for text in texts)


def _texts(policy: Policy) -> dict[str, object]:
    return {"command": policy.command, "roles": list(policy.roles), "using": policy.using, "with_check": policy.with_check}


# -- RLS010 -----------------------------------------------------------------------------------------------------------
@rule(
    "RLS010",
    "policy-reevaluated-per-row",
    clause="6.1",
    severity=Severity.MEDIUM,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy asks for the caller again on every row",
    why=(
        "`auth.uid()`, `auth.jwt()`, `current_setting()` and helpers that read them give one answer per statement, but PostgreSQL "
        "evaluates them again for every row that it filters. Inside `(select ...)` they become an InitPlan, evaluated once. So does "
        "anything inside "
        "a sub-select that reads nothing of the row: `(select auth.jwt() ->> 'tenant_id')`, and also "
        "`tenant_id in (select tenant_id from members where user_id = auth.uid())`, whose sub-select runs once and is hashed. "
        "An EXISTS that compares with the row may run for every row, and what it calls with it."
    ),
    how_to_fix="Write `(select auth.uid())` for `auth.uid()`; the meaning is the same.",
    references=("splinter:auth_rls_initplan",),
    patch=PatchKind.SQL,
    requires=(*_POLICIES, CatalogKind.FUNCTIONS, CatalogKind.COLUMNS),
    violating="alter policy own_tenant on public.tenants using (id = (auth.jwt() ->> 'tenant_id')::uuid);",
    clean="alter policy own_tenant on public.tenants using (id = (select (auth.jwt() ->> 'tenant_id')::uuid));",
    revision=2,
)
def policy_reevaluated_per_row(catalog: Catalog) -> Verdicts:
    per_row = CallsPerRow(catalog)
    found_in = _ByText(lambda text: tuple(f"{_shown(name)}()" for name in per_row.names_in(text)))
    for table, policy in catalog.project_policies:
        if not table.row_security:
            continue  # RLS002 speaks about it
        try:
            found = found_in.about(policy)
        except SqlSyntaxError as error:
            yield unknown(policy_identity(policy), _unparsable(policy, error))
            continue
        if found and not _is_folded(policy):
            yield failed(
                policy_identity(policy),
                f"{_named(policy)} evaluates {', '.join(found)} again for every row",
                calls=list(found),
                **_texts(policy),
            )
        else:
            yield PASSED


def _is_folded(policy: Policy) -> bool:
    """The planner sees that the conditions are always true and evaluates nothing; RLS004 and RLS005 speak about that."""
    return all(is_tautology(text) for text in (policy.using, policy.with_check) if text is not None)


class CallsPerRow:
    """Which calls of an expression ask for the caller again on every row."""

    def __init__(self, catalog: Catalog) -> None:
        self._helpers = _CallerHelpers(catalog)

    def names_in(self, text: str) -> tuple[Path, ...]:
        """In order and without repetition. Raises SqlSyntaxError."""
        calls = facts_of(text).calls
        found = [c.name for c in calls if not (c.once or c.in_lookup or c.reads_columns) and self._helpers.asks_for_caller(c)]
        return tuple(dict.fromkeys(found))


class _CallerHelpers:
    """Which functions depend on the caller: the platform's own, settings, and the project's functions that lead to them."""

    def __init__(self, catalog: Catalog) -> None:
        self._called = catalog.called_functions
        self._known: dict[int, bool] = {}

    def asks_for_caller(self, call: FunctionCall, inside: Function | None = None) -> bool:
        if call.name in CALLER_FUNCTIONS or call.name in _SETTINGS:
            return True
        functions = own_functions(self._called.called(call.shape, inside))
        return bool(functions) and all(self._asks(function) for function in functions)

    def _asks(self, function: Function) -> bool:
        known = self._known.get(id(function))
        if known is None:
            self._known[id(function)] = False  # while it is read: recursion alone asks for nobody
            known = self._known[id(function)] = self._body_asks(function)
        return known

    def _body_asks(self, function: Function) -> bool:
        """An immutable function of constants is evaluated when the statement is planned."""
        if function.volatility == "immutable":
            return False
        facts = _readable_facts(function)
        return facts is not None and any(self.asks_for_caller(call, function) for call in facts.calls)


# -- RLS012 -----------------------------------------------------------------------------------------------------------
@rule(
    "RLS012",
    "update-escapes-check",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="An UPDATE policy lets rows be moved to another owner or tenant",
    why=(
        "USING decides which rows may be updated, WITH CHECK what they may become. With a check that is always true the caller gives the "
        "row away, or slips it to another tenant, by updating the very column that protects it."
    ),
    how_to_fix="Leave WITH CHECK away, then USING is the check as well; or write the same condition there.",
    references=("cwe:639", "cwe:863"),
    patch=PatchKind.SQL,
    requires=(*_CLIENTS, CatalogKind.SCHEMAS, CatalogKind.COLUMNS),
    violating="""
grant update on public.tenants to authenticated;
create policy rename on public.tenants for update to authenticated
  using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid) with check (true);
""",
    clean="""
grant update on public.tenants to authenticated;
create policy rename on public.tenants for update to authenticated
  using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
)
def update_escapes_check(catalog: Catalog) -> Verdicts:
    for table, policy in catalog.project_policies:
        if policy.command not in ("UPDATE", "ALL") or not policy.permissive or not (clients := catalog.clients_of(policy)):
            continue
        try:
            escaping = escaping_updates(catalog, table, policy)
            said_already = bool(escaping) and lets_rows_in(catalog, table, policy)
        except SqlSyntaxError as error:
            yield unknown(policy_identity(policy), _unparsable(policy, error))
            continue
        if not escaping or said_already:
            yield PASSED
            continue
        reach = {role: commands for role, commands in catalog.reach(table).items() if role in escaping and "UPDATE" in commands}
        yield failed(
            policy_identity(policy),
            f"{_named(policy)} lets {', '.join(clients)} change a row into any other: its WITH CHECK is always true, its USING is not"
            + ("" if reach else " (as soon as UPDATE is granted)"),
            reachable_by=sorted(reach),
            **_texts(policy),
        )


def escaping_updates(catalog: Catalog, table: Relation, policy: Policy) -> tuple[str, ...]:
    """Client roles for which this policy accepts any new row of an UPDATE, although not every row may be updated.

    Raises SqlSyntaxError.
    """
    if policy.with_check is None or not is_tautology(policy.with_check) or (policy.using is not None and is_tautology(policy.using)):
        return ()
    others = [p for p in catalog.policies_of(table) if p.command in ("ALL", "UPDATE")]
    escaping = []
    for role in catalog.clients_of(policy):
        applying = [p for p in others if role in catalog.clients_of(p)]
        reaches_rows = any(p.permissive and p.using is not None and not never_true(p.using) for p in applying)
        checks = [p.with_check or p.using for p in applying if not p.permissive]
        if reaches_rows and all(check is None or is_tautology(check) for check in checks):
            escaping.append(role)
    return tuple(escaping)


def lets_rows_in(catalog: Catalog, table: Relation, policy: Policy) -> bool:
    """The policy's check is also that of an INSERT which a client may run: then every row can be written, and RLS004 says so.

    Raises SqlSyntaxError.
    """
    if policy.command != "ALL" or narrowed(catalog, table, policy, "INSERT"):
        return False
    return any("INSERT" in catalog.commands_open_to(role, table) for role in catalog.clients_of(policy))


def narrowed(catalog: Catalog, table: Relation, policy: Policy, command: str) -> bool:
    """A restrictive policy with a real condition applies to every client role of `policy` for `command`.

    Raises SqlSyntaxError.
    """
    clients = set(catalog.clients_of(policy))
    for other in catalog.policies_of(table):
        if other.permissive or other.command not in ("ALL", command):
            continue
        condition = (other.with_check or other.using) if command == "INSERT" else other.using
        if condition is None or is_tautology(condition):
            continue
        clients -= set(catalog.clients_of(other))
    return not clients


# -- RLS016 -----------------------------------------------------------------------------------------------------------
@rule(
    "RLS016",
    "null-claim-opens",
    clause="2.1",
    severity=Severity.CRITICAL,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy lets callers in because they have no claim",
    why=(
        "`auth.uid()` is NULL for whoever is not signed in, and any other claim may be missing from a valid token. A condition that is "
        "true then, by IS NULL, COALESCE, IS NOT DISTINCT FROM, CASE, or NOT over a look-up, opens to strangers what it should keep for "
        "members. A plain comparison with NULL is never true, and needs no such care. What the row itself grants, `is_public or ...`, "
        "is not meant."
    ),
    how_to_fix=(
        "Compare with the claim alone: `owner_id = (select auth.uid())` is false for whoever has none. What strangers may see belongs in "
        "a policy of its own, tied to a column of the row."
    ),
    references=("cwe:287", "cwe:863"),
    patch=PatchKind.SQL,
    requires=(*_CLIENTS, CatalogKind.FUNCTIONS, CatalogKind.COLUMNS),
    violating="""
alter policy own_tenant on public.tenants
  using (id = coalesce(((select auth.jwt()) ->> 'tenant_id')::uuid, id));
""",
    clean="""
alter policy own_tenant on public.tenants
  using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    revision=2,
)
def null_claim_opens(catalog: Catalog) -> Verdicts:
    judge = _AbsenceJudge(catalog)
    for table, policy in catalog.project_policies:
        if not policy.permissive or not catalog.clients_of(policy):
            continue
        try:
            using, check = judge.about(table, policy.using), judge.about(table, policy.with_check)
            if using is check is WithoutClaims.CLOSED:
                yield PASSED
                continue
            opened = WithoutClaims.OPENS in (using, check) and not judge.is_narrowed(table, policy)
        except SqlSyntaxError as error:
            yield unknown(policy_identity(policy), _unparsable(policy, error))
            continue
        if opened:
            sides = [name for name, way in (("USING", using), ("WITH CHECK", check)) if way is WithoutClaims.OPENS]
            yield failed(
                policy_identity(policy),
                f"{_named(policy)} is true for callers without a claim: its {' and '.join(sides)} turns the missing claim into a yes",
                clients=list(catalog.clients_of(policy)),
                **_texts(policy),
            )
        elif WithoutClaims.UNDECIDABLE in (using, check):
            yield unknown(
                policy_identity(policy),
                f"whether {_named(policy)} is true for callers without a claim cannot be told: the function "
                + "; the function ".join(judge.unread_in(policy)),
                **_texts(policy),
            )
        else:
            yield PASSED


class _AbsenceJudge:
    """Judges texts, once for all tables unless something about the table decides."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._called = catalog.called_functions
        self._helpers = PolicyHelpers(self._called)
        self._known: dict[tuple[str, str, frozenset[str], ColumnTypes], WithoutClaims] = {}
        self._unread: dict[str, tuple[str, ...]] = {}
        self._closed: set[str | None] = {None}

    def about(self, table: Relation, text: str | None) -> WithoutClaims:
        """Raises SqlSyntaxError."""
        if text in self._closed or text is None:
            return WithoutClaims.CLOSED
        facts = facts_of(text)
        relation = table.name if facts.outer_columns else ""
        types = self._called.types_for(table, text)
        judged = self._judged(text, relation, frozenset(), types)
        if judged is WithoutClaims.CLOSED:
            if not relation and not types:
                self._closed.add(text)
            return judged
        mentioned = facts.row_columns.union(column[-1] for column in facts.outer_columns)
        not_null = frozenset(c.name for c in self._catalog.columns_of(table) if c.not_null and c.name in mentioned)
        return self._judged(text, relation, not_null, types)

    def _judged(self, text: str, relation: str, not_null: frozenset[str], types: ColumnTypes) -> WithoutClaims:
        key = (text, relation, not_null, types)
        if key not in self._known:
            self._known[key], unread = judged_without_claims(text, self._terms(relation, not_null, types))
            if unread:
                self._unread[text] = unread
        return self._known[key]

    def _terms(self, relation: str, not_null: frozenset[str], types: ColumnTypes) -> RowTerms:
        return RowTerms(relation, not_null, lambda shape, inside: self._helpers.find(shape, inside, types), self._catalog.column_names)

    def unread_in(self, policy: Policy) -> tuple[str, ...]:
        """What could not be read about the functions that an undecidable policy calls."""
        texts = (policy.using, policy.with_check)
        return tuple(dict.fromkeys(why for text in texts if text is not None for why in self._unread.get(text, ())))

    def is_narrowed(self, table: Relation, policy: Policy) -> bool:
        """A restrictive policy that demands a claim stands before every client of `policy`."""
        clients = set(self._catalog.clients_of(policy))
        for other in self._catalog.policies_of(table):
            if other.permissive or other.command not in ("ALL", policy.command):
                continue
            texts = [t for t in (other.using, other.with_check) if t is not None]
            if texts and all(self._demands(table, text) for text in texts):
                clients -= set(self._catalog.clients_of(other))
        return not clients

    def _demands(self, table: Relation, text: str) -> bool:
        return demands_claims(text, self._terms(table.name, frozenset(), self._called.types_for(table, text)))
