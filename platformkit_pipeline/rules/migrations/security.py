"""What a migration opens to clients (clauses 1.1, 2.1 and 2.3): grants, policies, row level security, extensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.migration_subject import Migration, MigrationSubject, failed_at, migration_rule, unknown_at
from platformkit_pipeline.rules.registry import Verdicts
from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    Commented,
    ExtensionPlaced,
    Granted,
    OwnerSet,
    PolicyWritten,
    QualifiedName,
    RoleRaised,
    RolesJoined,
    RowSecuritySet,
)

_CLIENTS = frozenset({"anon", "authenticated", "PUBLIC"})
_NOT_SIGNED_IN = frozenset({"anon", "PUBLIC"})
_WRITES = frozenset({"ALL", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"})
_ACCOUNTS_AND_SECRETS = ("auth.", "vault.", "all in schema auth", "all in schema vault")
"""Accounts, sessions and secrets: the platform serves them itself, no client reads their tables."""
_OWN_SCHEMA = frozenset(
    {"plpgsql", "pg_cron", "pgmq", "pgsodium", "supabase_vault", "pg_graphql", "pg_tle", "postgis_topology", "postgis_tiger_geocoder"}
)
"""Extensions that fix their schema themselves."""
_TABLE = "create table if not exists public.notes (id uuid primary key, owner uuid);\nalter table public.notes enable row level security;\n"
_POLICY = "drop policy if exists own on public.notes;\n"


@migration_rule(
    "MIG120",
    "client-write-grant",
    clause="2.1",
    severity=Severity.CRITICAL,
    title="Grant that lets callers who are not signed in write tables",
    why=(
        "anon is everybody who has the public key, PUBLIC is every role. With a privilege to write, row level security is the only thing "
        "between them and the table, and TRUNCATE, REFERENCES and TRIGGER it does not even hold back."
    ),
    how_to_fix="Grant the verbs that are needed to `authenticated`, table by table; anon gets SELECT at most.",
    references=("cwe:732",),
    violating=f"{_TABLE}grant all on public.notes to anon;",
    clean=f"{_TABLE}grant select, insert on public.notes to authenticated;",
)
def client_write_grant(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action in migration.actions:
            if not isinstance(action, Granted) or action.kind != "table":
                continue
            privileges, roles = sorted(_WRITES.intersection(action.privileges)), sorted(_NOT_SIGNED_IN.intersection(action.grantees))
            if privileges and roles:
                to = " and ".join(roles)
                message = f"grants {', '.join(privileges)} on {action.objects} to {to}"
                yield failed_at(migration, action.line, f"grant on {action.objects} to {to}", message)


@migration_rule(
    "MIG128",
    "client-role-raised",
    clause="2.1",
    severity=Severity.CRITICAL,
    title="Client role that gets the rights of another role, of an owner, or of the server side",
    why=(
        "A client role that is a member of another role, owns an object, bypasses row level security or may create in a schema does what "
        "no policy holds back. So does everybody who calls the Data API."
    ),
    how_to_fix="Grant the verbs that are needed on the objects themselves; leave server-side work to `service_role`.",
    references=("cwe:269", "cwe:732"),
    violating=f"{_TABLE}grant service_role to anon;",
    clean=f"{_TABLE}grant anon to authenticator;",
)
def client_role_raised(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action in migration.actions:
            for about, message in _raised(action):
                yield failed_at(migration, action.line, about, message)


def _raised(action: Action) -> Iterator[tuple[str, str]]:
    """What an act gives to client roles: a name for it, and a sentence."""
    match action:
        case RolesJoined(roles=roles, members=members) if clients := _clients(members):
            yield f"membership of {clients}", f"makes {clients} a member of {', '.join(roles)}"
        case RoleRaised(role=role, options=options) if role in _CLIENTS:
            yield f"role {role}", f"gives {role} {', '.join(options)}"
        case OwnerSet(objects=objects, owner=owner) if owner in _CLIENTS:
            yield f"owner of {objects}", f"makes {owner} the owner of {objects}"
        case Granted(kind="schema", privileges=privileges) if clients := _clients(action.grantees):
            if {"ALL", "CREATE"}.intersection(privileges):
                yield f"grant on schema {action.objects}", f"lets {clients} create objects in the schema {action.objects}"

        case Granted(kind="table", objects=objects) if clients := _clients(action.grantees):
            if secret := [name for name in objects.split(", ") if name.startswith(_ACCOUNTS_AND_SECRETS)]:
                yield f"grant on {objects} to {clients}", f"lets {clients} read or write {', '.join(secret)}"


def _clients(roles: tuple[str, ...]) -> str:
    return " and ".join(sorted(_CLIENTS.intersection(roles)))


@migration_rule(
    "MIG121",
    "client-policy-open",
    clause="2.1",
    severity=Severity.CRITICAL,
    title="Policy for clients that lets every row through",
    why="A condition that is always true is the same as no row level security, but looks like it.",
    how_to_fix=(
        "Compare the row with its owner or tenant, e.g. `using (owner = (select auth.uid()))`. A table that everybody may read says so: "
        "`comment on table ... is 'platformkit:public-read <reason>'`."
    ),
    references=("splinter:rls_policy_always_true", "cwe:284"),
    violating=f"{_TABLE}{_POLICY}create policy own on public.notes for all to authenticated using (true or owner is null);",
    clean=f"{_TABLE}{_POLICY}create policy own on public.notes for all to authenticated\n"
    "  using (owner = (select auth.uid())) with check (owner = (select auth.uid()));",
)
def client_policy_open(subject: MigrationSubject) -> Verdicts:
    public = _public_read(subject)
    written: dict[tuple[str, QualifiedName], PolicyWritten] = {}
    for migration, action in subject.acts:
        if not isinstance(action, PolicyWritten):
            continue
        policy = _as_it_is_now(action, written.get((action.name, action.table)))
        written[action.name, action.table] = policy
        if not migration.judged or not policy.permissive:
            continue
        opened = _opened(action, policy)
        about = f"policy {action.name} on {action.table}"
        clients = sorted(_CLIENTS.intersection(policy.roles))
        if not opened or (opened == "reads" and action.table in public):
            continue
        if clients:
            yield failed_at(migration, action.line, about, f"{about} lets {' and '.join(clients)} through to every row: {opened}")
        elif not policy.roles:
            yield unknown_at(migration, action.line, about, f"{about} is made open, and no file says for which roles it is")


def _as_it_is_now(action: PolicyWritten, before: PolicyWritten | None) -> PolicyWritten:
    """ALTER changes only what it names."""
    if action.made or before is None:
        return action
    return PolicyWritten(
        line=action.line,
        name=action.name,
        table=action.table,
        made=True,
        command=before.command,
        permissive=before.permissive,
        roles=action.roles or before.roles,
        using_open=before.using_open if action.using_open is None else action.using_open,
        check_open=before.check_open if action.check_open is None else action.check_open,
    )


def _opened(action: PolicyWritten, policy: PolicyWritten) -> str:
    """What an always-true condition opens; empty when this statement opens nothing."""
    if not action.made and not action.using_open and not action.check_open and not action.roles:
        return ""
    check = policy.using_open if policy.check_open is None else policy.check_open
    match policy.command:
        case "select":
            return "reads" if policy.using_open else ""
        case "insert":
            return "writes" if policy.check_open else ""
        case "delete":
            return "deletes" if policy.using_open else ""
        case _:
            return "reads and writes" if policy.using_open else "writes" if check else ""


def _public_read(subject: MigrationSubject) -> frozenset[QualifiedName]:
    """Tables that their owners declared readable for everybody, with a reason."""
    said = {action.table: action.text for _, action in subject.acts if isinstance(action, Commented)}
    return frozenset(table for table, text in said.items() if (use := directive_in(text, Directive.PUBLIC_READ)) and use.reason)


@migration_rule(
    "MIG122",
    "row-security-disabled",
    clause="2.1",
    severity=Severity.CRITICAL,
    title="Row level security is switched off",
    why="From this statement on every policy of the table is without effect; whoever holds a grant sees and changes all rows.",
    how_to_fix="Take the statement out. For a load of data use a role that bypasses row level security.",
    references=("splinter:rls_disabled_in_public", "cwe:284"),
    violating=f"{_TABLE}alter table public.notes disable row level security;\nalter table public.notes enable row level security;",
    clean=_TABLE,
    also_fires=("MIG048",),
)
def row_security_disabled(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action in migration.actions:
            if isinstance(action, RowSecuritySet) and not action.enabled:
                table = str(action.table) if action.table.known else "tables that dynamic SQL names"
                yield failed_at(migration, action.line, f"row security of {table}", f"switches row level security of {table} off")


@dataclass(frozen=True, slots=True)
class _Placed:
    migration: Migration
    action: ExtensionPlaced


@migration_rule(
    "MIG126",
    "extension-into-public",
    clause="2.3",
    severity=Severity.HIGH,
    title="Extension installed into public, or wherever the search_path points",
    why="Its functions become callable through the Data API, and its names mix with those of the project.",
    how_to_fix="`create extension if not exists <name> with schema extensions`.",
    references=("splinter:extension_in_public",),
    violating="create extension if not exists pg_trgm;",
    clean="create extension if not exists pg_trgm with schema extensions;",
)
def extension_into_public(subject: MigrationSubject) -> Verdicts:
    placed: dict[str, _Placed] = {}
    for migration, action in subject.acts:
        if isinstance(action, ExtensionPlaced):
            placed[action.name] = _Placed(migration, action)
    for name, last in placed.items():
        if last.migration.judged and name not in _OWN_SCHEMA and last.action.schema in (None, "public"):
            where = "into public" if last.action.schema else "without a schema, which means the first of the search_path"
            yield failed_at(last.migration, last.action.line, f"extension {name}", f"installs {name} {where}")
