"""What a person does about keys, types, secrets and owners that log in: KEY001, TYP001, SEC010 and RLS015."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Relation
from platformkit_pipeline.remediation.object_names import fitting_name
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

_READ = "select decrypted_secret from vault.decrypted_secrets where name = '<name>'"


def add_primary_key(catalog: Catalog, finding: Result) -> Proposal:
    """KEY001: from a unique index that is there, from the column id, or with a new column."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    return ByHand("what names a row is a decision, and that no value is there twice depends on the rows", tuple(_key_steps(catalog, table)))


def _key_steps(catalog: Catalog, table: Relation) -> Iterator[str]:
    name, columns = qualified(table.schema, table.name), catalog.columns_by_name(table)
    constraint = identifier(fitting_name(table.name, suffix="pkey"))
    if table.partition_key is not None:
        yield f"It has to contain those of the partition key ({table.partition_key}): `alter table {name} add primary key (<columns>)`"
        return
    for index in catalog.indexes_of(table):
        keys = [columns[c] for c in index.key_columns if c is not None]
        whole = len(keys) == len(index.key_columns) and all(c.not_null for c in keys) and not index.included_columns
        if index.unique and index.valid and index.predicate is None and index.constraint is None and whole:
            yield (
                f"If {', '.join(c.name for c in keys)} names a row, the index is there already: `alter table {name} add constraint "
                f"{constraint} primary key using index {identifier(index.name)}`"
            )
            return
    if "id" in columns:
        yield f"Look for values that are there twice, or missing: `select id from {name} group by id having count(*) > 1 or id is null`"  # noqa: S608 - a text for people, names are quoted
        yield f"`create unique index concurrently {constraint} on {name} (id)`, outside a transaction block."
        yield f"`alter table {name} add constraint {constraint} primary key using index {constraint}`: reads all rows if id may be NULL."
    else:
        yield f"`alter table {name} add column id uuid default gen_random_uuid() primary key`: rewrites the table, and locks it meanwhile."


def keep_as_text(catalog: Catalog, finding: Result) -> Proposal:
    """TYP001: what reads the column has to learn of the cast."""
    schema, relation, column = finding.object.schema or "", finding.object.name, dict(finding.object.detail)["column"]
    name, quoted, type_name = qualified(schema, relation), identifier(column), str(finding.evidence["type"])
    kind = catalog.relations[(schema, relation)].kind.value
    steps: tuple[str, ...]
    if kind == "materialized_view":
        steps = (f"Create the materialized view anew with `{quoted}::text`, and what depends on it.",)
    else:
        target = "text[]" if type_name.endswith("[]") else "text"
        rewritten = "rewrites the table, and locks it meanwhile."
        steps = (
            f"`alter table {name} alter column {quoted} drop default`",
            f"`alter table {name} alter column {quoted} type {target} using {quoted}::{target}`: {rewritten}",
            f"Cast where it is used: `{quoted}::{type_name}`; set the default again, if there was one, as text.",
        )
    return ByHand("queries and functions that use the column have to be changed with it", steps)


def take_secret_out(_catalog: Catalog, finding: Result) -> Proposal:
    """SEC010: the secret is lost first, because it has been readable; taking it out alone mends nothing."""
    what = f"{finding.object.kind} {finding.object}"
    return ByHand(
        "only who issued the secret can make it invalid, and the definition that needs it has to be written anew",
        (
            f"Make the secret in {what} invalid where it was issued, and issue a new one. It has been readable: that comes first.",
            "In a session whose statements are not logged (`set log_statement = 'none'` takes a superuser: use the dashboard of Vault "
            "otherwise): `select vault.create_secret('<new secret>', '<name>')`",
            f"Write {what} anew, so that it reads the secret when it runs: `{_READ}`. A default, a comment or a view must hold none.",
            "Look for the old text in the migrations of the repository and in its history (`git log -S '<first characters>'`), in "
            "supabase_migrations.schema_migrations, in dumps and in logs.",
        ),
    )


def force_row_level_security(catalog: Catalog, finding: Result) -> Proposal:
    """RLS015: what the owner sees afterwards is decided by the policies that apply to it."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name, names = qualified(table.schema, table.name), catalog.acts_as(table.owner) | {PUBLIC}
    applying = [p.name for p in catalog.policies_of(table) if not names.isdisjoint(p.roles)]
    sees = f"only what these policies show: {', '.join(applying)}" if applying else "no row at all, because no policy applies to it"
    return ByHand(
        f"{table.owner} logs in and owns the table; once row level security is forced, it sees {sees}",
        (
            f"Look at what {table.owner} does: migrations and jobs over all rows, or work for one caller at a time?",
            f"Work for callers: `alter table {name} force row level security`, as {table.owner}, with policies that let its work through.",
            f"Else let the application log in as another role: `create role <application> login noinherit`, "
            f"`grant select, insert, update, delete on table {name} to <application>`, and policies for it.",
        ),
    )
