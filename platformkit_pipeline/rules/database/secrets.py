"""Secrets written into the database's own definitions: clause 1.1.

The observation takes every secret out of a text before anybody keeps it and leaves a marker that says of which kind it was.
This rule reports the markers, so that it cannot give away what it has never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

from platformkit_pipeline.model.identity import (
    ObjectIdentity,
    database_identity,
    function_identity,
    member_identity,
    relation_identity,
    schema_identity,
)
from platformkit_pipeline.model.managed_schemas import is_system
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Snapshot
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Passes, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.secrets import MARKER, masked_value, names_a_secret, secrets_in

_Text = tuple[str, str | None]
"""Where in the object it stands, and the text."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of object that carries texts."""

    records: Callable[[Snapshot], Sequence[Any]]
    texts: Callable[[Any], tuple[str | None, ...]]
    places: tuple[str, ...]
    """What each of the texts is, in the same order."""
    identity: Callable[[Any], ObjectIdentity]


def _member(kind: str) -> Callable[[Any], ObjectIdentity]:
    return lambda record: member_identity(kind, record.schema, record.relation, record.name)


_KINDS = (
    _Kind(
        lambda s: s.functions,
        attrgetter("body", "definition", "comment"),
        ("body", "definition", "comment"),
        lambda f: function_identity(f.schema, f.name, f.arguments),
    ),
    _Kind(
        lambda s: [r for r in s.relations if r.definition is not None or r.comment is not None],
        attrgetter("definition", "comment"),
        ("definition", "comment"),
        identity_of,
    ),
    _Kind(
        lambda s: [c for c in s.columns if c.default is not None or c.comment is not None],
        attrgetter("default", "comment"),
        ("default", "comment"),
        _member("column"),
    ),
    _Kind(lambda s: s.constraints, attrgetter("definition", "comment"), ("definition", "comment"), _member("constraint")),
    _Kind(lambda s: s.indexes, attrgetter("definition", "comment"), ("definition", "comment"), _member("index")),
    _Kind(lambda s: s.policies, attrgetter("using", "with_check", "comment"), ("USING", "WITH CHECK", "comment"), _member("policy")),
    _Kind(lambda s: s.triggers, attrgetter("definition", "comment"), ("definition", "comment"), _member("trigger")),
    _Kind(
        lambda s: [t for t in s.types if t.definition is not None or t.comment is not None],
        attrgetter("definition", "comment"),
        ("definition", "comment"),
        lambda t: relation_identity("type", t.schema, t.name),
    ),
    _Kind(
        lambda s: [n for n in s.schemas if n.comment is not None],
        lambda n: (n.comment,),
        ("comment",),
        lambda n: schema_identity(n.name),
    ),
)

_BESIDES = (CatalogKind.CRON_JOBS, CatalogKind.DATABASE_SETTINGS, CatalogKind.FOREIGN_SERVERS, CatalogKind.ROLES)
"""What the rule does without where it is not to be read, and says so."""


@rule(
    "SEC010",
    "secret-in-database",
    clause="1.1",
    severity=Severity.CRITICAL,
    family=Family.SECRETS,
    title="Secret in a definition of the database",
    why=(
        "Function bodies, view definitions, defaults, policies, triggers, comments and the settings of a database can be read by every "
        "role that can connect, and most of them stand in every dump, migration and schema diff. The keys of Supabase are told apart by "
        "decoding them: publishable keys and JWTs of role anon are public by design and pass, and so do the demo keys that every local "
        "stack shares. Other literals are secrets by what they are given to, named as, or compared with. The secret itself is taken out "
        "of the text while it is read: reports and the inventory say of which kind it is, never what it is."
    ),
    how_to_fix=(
        "Make the secret invalid where it was issued, because it has been readable. Put the new one into Supabase Vault "
        "(`select vault.create_secret(...)`, from a session whose statements are not logged) and read it where it is needed: "
        "`select decrypted_secret from vault.decrypted_secrets where name = ...`. A server's migrations and dumps keep the old text: "
        "look there as well."
    ),
    references=("cwe:798", "cwe:312"),
    requires=(
        CatalogKind.FUNCTIONS,
        CatalogKind.RELATIONS,
        CatalogKind.COLUMNS,
        CatalogKind.CONSTRAINTS,
        CatalogKind.INDEXES,
        CatalogKind.POLICIES,
        CatalogKind.TRIGGERS,
        CatalogKind.TYPES,
        CatalogKind.SCHEMAS,
    ),
    violating="""
create function public.mail_account() returns jsonb language sql set search_path = '' as $f$
  select jsonb_build_object('user', 'robot', 'password', 'summer2024')
$f$;
""",
    clean="""
create function public.mail_account() returns jsonb language sql set search_path = '' as $f$
  select jsonb_build_object('user', 'robot', 'password', decrypted_secret)
  from vault.decrypted_secrets where name = 'mail_password'
$f$;
""",
)
def secret_in_database(catalog: Catalog) -> Verdicts:
    snapshot = catalog.snapshot
    for kind in _KINDS:
        read, records = kind.texts, kind.records(snapshot)
        if MARKER not in "\0".join(filter(None, chain.from_iterable(map(read, records)))):  # one search through all texts
            yield Passes(len(records))  # nearly always
            continue
        for record in records:
            texts = read(record)
            if not any(text is not None and MARKER in text for text in texts):
                yield PASSED
            elif _is_ours(record, catalog):
                yield _verdict(kind.identity(record), zip(kind.places, texts, strict=True))
    yield from _options_and_commands(snapshot)
    unseen = catalog.unobserved_among(_BESIDES)
    if unseen:
        yield unknown(database_identity(snapshot.server.database), f"what may hold secrets as well could not be observed: {unseen}")


