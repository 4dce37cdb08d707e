"""What roles may do past row level security, and whether grants and policies agree: clauses 1.1 and 2.1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import PUBLIC, CatalogKind, Policy, Relation, Role
from platformkit_pipeline.rules.database.api_exposure import GRANT_KINDS
from platformkit_pipeline.rules.database.catalog import ANY_COMMAND, COMMANDS, Catalog, Doors, exposure_unknown, identity_of
from platformkit_pipeline.rules.database.server_roles import SERVER_SIDE_ROLES, is_server_side
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown

_PAST_POLICIES = frozenset({"TRUNCATE", "REFERENCES", "TRIGGER"})
"""Privileges on a table that no policy holds back."""

_LISTED = 20
"""Names in the evidence of a finding about a role; the count beside them is complete."""


@rule(
    "RLS013",
    "client-truncate",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="Client roles may truncate a table, refer to it or put triggers on it",
    why=(
        "Row level security covers SELECT, INSERT, UPDATE and DELETE only. TRUNCATE empties the table for all tenants, REFERENCES lets "
        "a foreign key find out which keys exist, and TRIGGER runs code of the caller's choice with the rights of whoever writes next. "
        "The Data API sends none of them, but a function that runs SQL for its caller does. The platform grants all three on every new "
        "table in `public`, in its newer grant regime as well. A partition has privileges of its own."
    ),
    how_to_fix=(
        "`revoke truncate, references, trigger on all tables in schema public from public, anon, authenticated;` and, for tables to "
        "come, `alter default privileges for role postgres in schema public revoke truncate, references, trigger on tables from anon, "
        "authenticated;`"
    ),
    references=("cwe:732",),
    patch=PatchKind.SQL,
    requires=GRANT_KINDS,
    violating="grant truncate on public.orders to authenticated;",
    clean="revoke truncate, references, trigger on public.orders from public, anon, authenticated;",
)
def client_truncate(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        exposed = True if table.schema == "public" else catalog.is_exposed(table.schema)
        if exposed is False:
            continue
        clients = catalog.clients_holding(table, _PAST_POLICIES)
        if not clients:
            yield PASSED
            continue
        held = {role: sorted(catalog.privileges_of(role, table) & _PAST_POLICIES) for role in clients}
        listed = "; ".join(f"{role} holds {', '.join(privileges)}" for role, privileges in held.items())
        message = f"no policy holds back what client roles may do with {identity_of(table)}: {listed}"
        if exposed is None:
            yield unknown(identity_of(table), f"{message}; {exposure_unknown(table.schema)}", held=held)
        else:
            yield failed(identity_of(table), message, held=held)


@rule(
    "RLS014",
    "role-bypasses-rls",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A role bypasses row level security",
    why=(
        "A superuser and a role with BYPASSRLS see every row of every tenant, and so does the owner of a table that does not force its "
        "policies. That is for the documented server-side roles only: "
        + "; ".join(f"`{role}` ({reason})" for role, reason in SERVER_SIDE_ROLES.items())
        + ". A client role that is a member of such a role can become it."
    ),
    how_to_fix=(
        "`alter role ... nobypassrls`, and give the role policies of its own where it has to see more. For a client role: "
        "`revoke <the role> from anon, authenticated`. Roles belong to the server: the role may be of use to another database on it, but "
        "it bypasses the policies of this one as well."
    ),
    references=("cwe:269",),
    requires=(CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS, CatalogKind.RELATIONS, CatalogKind.EXTENSIONS),
    violating="create role reporting login bypassrls;",
    clean="create role reporting login;",
    example_role="supabase_admin",
)
def role_bypasses_rls(catalog: Catalog) -> Verdicts:
    members = _edges((m.role, m.member) for m in catalog.snapshot.role_memberships)
    above = _edges((m.member, m.role) for m in catalog.snapshot.role_memberships)
    unforced: dict[str, list[Relation]] = defaultdict(list)
    for table in catalog.tables:
        if table.row_security and not table.force_row_security:
            unforced[table.owner].append(table)
    for role in catalog.snapshot.roles:
        if role.name in catalog.client_roles:
            yield _client_role_verdict(catalog, role, above, unforced)
        elif is_server_side(role.name, catalog.snapshot.extensions):
            continue
        elif catalog.bypasses_every_policy(role.name):
            yield failed(
                _role_identity(role.name),
                f"role {_role_identity(role.name)} {_by_attribute(role)}, so no policy holds for it, and it is none of the documented "
                "server-side roles",
                **_attributes(role),
                members=sorted(members.get(role.name, ())),
            )
        else:
            yield PASSED


def _client_role_verdict(catalog: Catalog, role: Role, above: dict[str, list[str]], unforced: dict[str, list[Relation]]) -> Verdict | None:
    """Of its own, as owner of tables, or through a role that it can become: by inheritance, by SET ROLE, or by granting itself either."""
    reasons: list[str] = []
    paths = _paths(role.name, above)
    tables: list[str] = []
    for name, path in paths.items():
        via = f" as a member of {' → '.join(path[1:])}" if len(path) > 1 else ""
        if catalog.bypasses_every_policy(name):
            reasons.append(f"bypasses row level security{via}")
        elif name in unforced:
            tables += [str(identity_of(t)) for t in unforced[name]]
            reasons.append(f"owns {len(unforced[name])} tables with row level security that is not forced on their owner{via}")
    if not reasons:
        return PASSED
    identity = _role_identity(role.name)
    return failed(
        identity,
        f"client role {identity} {'; '.join(reasons)}",
        **_attributes(role),
        member_of={name: list(path) for name, path in paths.items() if name != role.name},
        tables=sorted(tables)[:_LISTED],
    )


def _paths(start: str, above: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Role → the shortest chain of memberships that leads to it; `start` itself included."""
    found: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    for name in waiting:
        for role in sorted(above.get(name, ())):
            if role not in found:
                found[role] = (*found[name], role)
                waiting.append(role)
    return found


