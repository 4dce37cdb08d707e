"""What is said about secrets, keys in client code, committed environments and suppressions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.secrets import COMMIT_MESSAGE, ClientKey, EnvironmentFile, Secret, SecretHook, Unsearched
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.suppressions import Suppression
from platformkit_pipeline.model.repository.tree import Head
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import rules_about_repositories

COMMIT = "a" * 40
NOTHING = RepositorySnapshot(Head(COMMIT, "main"), secret_hooks=(SecretHook(".pre-commit-config.yaml", "kingfisher"),))
TOKEN = Secret("deploy.sh", "supabase-access-token", "d1", "a personal access token of Supabase", line=3, commit=COMMIT)
SERVICE = Secret("server/admin.ts", "service-role-key", "d2", "a JWT", line=1, commit=COMMIT, role="service_role")
MISSING = Unobserved(RepositoryFacet.SECRETS, "kingfisher is not installed")


def judged(snapshot: RepositorySnapshot, code: str) -> list[Result]:
    rules = [rule for rule in rules_about_repositories() if rule.code == code]
    assert rules
    return list(evaluate_repository(snapshot, rules, date(2026, 2, 1)))


def told(snapshot: RepositorySnapshot, code: str) -> list[tuple[str, Outcome]]:
    return [(str(result.object), result.outcome) for result in judged(snapshot, code)]


def test_a_secret_in_the_tree_is_critical_and_told_by_place_and_digest() -> None:
    [result] = judged(replace(NOTHING, secrets=(TOKEN,)), "SEC001")
    assert (result.severity, result.outcome) == (Severity.CRITICAL, Outcome.FAIL)
    assert str(result.object) == "deploy.sh [supabase-access-token, d1]"
    assert dict(result.evidence) == {"kind": "supabase-access-token", "digest": "d1", "line": 3, "commit": COMMIT}
    assert told(replace(NOTHING, secrets=(TOKEN,)), "SEC002") == [("repository", Outcome.PASS)]


def test_a_secret_of_the_history_is_told_unless_it_still_stands_in_the_tree() -> None:
    old = replace(TOKEN, path="old.sh", in_tree=False)
    said = replace(TOKEN, path=COMMIT_MESSAGE, in_tree=False, digest="d9")
    both = replace(NOTHING, secrets=(said, TOKEN, old))
    assert told(both, "SEC001") == [("deploy.sh [supabase-access-token, d1]", Outcome.FAIL)]
    assert told(both, "SEC002") == [("(commit message) [supabase-access-token, d9]", Outcome.FAIL)]
    [result] = judged(replace(NOTHING, secrets=(old,)), "SEC002")
    assert (str(result.object), result.severity) == ("old.sh [supabase-access-token, d1]", Severity.CRITICAL)
    assert "line" not in result.evidence


def test_public_keys_are_no_findings() -> None:
    anon = Secret("web/a.ts", "supabase-anon-key", "d3", role="anon", public=True)
    for code in ("SEC001", "SEC002", "SEC003"):
        assert told(replace(NOTHING, secrets=(anon,)), code) == [("repository", Outcome.PASS)]


def test_what_was_not_searched_as_a_whole_is_unknown_beside_what_was_found() -> None:
    snapshot = replace(NOTHING, secrets=(TOKEN,), unobserved=(MISSING,))
    assert set(told(snapshot, "SEC001")) == {("deploy.sh [supabase-access-token, d1]", Outcome.FAIL), ("repository", Outcome.UNKNOWN)}
    assert told(replace(NOTHING, unobserved=(MISSING,)), "SEC001") == [("repository", Outcome.UNKNOWN)]
    assert told(replace(NOTHING, unobserved=(MISSING,)), "SEC003") == [("repository", Outcome.UNKNOWN)]
    history = Unobserved(RepositoryFacet.SECRET_HISTORY, "the clone is shallow")
    assert told(replace(NOTHING, unobserved=(history,)), "SEC002") == [("repository", Outcome.UNKNOWN)]
    assert told(replace(NOTHING, unobserved=(history,)), "SEC001") == [("repository", Outcome.PASS)]


def test_a_content_that_was_not_searched_is_unknown_by_its_path() -> None:
    left_out = (Unsearched("big.bin", True, "is too large"), Unsearched("old.bin", False, "is too large"))
    assert told(replace(NOTHING, unsearched=left_out), "SEC001") == [("big.bin", Outcome.UNKNOWN)]
    assert told(replace(NOTHING, unsearched=left_out), "SEC002") == [("old.bin [history]", Outcome.UNKNOWN)]


def test_a_key_that_bypasses_row_level_security_is_told_where_code_reaches_the_client() -> None:
    declared = replace(NOTHING, declarations=RepositoryDeclarations(client_paths=("/app/",)))
    cases = {
        "server/admin.ts": Outcome.PASS,
        "web/components/orders.tsx": Outcome.FAIL,
        "public/config.js": Outcome.FAIL,
        "app/keys.ts": Outcome.FAIL,
    }
    for path, outcome in cases.items():
        [result] = judged(replace(declared, secrets=(replace(SERVICE, path=path),)), "SEC003")
        assert (path, result.outcome) == (path, outcome)
    named = replace(SERVICE, client_variable="NEXT_PUBLIC_KEY")
    assert [r.outcome for r in judged(replace(NOTHING, secrets=(named,)), "SEC003")] == [Outcome.FAIL]
    assert [r.outcome for r in judged(replace(NOTHING, secrets=(replace(named, in_tree=False),)), "SEC003")] == [Outcome.PASS]


def test_the_name_of_such_a_key_is_told_where_it_reaches_the_client() -> None:
    server = ClientKey("app/orders.ts", "SERVICE_ROLE_KEY", 1)
    assert told(replace(NOTHING, client_keys=(server,)), "SEC003") == [("repository", Outcome.PASS)]
    for key in (replace(server, public_variable=True), replace(server, says_so=True)):
        assert told(replace(NOTHING, client_keys=(key,)), "SEC003") == [("app/orders.ts [SERVICE_ROLE_KEY]", Outcome.FAIL)]
    declared = RepositoryDeclarations(client_paths=("/app/",))
    assert [r.outcome for r in judged(replace(NOTHING, client_keys=(server,), declarations=declared), "SEC003")] == [Outcome.FAIL]


def test_an_environment_file_is_told_when_it_gives_a_value() -> None:
    files = (EnvironmentFile("a.env", filled=2), EnvironmentFile("b.env"), EnvironmentFile("c.env", fault="is no UTF-8 text"))
    outcomes = told(replace(NOTHING, environment_files=files), "SEC004")
    assert set(outcomes) == {("a.env", Outcome.FAIL), ("c.env", Outcome.UNKNOWN), ("repository", Outcome.PASS)}


def test_a_hook_that_cannot_be_read_is_unknown_and_none_is_a_finding() -> None:
    assert told(NOTHING, "SEC005") == [("repository", Outcome.PASS)]
    assert told(replace(NOTHING, secret_hooks=()), "SEC005") == [("secret hook", Outcome.FAIL)]
    fault = Unobserved(RepositoryFacet.SECRET_HOOKS, "lefthook.yml cannot be understood")
    assert [r.outcome for r in judged(replace(NOTHING, secret_hooks=(), unobserved=(fault,)), "SEC005")] == [Outcome.UNKNOWN]


def test_suppressions_are_told_once_per_file_and_tool_and_those_with_a_reason_are_not_scored() -> None:
    snapshot = replace(
        NOTHING,
        suppressions=(
            Suppression("a.py", "mypy", 1, 9),
            Suppression("a.py", "noqa", 1, 3, ("S105",)),
            Suppression("a.py", "noqa", 2, 5, ("S608",), explained=True),
            Suppression("a.py", "noqa", 3, 7, ("S105", "E501")),
        ),
    )
    by_tool = {str(r.object): r for r in judged(snapshot, "SUP001")}
    assert list(by_tool) == ["a.py [mypy]", "a.py [noqa]"]
    assert dict(by_tool["a.py [noqa]"].evidence) == {"line": 3, "lines": [3, 7], "tool": "noqa", "rules": ["E501", "S105"]}
    assert {r.severity for r in by_tool.values()} == {Severity.MEDIUM}
    [explained] = judged(snapshot, "SUP002")
    assert (str(explained.object), explained.severity, explained.evidence["lines"]) == ("a.py [noqa]", Severity.INFO, [5])
    assert compliance_score([explained]).raw == compliance_score([]).raw
