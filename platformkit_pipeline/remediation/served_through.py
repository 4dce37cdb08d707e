"""What reads a relation with its caller's rights, and would break without the caller's grant: then somebody may have meant the grant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.scope import object_of
from platformkit_pipeline.rules.database.catalog import ANY_COMMAND, AUTH_USERS, Catalog


def served_through(catalog: Catalog, relation: Relation) -> tuple[str, ...]:
    """Identities of policies, invoker views and invoker functions that name the relation and that client roles may use.

    A view over the accounts is closed whatever views lie over it: those show the accounts as well.
    """
    shows_accounts = AUTH_USERS in catalog.view_rights.reads.get((relation.schema, relation.name), ())
    return (*_policies_and_functions(catalog, relation), *(() if shows_accounts else _views(catalog, relation)))


def _policies_and_functions(catalog: Catalog, relation: Relation) -> Iterator[str]:
    word = re.compile(rf"(?<![\w$]){re.escape(relation.name)}(?![\w$])", re.IGNORECASE)
    for policy in catalog.snapshot.policies:
        if word.search(f"{policy.using} {policy.with_check}"):
            yield object_of(policy)
    for function in catalog.functions:
        named = not function.security_definer and word.search(function.sql_body or function.body or "")
        if named and any(catalog.may_execute(role, function) for role in catalog.client_roles):
            yield object_of(function)


def _views(catalog: Catalog, relation: Relation) -> Iterator[str]:
    name = (relation.schema, relation.name)
    for view, read in catalog.view_rights.reads.items():
        found = catalog.relations.get(view)
        if name in read and found is not None and catalog.view_rights.is_invoker(found) and catalog.clients_holding(found, ANY_COMMAND):
            yield object_of(found)
