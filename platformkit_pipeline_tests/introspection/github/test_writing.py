"""Settings written on the stand-in: they hold and mean what they say, or the former ones are back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest

from platformkit_pipeline.introspection.github.answers import GithubUnavailable
from platformkit_pipeline.introspection.github.writing import RULESET_NAME, GithubWriter, SettingNotWritten
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.github_protection import SourceKind
from platformkit_pipeline.model.repository.github_setting import RequiredCheck, SettingKind, SettingUndo
from platformkit_pipeline.sandbox.github.faults import Fault
from platformkit_pipeline.sandbox.github.serve import TOKEN
from platformkit_pipeline.sandbox.github.state import READER, Protection, Repository, Reviews, Ruleset
from platformkit_pipeline_tests.introspection.github.conftest import Observer

GATE = (RequiredCheck("platformkit-gate", 15368), RequiredCheck("lint"))


@dataclass
class Writing:
    observer: Observer
    writer: GithubWriter
    kept: list[SettingUndo] = field(default_factory=list)

    @property
    def repository(self) -> Repository:
        return self.observer.repository

    def checks(self, *checks: RequiredCheck, by: SourceKind = SourceKind.RULESET) -> SettingUndo | None:
        return self.writer.set_required_checks("main", checks or GATE, self.kept.append, by=by)

    def security(self, **features: bool) -> SettingUndo | None:
        return self.writer.set_security(features, self.kept.append)

    def writes(self) -> list[str]:
        return [f"{a.method} {a.path}" for a in self.observer.github.asked if a.method != "GET"]


@pytest.fixture
def writing(observer: Observer) -> Iterator[Writing]:
    with observer.api() as api:
        yield Writing(observer, GithubWriter(api))


def full_protection() -> Protection:
    return Protection(
        [("test", None), ("lint", 15368)],
        strict=True,
        reviews=Reviews(2, code_owners=True, bypass_users=["bob"], bypass_apps=["merger"]),
        restricted_to=["alice"],
        linear_history=True,
        conversation_resolution=True,
        signatures=True,
    )


def demanded(writing: Writing) -> dict[str, int | None]:
    return {c.context: c.integration for c in writing.observer.observe().protection.required_contexts}


@pytest.mark.parametrize("by", list(SourceKind))
def test_named_checks_are_demanded_and_the_undo_takes_them_away(writing: Writing, by: SourceKind) -> None:
    before = deepcopy(writing.repository)
    undo = writing.checks(by=by)
    assert undo is not None
    assert demanded(writing) == {"platformkit-gate": 15368, "lint": None}
    assert writing.observer.observe().protection.bypass == ()
    writing.writer.restore(undo)
    assert writing.repository == before
    writing.writer.restore(undo)
    assert writing.repository == before


@pytest.mark.parametrize("by", list(SourceKind))
def test_checks_that_are_demanded_already_are_not_written_again(writing: Writing, by: SourceKind) -> None:
    writing.checks(by=by)
    writes, kept = writing.writes(), list(writing.kept)
    assert writing.checks(by=by) is None
    assert writing.checks(RequiredCheck("platformkit-gate"), by=by) is None
    assert (writing.writes(), writing.kept) == (writes, kept)


def test_classic_protection_keeps_all_else_and_comes_back_exactly(writing: Writing) -> None:
    writing.repository.protections["main"] = full_protection()
    undo = writing.checks(by=SourceKind.CLASSIC)
    expected = full_protection()
    expected.checks = [("lint", 15368), ("platformkit-gate", 15368), ("test", None)]
    assert writing.repository.protections["main"] == expected
    assert undo is not None
    writing.writer.restore(undo)
    restored = writing.repository.protections["main"]
    assert restored.checks == sorted(full_protection().checks or [])
    restored.checks = full_protection().checks
    assert restored == full_protection()


def test_a_ruleset_keeps_its_other_rules_and_comes_back_exactly(writing: Writing) -> None:
    checks = {
        "type": "required_status_checks",
        "parameters": {"required_status_checks": [{"context": "old"}], "do_not_enforce_on_create": True},
    }
    bypass = {"actor_id": 42, "actor_type": "Team", "bypass_mode": "pull_request"}
    other = Ruleset(50, "untouched", rules=[{"type": "non_fast_forward"}])
    before = Ruleset(7, RULESET_NAME, "disabled", rules=[checks, {"type": "deletion"}], bypass_actors=[bypass], include=["refs/heads/dev"])
    writing.repository.rulesets = [deepcopy(before), deepcopy(other)]
    undo = writing.checks()
    written = writing.repository.rulesets[0]
    assert (written.identifier, written.enforcement, written.bypass_actors) == (7, "active", [bypass])
    assert written.include == ["refs/heads/dev", "refs/heads/main"]
    assert {rule["type"] for rule in written.rules} == {"deletion", "required_status_checks"}
    assert set(demanded(writing)) == {"old", "platformkit-gate", "lint"}
    assert [r["parameters"]["do_not_enforce_on_create"] for r in written.rules if "parameters" in r] == [True]
    assert undo is not None
    writing.writer.restore(undo)
    assert writing.repository.rulesets == [before, other]


def test_a_check_of_any_app_is_bound_to_the_wanted_one(writing: Writing) -> None:
    writing.checks(RequiredCheck("lint"))
    writing.checks(RequiredCheck("lint", 15368))
    assert demanded(writing) == {"lint": 15368}
    writing.checks(RequiredCheck("lint"))
    assert demanded(writing) == {"lint": 15368}


@pytest.mark.parametrize("checks", [(), (RequiredCheck(" "),), (RequiredCheck("lint"), RequiredCheck(""))])
def test_checks_without_names_are_refused(writing: Writing, checks: tuple[RequiredCheck, ...]) -> None:
    with pytest.raises(ConfigurationError, match="would protect nothing"):
        writing.writer.set_required_checks("main", checks, writing.kept.append)
    assert (writing.writes(), writing.kept) == ([], [])


@pytest.mark.parametrize(("by", "ineffective"), [(SourceKind.CLASSIC, "protection"), (SourceKind.RULESET, "ruleset")])
@pytest.mark.parametrize("existing", [False, True])
def test_a_success_that_demands_nothing_is_noticed_and_put_back(writing: Writing, by: SourceKind, ineffective: str, existing: bool) -> None:
    if existing:
        writing.repository.protections["main"] = full_protection()
        writing.repository.rulesets = [Ruleset(7, RULESET_NAME, rules=[{"type": "deletion"}])]
    before = deepcopy(writing.repository)
    writing.repository.ineffective = {ineffective}
    with pytest.raises(SettingNotWritten, match=r"does not hold .*the former one is back") as caught:
        writing.checks(by=by)
    assert caught.value.undo is None
    writing.repository.ineffective = set()
    assert writing.repository == before


def test_a_ruleset_that_does_not_bind_the_branch_is_put_back(writing: Writing) -> None:
    before = Ruleset(7, RULESET_NAME, exclude=["refs/heads/main"], rules=[])
    writing.repository.rulesets = [deepcopy(before)]
    with pytest.raises(SettingNotWritten, match=r"not demanded: lint, platformkit-gate.*the former one is back"):
        writing.checks()
    assert writing.repository.rulesets == [before]


def test_the_undo_is_kept_before_anything_is_written(writing: Writing) -> None:
    class Crash(Exception):
        pass

    def keep(undo: SettingUndo) -> None:
        assert (undo.kind, undo.reference, undo.previous, undo.written) == (SettingKind.RULESET, RULESET_NAME, None, "")
        raise Crash

    with pytest.raises(Crash):
        writing.writer.set_required_checks("main", GATE, keep)
    assert writing.writes() == []


def test_the_undo_of_a_crash_puts_back_when_forced(writing: Writing) -> None:
    before = deepcopy(writing.repository)
    writing.checks()
    first, complete = writing.kept
    assert (first.written, bool(complete.written)) == ("", True)
    with pytest.raises(SettingNotWritten, match="left alone"):
        writing.writer.restore(first)
    writing.writer.restore(first, forced=True)
    assert writing.repository == before


def test_a_setting_that_somebody_changed_since_is_left_alone(writing: Writing) -> None:
    undo = writing.checks()
    assert undo is not None
    writing.repository.rulesets[0].rules.append({"type": "deletion"})
    changed = deepcopy(writing.repository)
    with pytest.raises(SettingNotWritten, match="changed by somebody since"):
        writing.writer.restore(undo)
    assert writing.repository == changed


def test_the_undo_of_another_repository_is_refused(writing: Writing) -> None:
    undo = SettingUndo("acme/other", SettingKind.RULESET, RULESET_NAME, None)
    with pytest.raises(ConfigurationError, match="acme/other"):
        writing.writer.restore(undo, forced=True)


def test_a_token_that_may_not_write_changes_nothing(writing: Writing) -> None:
    before = deepcopy(writing.repository)
    writing.observer.github.tokens[TOKEN] = READER
    changes: tuple[Callable[[], object], ...] = (
        writing.checks,
        lambda: writing.checks(by=SourceKind.CLASSIC),
        lambda: writing.security(secret_scanning=True),
    )
    for change in changes:
        with pytest.raises(SettingNotWritten, match="nothing was changed"):
            change()
    assert writing.repository == before


def test_a_refused_body_changes_nothing(writing: Writing) -> None:
    writing.observer.github.faults = [Fault(422, "Validation Failed", method="POST")]
    with pytest.raises(SettingNotWritten, match=r"\(422\); nothing was changed"):
        writing.checks()
    assert writing.repository.rulesets == []


def test_a_write_whose_answer_is_lost_is_judged_by_reading(writing: Writing) -> None:
    writing.observer.github.faults = [Fault(502, method="POST", takes_effect=True)]
    assert writing.checks() is not None
    assert set(demanded(writing)) == {"platformkit-gate", "lint"}
    assert writing.writes() == ["POST /repos/acme/shop/rulesets"], "it is never sent twice: the first may have been taken"


def test_a_write_that_is_lost_is_noticed(writing: Writing) -> None:
    writing.observer.github.faults = [Fault(502, method="POST")]
    with pytest.raises(SettingNotWritten, match=r"not demanded: lint, platformkit-gate.*the former one is back"):
        writing.checks()
    assert writing.repository.rulesets == []


@pytest.mark.parametrize("features", [{"secret_scanning": True, "push_protection": True}, {"dependabot_alerts": True}])
def test_security_features_are_switched_on_and_back(writing: Writing, features: dict[str, bool]) -> None:
    before = deepcopy(writing.repository)
    undo = writing.security(**features)
    assert undo is not None
    security = writing.observer.observe().security
    assert {name: getattr(security, name).state.value for name in features} == dict.fromkeys(features, "enabled")
    writes = writing.writes()
    assert writing.security(**features) is None
    assert writing.writes() == writes
    writing.writer.restore(undo)
    assert writing.repository == before


def test_only_the_named_features_are_touched(writing: Writing) -> None:
    writing.repository.security |= {"advanced_security": "enabled", "dependabot_security_updates": "disabled"}
    undo = writing.security(push_protection=True, dependabot_security_updates=True, dependabot_alerts=True)
    assert undo is not None
    assert writing.repository.security == {
        "secret_scanning": "disabled",
        "secret_scanning_push_protection": "enabled",
        "advanced_security": "enabled",
        "dependabot_security_updates": "enabled",
    }
    [sent] = [a.body for a in writing.observer.github.asked if a.method == "PATCH"]
    assert set(sent["security_and_analysis"]) == {"secret_scanning_push_protection", "dependabot_security_updates"}


def test_a_feature_that_stays_off_is_noticed_and_all_is_put_back(writing: Writing) -> None:
    before = deepcopy(writing.repository)
    writing.repository.ineffective = {"security"}
    with pytest.raises(SettingNotWritten, match=r"unchanged: push_protection, secret_scanning.*the former one is back"):
        writing.security(secret_scanning=True, push_protection=True)
    writing.repository.ineffective = set()
    assert writing.repository == before


def test_half_a_change_is_put_back(writing: Writing) -> None:
    before = deepcopy(writing.repository)
    writing.observer.github.faults = [Fault(422, "Validation Failed", method="PATCH")]
    with pytest.raises(SettingNotWritten, match=r"unchanged: secret_scanning.*the former one is back"):
        writing.security(dependabot_alerts=True, secret_scanning=True)
    assert writing.repository == before
    assert [write.partition(" ")[0] for write in writing.writes()] == ["PUT", "PATCH", "DELETE", "PATCH"]


def test_a_feature_whose_state_is_hidden_is_not_switched(writing: Writing) -> None:
    with pytest.raises(SettingNotWritten, match="whether validity_checks is on; nothing was changed"):
        writing.security(validity_checks=True)
    with pytest.raises(ConfigurationError, match="no security feature that can be switched: everything"):
        writing.security(everything=True)
    with pytest.raises(ConfigurationError, match="have to be named"):
        writing.security()
    assert writing.writes() == []


def test_what_cannot_be_put_back_hands_out_the_undo(writing: Writing) -> None:
    writing.repository.protections["main"] = full_protection()

    def keep(undo: SettingUndo) -> None:
        writing.repository.ineffective = {"protection"}
        writing.repository.protections["main"] = Protection([("something else", None)])

    with pytest.raises(SettingNotWritten, match="the former one is not back") as caught:
        writing.writer.set_required_checks("main", GATE, keep, by=SourceKind.CLASSIC)
    assert caught.value.undo is not None
    writing.repository.ineffective = set()
    writing.writer.restore(caught.value.undo, forced=True)
    restored = writing.repository.protections["main"]
    assert sorted(restored.checks or []) == sorted(full_protection().checks or [])


def test_a_revoked_token_is_said_and_nothing_written(writing: Writing) -> None:
    writing.observer.github.tokens.clear()
    with pytest.raises(GithubUnavailable, match="401"):
        writing.checks()


def test_a_setting_is_read_in_the_form_in_which_it_is_written(writing: Writing) -> None:
    assert writing.writer.read(SettingKind.CLASSIC_PROTECTION, "main") is None
    assert writing.writer.read(SettingKind.RULESET, "nothing") is None
    writing.repository.protections["main"] = full_protection()
    body: dict[str, Any] = writing.writer.read(SettingKind.CLASSIC_PROTECTION, "main") or {}
    assert body["restrictions"] == {"users": ["alice"], "teams": [], "apps": []}
    assert body["required_status_checks"] == {
        "strict": True,
        "contexts": ["lint", "test"],
        "checks": [{"context": "lint", "app_id": 15368}, {"context": "test", "app_id": -1}],
    }
    assert writing.writer.read(SettingKind.SECURITY, "push_protection,secret_scanning") == {
        "push_protection": False,
        "secret_scanning": False,
    }


def hidden(path: str, method: str = "GET", times: int = 1) -> Fault:
    return Fault(403, "Resource not accessible by personal access token", path=path, method=method, times=times)


def test_rules_that_cannot_be_read_beforehand_are_not_written(writing: Writing) -> None:
    for fault in (hidden("/rules/branches"), Fault(200, body='[{"type": 7}]', path="/rules/branches")):
        writing.observer.github.faults = [fault]
        with pytest.raises(SettingNotWritten, match="nothing was changed"):
            writing.checks()
    writing.repository.rulesets = [Ruleset(7, RULESET_NAME, rules=[{"type": "required_status_checks"}])]
    with pytest.raises(SettingNotWritten, match="another shape than expected; nothing was changed"):
        writing.checks()
    assert (writing.writes(), writing.kept) == ([], [])


def test_rules_that_cannot_be_read_afterwards_are_put_back(writing: Writing) -> None:
    def keep(undo: SettingUndo) -> None:
        writing.observer.github.faults = [hidden("/rules/branches")]

    with pytest.raises(SettingNotWritten, match="the former one is back"):
        writing.writer.set_required_checks("main", GATE, keep)
    assert writing.repository.rulesets == []


def test_what_can_neither_be_read_nor_put_back_hands_out_the_undo(writing: Writing) -> None:
    def keep(undo: SettingUndo) -> None:
        once = Fault(path="/rulesets", method="GET")
        writing.observer.github.faults = [hidden("/rules/branches"), once, hidden("/rulesets", times=9)]

    with pytest.raises(SettingNotWritten, match=r"does not hold \(.*lacks the permission.*\), and the former one is not back") as caught:
        writing.writer.set_required_checks("main", GATE, keep)
    writing.observer.github.faults = []
    assert caught.value.undo is not None
    writing.writer.restore(caught.value.undo, forced=True)
    assert writing.repository.rulesets == []


def test_a_restored_setting_is_read_anew_as_well(writing: Writing) -> None:
    writing.repository.protections["main"] = full_protection()
    undo = writing.checks(by=SourceKind.CLASSIC)
    assert undo is not None
    writing.repository.ineffective = {"protection"}
    with pytest.raises(SettingNotWritten, match="the former setting is not back: GitHub took it and shows another one"):
        writing.writer.restore(undo)
    writing.repository.ineffective = set()
    writing.observer.github.faults = [hidden("/protection", "PUT")]
    with pytest.raises(SettingNotWritten, match="lacks the permission"):
        writing.writer.restore(undo)
    writing.writer.restore(undo)
    assert "platformkit-gate" not in demanded(writing)


def test_a_setting_that_github_shows_a_moment_later_is_waited_for(writing: Writing) -> None:
    def keep(undo: SettingUndo) -> None:
        if not undo.written:
            writing.observer.github.faults = [Fault(200, body="[]", path="/rules/branches")]

    assert writing.writer.set_required_checks("main", GATE, keep) is not None
    assert writing.observer.slept == [1.0]


def test_dependabots_switch_that_is_hidden_is_not_turned(writing: Writing) -> None:
    writing.observer.github.faults = [hidden("/vulnerability-alerts")]
    with pytest.raises(SettingNotWritten, match="nothing was changed"):
        writing.security(dependabot_alerts=True)
    assert writing.writes() == []
