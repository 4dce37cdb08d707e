"""Which of our rules speak of the same fault as a peer's lint.

The names of splinter stand in the rules themselves (`references="splinter:..."`); `more_than_references` adds what is not a
one-to-one matter. Lints without a counterpart are listed with the reason, so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from platformkit_pipeline.rules.registry import Rule
from tools.oracle.peers import PGRLS, SPLINTER

Lint = tuple[str, str]
"""(peer, lint)."""

MORE: Mapping[Lint, frozenset[str]] = {
    (SPLINTER, "unindexed_foreign_keys"): frozenset({"FKY003"}),
    (SPLINTER, "auth_users_exposed"): frozenset({"API001"}),
    (SPLINTER, "auth_rls_initplan"): frozenset({"RLS010"}),
    (SPLINTER, "no_primary_key"): frozenset({"KEY001"}),
    (SPLINTER, "unused_index"): frozenset({"IDX004"}),
    (SPLINTER, "multiple_permissive_policies"): frozenset({"RLS011"}),
    (SPLINTER, "policy_exists_rls_disabled"): frozenset({"RLS002"}),
    (SPLINTER, "rls_enabled_no_policy"): frozenset({"RLS003"}),
    (SPLINTER, "duplicate_index"): frozenset({"IDX003"}),
    (SPLINTER, "security_definer_view"): frozenset({"RLS007"}),
    (SPLINTER, "function_search_path_mutable"): frozenset({"FUN001", "FUN002"}),
    (SPLINTER, "rls_disabled_in_public"): frozenset({"RLS001"}),
    (SPLINTER, "extension_in_public"): frozenset({"EXT001"}),
    (SPLINTER, "rls_references_user_metadata"): frozenset({"RLS006"}),
    (SPLINTER, "materialized_view_in_api"): frozenset({"RLS008"}),
    (SPLINTER, "foreign_table_in_api"): frozenset({"RLS009"}),
    (SPLINTER, "unsupported_reg_types"): frozenset({"TYP001"}),
    (SPLINTER, "insecure_queue_exposed_in_api"): frozenset({"API006"}),
    (SPLINTER, "table_bloat"): frozenset({"PRF004"}),
    (SPLINTER, "fkey_to_auth_unique"): frozenset({"FKY005"}),
    (SPLINTER, "extension_versions_outdated"): frozenset({"EXT002"}),
    (SPLINTER, "sensitive_columns_exposed"): frozenset({"API002"}),
    (SPLINTER, "rls_policy_always_true"): frozenset({"RLS004", "RLS012"}),
    (SPLINTER, "public_bucket_allows_listing"): frozenset({"API003"}),
    (SPLINTER, "pg_graphql_anon_table_exposed"): frozenset({"API004"}),
    (SPLINTER, "pg_graphql_authenticated_table_exposed"): frozenset({"API005"}),
    (SPLINTER, "anon_security_definer_function_executable"): frozenset({"FUN005"}),
    (SPLINTER, "authenticated_security_definer_function_executable"): frozenset({"FUN006"}),
    (PGRLS, "SEC001"): frozenset({"RLS001"}),
    (PGRLS, "SEC004"): frozenset({"RLS016"}),
    (PGRLS, "SEC008"): frozenset({"RLS004", "RLS005"}),
    (PGRLS, "SEC009"): frozenset({"RLS003"}),
    (PGRLS, "SEC011"): frozenset({"RLS004", "RLS005", "RLS016"}),
    (PGRLS, "SEC014"): frozenset({"FUN004", "FUN005", "FUN006", "FUN007"}),
    (PGRLS, "SEC015"): frozenset({"FUN001", "FUN003"}),
    (PGRLS, "SEC016"): frozenset({"RLS014"}),
    (PGRLS, "SEC020"): frozenset({"RLS004", "RLS012"}),
    (PGRLS, "SEC028"): frozenset({"RLS004"}),
    (PGRLS, "SEC029"): frozenset({"RLS014"}),
    (PGRLS, "SEC030"): frozenset({"TEN002"}),
    (PGRLS, "SEC032"): frozenset({"RLS002"}),
    (PGRLS, "SEC033"): frozenset({"RLS006"}),
    (PGRLS, "SEC038"): frozenset({"RLS004", "RLS005", "RLS016", "TEN003"}),
    (PGRLS, "SEC039"): frozenset({"RLS004", "TEN003"}),
    (PGRLS, "SEC040"): frozenset({"RLS012", "TEN003"}),
    (PGRLS, "SEC041"): frozenset({"RLS017"}),
    (PGRLS, "SEC042"): frozenset({"FUN005"}),
    (PGRLS, "SEC043"): frozenset({"RLS017"}),
    (PGRLS, "SEC044"): frozenset({"API007"}),
    (PGRLS, "SEC045"): frozenset({"API002"}),
    (PGRLS, "SEC047"): frozenset({"TEN004"}),
    (PGRLS, "SEC048"): frozenset({"RLS015", "TEN003"}),
    (PGRLS, "SEC052"): frozenset({"API001"}),
    (PGRLS, "SEC053"): frozenset({"RLS009"}),
    (PGRLS, "SEC054"): frozenset({"RLS008"}),
    (PGRLS, "PERF001"): frozenset({"RLS010"}),
    (PGRLS, "PERF003"): frozenset({"IDX001"}),
    (PGRLS, "VIEW001"): frozenset({"RLS007"}),
}

WITHOUT_COUNTERPART: Mapping[Lint, str] = {
    (PGRLS, "SEC002"): "FORCE on every table. Here it matters where the owner is a login role in use, which RLS015 says; owners that hold "
    "BYPASSRLS are not bound by FORCE either.",
    (PGRLS, "SEC003"): "`TO public` says nothing about rows. Who gets in is decided by the condition and the grants, which RLS004, RLS005 "
    "and TEN003 judge for every client role that PUBLIC contains.",
    (PGRLS, "SEC005"): "A condition without a column of the table admits all rows or none. TEN003 reports that on tenant tables as not "
    "confined; on other tables it is a legitimate gate (a role, a feature).",
    (PGRLS, "SEC006"): "Without WITH CHECK PostgreSQL applies USING to new rows, so nothing is missing.",
    (PGRLS, "SEC007"): "A style: permissive policies alone are no fault.",
    (PGRLS, "SEC010"): "A policy that is always false lets nobody in; that is safe.",
    (PGRLS, "SEC012"): "Only restrictive policies let nobody in; that is safe.",
    (PGRLS, "SEC013"): "Every trigger on a table with row level security, also one that stamps updated_at. A list to read, not a finding.",
    (PGRLS, "SEC017"): "Only superusers can make a function LEAKPROOF; hosted projects have none.",
    (PGRLS, "SEC018"): "Comparison with current_user: TEN003 reports it on tenant tables, because it is not the caller's tenant.",
    (PGRLS, "SEC019"): "current_setting() without missing_ok fails closed, with an error.",
    (PGRLS, "SEC021"): "A literal in a policy: TEN003 reports it on tenant tables.",
    (
        PGRLS,
        "SEC022",
    ): "A table that clients only read is a design, not a fault. A grant without a policy is RLS018.",
    (PGRLS, "SEC023"): "A policy for a role that bypasses policies is without effect and without harm.",
    (PGRLS, "SEC024"): "current_setting() of an unqualified name fails in the first test.",
    (PGRLS, "SEC025"): "The table without row level security is reported itself, by RLS001.",
    (PGRLS, "SEC026"): "Pattern matching against a claim: TEN003 accepts equality only, and reports it on tenant tables.",
    (PGRLS, "SEC027"): "A column named like a principal that no policy uses: a guess from names. Tenancy is judged by TEN003.",
    (PGRLS, "SEC031"): "A restrictive policy that is always true changes nothing; what it fails to restrict is judged by RLS004 to TEN003.",
    (PGRLS, "SEC034"): "auth.email(): a weaker identity, to be seen by a person. TEN003 does not accept it as a tenant.",
    (
        PGRLS,
        "SEC035",
    ): "A unique key without the tenant tells that a value exists elsewhere. It sees more than we do.",
    (PGRLS, "SEC036"): "EXISTS over auth.users without the caller: TEN003 on tenant tables.",
    (PGRLS, "SEC037"): "An unknown role name in a comparison lets nobody in.",
    (PGRLS, "SEC046"): "A function marked IMMUTABLE that reads the session. It sees more than we do.",
    (
        PGRLS,
        "SEC049",
    ): "Every table that a client role may read, protected or not. RLS001 to RLS005 say which of them are open.",
    (PGRLS, "SEC050"): "A storage policy without a bucket: API003 judges public buckets only. It sees more than we do.",
    (PGRLS, "SEC051"): "The table is reported by RLS001, whether or not realtime publishes it.",
    (PGRLS, "SEC055"): "A style of the schema that it compares with itself.",
    (
        PGRLS,
        "PERF002",
    ): "A VOLATILE function in a policy runs per row: RLS010 for those of auth; others a person has to read.",
    (PGRLS, "PERF004"): "A function around a column defeats a plain index. IDX001 asks for the index that the condition can use.",
    (PGRLS, "PERF005"): "Sequential scans seen in production: PRF003, from the statements that were slow.",
    (PGRLS, "HYG001"): "PostgreSQL refuses a policy with a column that does not exist.",
    (PGRLS, "HYG002"): "Names of policies are free.",
    (PGRLS, "HYG003"): "The same policy twice is RLS011 where both apply.",
    (PGRLS, "HYG004"): "Tests of policies: the behaviour contracts of parity.",
    (PGRLS, "VIEW002"): "security_barrier matters for views that hide rows by their own WHERE from callers who may not read the table. "
    "An invoker view hides nothing that the table's policies do not.",
    (PGRLS, "VIEW003"): "Every materialized view over protected tables. RLS008 reports those that client roles can reach.",
    (PGRLS, "VIEW004"): "A view that calls a definer function: the function is judged by FUN001 to FUN008.",
}


def counterparts(rules: Iterable[Rule]) -> dict[Lint, frozenset[str]]:
    """Lint → our codes, as far as the book has them."""
    book = {rule.code: rule for rule in rules}
    found: dict[Lint, set[str]] = {lint: set(codes & book.keys()) for lint, codes in MORE.items()}
    for rule in book.values():
        for reference in rule.references:
            peer, _, name = reference.partition(":")
            if peer in (SPLINTER, PGRLS):
                found.setdefault((peer, name), set()).add(rule.code)
    return {lint: frozenset(codes) for lint, codes in found.items() if codes}