def _edges(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        found[one].append(other)
    return dict(found)


def _role_identity(name: str) -> ObjectIdentity:
    return ObjectIdentity("role", None, name)


def _by_attribute(role: Role) -> str:
    return "is a superuser" if role.superuser else "has BYPASSRLS"


def _attributes(role: Role) -> dict[str, bool]:
    return {"superuser": role.superuser, "bypass_rls": role.bypass_rls, "login": role.login}


@rule(
    "RLS015",
    "rls-not-forced",
    clause="2.1",
    severity=Severity.INFO,
    family=Family.ROW_LEVEL_SECURITY,
    title="Row level security does not hold for the owner, who logs in",
    why=(
        "Policies do not apply to the owner of a table unless they are forced on it. Where the owner is a role that an application logs "
        "in as, or that such a role inherits from, the application sees every row. Tables of the platform's own roles, `postgres` among "
        "them, are not judged: those roles bypass row level security whatever the table says."
    ),
    how_to_fix=(
        "`alter table ... force row level security` after checking that the owner's own work (migrations, jobs) gets along with the "
        "policies, or let the application log in as a role that owns nothing."
    ),
    references=("cwe:863",),
    requires=(CatalogKind.RELATIONS, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS, CatalogKind.EXTENSIONS),
    violating="""
create role shop_backend login;
grant usage, create on schema public to shop_backend;
alter table public.orders owner to shop_backend;
""",
    clean="""
create role shop_backend login;
grant usage, create on schema public to shop_backend;
alter table public.orders owner to shop_backend;
alter table public.orders force row level security;
""",
    example_role="supabase_admin",
)
def rls_not_forced(catalog: Catalog) -> Verdicts:
    logins = _logins_by_owner(catalog)
    for table in catalog.tables:
        if not table.row_security or table.owner not in logins:
            continue
        if table.force_row_security:
            yield PASSED
            continue
        who = logins[table.owner]
        through = "" if table.owner in who else f", through {', '.join(who)}"
        yield failed(
            identity_of(table),
            f"policies of {identity_of(table)} do not hold for its owner {table.owner}, which logs in{through}: they are not forced on it",
            owner=table.owner,
            logins=who,
        )


def _logins_by_owner(catalog: Catalog) -> dict[str, list[str]]:
    """Owner → roles that log in as it or with its rights. Owners and logins that no policy holds back anyway are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    extensions = catalog.snapshot.extensions
    for role in catalog.snapshot.roles:
        if role.login and not catalog.bypasses_every_policy(role.name) and not is_server_side(role.name, extensions):
            for owner in sorted(catalog.acts_as(role.name) - {PUBLIC}):
                if not catalog.bypasses_every_policy(owner) and not is_server_side(owner, extensions):
                    found[owner].append(role.name)
    return dict(found)


@rule(
    "RLS018",
    "policy-without-grant",
    clause="2.1",
    severity=Severity.INFO,
    family=Family.ROW_LEVEL_SECURITY,
    title="Grants and policies do not agree",
    why=(
        "A caller needs both: a privilege for the command and a policy that lets rows through. A policy for a command that none of its "
        "roles may run does nothing, and a grant without a policy lets no row through. Either something is missing that was meant, or "
        "something is left over that opens the table the day the other half is added."
    ),
    how_to_fix=(
        "Grant the command to the policy's role or drop the policy; revoke the command or write the policy. A policy FOR ALL is fine "
        "as long as one of the four commands is granted."
    ),
    references=("cwe:732",),
    requires=(CatalogKind.POLICIES, *GRANT_KINDS),
    violating="grant select on public.orders to anon;",
    clean="revoke delete on public.orders from authenticated;",
)
def policy_without_grant(catalog: Catalog) -> Verdicts:
    clients = catalog.client_roles
    agreeing: dict[tuple[int, tuple[frozenset[str], ...]], bool] = {}
    for table in catalog.root_tables:  # callers reach a partition through its parent; what stands on it is a second lock
        if not table.row_security or (table.schema != "public" and catalog.is_exposed(table.schema) is False):
            continue
        policies = catalog.policies_of(table)
        if not policies:
            continue  # nobody gets in at all: the rule about tables without a policy says so
        doors = catalog.doors_of(policies)
        held = tuple([catalog.privileges_of(role, table) for role in clients])
        agree = agreeing.get((id(doors), held))
        if agree is None:
            agree = agreeing[id(doors), held] = _agree(catalog, policies, doors, dict(zip(clients, held, strict=True)))
        if agree:
            yield PASSED
            continue
        idle = [p.name for p in policies if p.permissive and _is_idle(catalog, table, p)]
        shut = {role: missing for role in clients if (missing := _without_policy(catalog.commands_open_to(role, table), doors, role))}
        if not idle and not shut:
            yield PASSED
            continue
        parts = [f"no role of policy {name} is granted what it is for" for name in idle]
        parts += [f"{role} may {', '.join(commands)} by grant, and no policy lets it" for role, commands in shut.items()]
        yield failed(
            identity_of(table),
            f"grants and policies of {identity_of(table)} do not agree: {'; '.join(parts)}",
            policies_without_grant=idle,
            grants_without_policy=shut,
        )


def _agree(catalog: Catalog, policies: tuple[Policy, ...], doors: Doors, held: dict[str, frozenset[str]]) -> bool:
    """Surely so, going by client roles alone: each grant has a policy, and each policy a grant."""
    if any(not (privileges & ANY_COMMAND) <= doors.open[role] for role, privileges in held.items()):
        return False
    concerned = ((_commands(p), catalog.clients_of(p)) for p in policies if p.permissive)
    return all(not roles or any(not wanted.isdisjoint(held[role]) for role in roles) for wanted, roles in concerned)


def _commands(policy: Policy) -> frozenset[str]:
    return ANY_COMMAND if policy.command == "ALL" else _ONE_COMMAND[policy.command]


_ONE_COMMAND = {command: frozenset({command}) for command in COMMANDS}


def _is_idle(catalog: Catalog, table: Relation, policy: Policy) -> bool:
    """The policy is for client roles, and nobody whom it concerns is granted any of its commands."""
    clients, wanted = catalog.clients_of(policy), _commands(policy)
    if not clients or any(not wanted.isdisjoint(catalog.privileges_of(role, table)) for role in clients):
        return False
    return not any(
        not wanted.isdisjoint(catalog.privileges_of(role.name, table))
        for role in catalog.snapshot.roles
        if not catalog.acts_as(role.name).isdisjoint(policy.roles) and not catalog.bypasses_policies_of(role.name, table)
    )


def _without_policy(open_to_it: tuple[str, ...], doors: Doors, role: str) -> list[str]:
    """Commands that `role` may run and for which no permissive policy lets it at any row."""
    return [c for c in open_to_it if c not in doors.open[role]]
