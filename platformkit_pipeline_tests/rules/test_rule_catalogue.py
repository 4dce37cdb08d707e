"""The catalogue of rules about databases, written down a second time: no code is missing, none changed its severity.

Codes never change meaning and are never reused, so this list only grows.
"""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import Scope, find_rule, rules_for

CATALOGUE = """
RLS001 critical rls-disabled
RLS002 critical policies-without-rls
RLS003 low      rls-without-policy
RLS004 critical allow-all-write
RLS005 high     allow-all-read
RLS006 critical policy-trusts-user-metadata
RLS007 high     view-bypasses-rls
RLS008 high     materialized-view-exposed
RLS009 high     foreign-table-exposed
RLS010 medium   policy-reevaluated-per-row
RLS011 low      multiple-permissive-policies
RLS012 high     update-escapes-check
RLS013 high     client-truncate
RLS014 high     role-bypasses-rls
RLS015 info     rls-not-forced
RLS016 critical null-claim-opens
RLS017 critical partition-bypasses-rls
RLS018 info     policy-without-grant
RLS019 high     policy-recursion
API001 critical auth-users-exposed
API002 critical sensitive-columns-exposed
API003 medium   public-bucket-listing
API004 low      graphql-anon-exposed
API005 low      graphql-authenticated-exposed
API006 critical queue-exposed
API007 medium   default-privileges-open
FUN001 critical definer-search-path-mutable
FUN002 low      function-search-path-mutable
FUN003 high     definer-search-path-unsafe
FUN004 medium   definer-unjustified
FUN005 high     definer-callable-by-anon
FUN006 medium   definer-callable-by-authenticated
FUN007 medium   definer-owner-too-powerful
FUN008 high     dynamic-sql-unquoted
EXT001 high     extension-in-public
EXT002 info     extension-outdated
SEC010 critical secret-in-database
TEN001 high     tenant-column-missing
TEN002 high     tenant-column-type
TEN003 critical tenant-policy-missing
TEN004 medium   tenant-foreign-key-crosses
TEN005 critical cross-tenant-access
FKY001 medium   soft-foreign-key
FKY002 medium   cascade-not-explicit
FKY003 medium   foreign-key-not-indexed
FKY004 medium   foreign-key-not-validated
FKY005 high     foreign-key-into-managed-schema
AUD001 medium   timestamps-missing
AUD002 low      timestamp-type
AUD003 medium   actor-columns-missing
AUD004 high     audit-trigger-missing
AUD005 low      updated-at-not-maintained
AUD006 critical audit-log-mutable
KEY001 medium   primary-key-missing
TYP001 low      unsupported-reg-type
PRF001 medium   slow-query
PRF002 high     endpoint-over-budget
PRF003 medium   table-scan-in-slow-query
PRF004 low      table-bloat
IDX001 medium   policy-column-not-indexed
IDX002 low      filter-column-not-indexed
IDX003 low      duplicate-index
IDX004 info     unused-index
IDX005 medium   invalid-index
"""

RULES = [(code, Severity(severity), name) for code, severity, name in (line.split() for line in CATALOGUE.split("\n") if line)]


@pytest.mark.parametrize(("code", "severity", "name"), RULES, ids=[code for code, _, _ in RULES])
def test_every_rule_of_the_catalogue_is_registered_as_it_says(code: str, severity: Severity, name: str) -> None:
    rule = find_rule(code)
    assert rule is not None
    assert (rule.severity, rule.name) == (severity, name)


def test_no_rule_is_registered_that_the_catalogue_does_not_know() -> None:
    assert {r.code for r in rules_for(Scope.PROJECT)} <= {code for code, _, _ in RULES}