def _is_ours(record: Any, catalog: Catalog) -> bool:
    """Not written by an extension; its members are owned by the extension through their relation."""
    owner = record if hasattr(record, "extension") else catalog.relations.get((record.schema, record.relation))
    schema = getattr(record, "schema", None) or record.name
    return not is_system(schema) and (owner is None or owner.extension is None)


def _verdict(identity: ObjectIdentity, texts: Iterable[_Text]) -> Verdict:
    uses = list(_uses(texts))
    what = ", ".join(dict.fromkeys(str(use["what"]) for use in uses))
    where = ", ".join(dict.fromkeys(f"{use['where']} line {use['line']}" for use in uses))
    return failed(identity, f"{identity.canonical} contains {what} ({where})", secrets=uses)


def _uses(texts: Iterable[_Text]) -> Iterator[dict[str, Any]]:
    """A body stands in the definition as well: it is looked at first, and then not again."""
    in_body = False
    for place, text in texts:
        if text is None or MARKER not in text or (in_body and place == "definition"):
            continue
        in_body = in_body or place == "body"
        for use in secrets_in(text):
            yield {"kind": use.kind, "what": use.description, "where": place, "line": use.line}


def _options_and_commands(snapshot: Snapshot) -> Verdicts:
    """What is named by a word of its own: settings of the database and of roles, commands of jobs, options of foreign servers."""
    for database in snapshot.database_settings:
        yield _judged(database_identity(database.name), list(_named("setting {}", database.settings)))
    for role in snapshot.roles:
        if role.settings:
            yield _judged(ObjectIdentity("role", None, role.name), list(_named("setting {}", role.settings)))
    for job in snapshot.cron_jobs:
        yield _judged(ObjectIdentity("cron_job", None, job.name, (("user", job.username),)), [("command", job.command)])
    for server in snapshot.foreign_servers:
        identity = ObjectIdentity("foreign_server", None, server.name)
        texts = list(_named("option {}", server.options))
        for mapping in server.user_mappings:
            texts += _named("option {} of the user mapping for " + mapping.user, mapping.options)
        verdict = _judged(identity, texts)
        hidden = [m.user for m in server.user_mappings if not m.options_visible]
        if verdict is None and hidden:
            verdict = unknown(
                identity, f"the observing role may not see the options of the user mappings of {identity}", user_mappings=hidden
            )
        yield verdict


_MASKED_BY_NAME = frozenset({"***", masked_value("password"), masked_value("named-secret")})
"""Whole values that the server masks for the sound of their names alone, before they travel: `password_required` as well."""


def _named(place: str, values: Iterable[tuple[str, str]]) -> Iterator[_Text]:
    for name, value in values:
        if value not in _MASKED_BY_NAME:
            yield place.replace("{}", name, 1), value
        elif names_a_secret(name):
            yield place.replace("{}", name, 1), masked_value("named-secret") if value == "***" else value


def _judged(identity: ObjectIdentity, texts: list[_Text]) -> Verdict | None:
    return _verdict(identity, texts) if any(text and MARKER in text for _, text in texts) else PASSED
