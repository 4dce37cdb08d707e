"""Reading and writing one setting of a repository on GitHub, whichever path it has: protection, ruleset, security features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.introspection.github.answers import AnotherShape, Answer, record
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.classic_protection import PROTECTION
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.introspection.github.rulesets import RULESET, RULESETS
from platformkit_pipeline.introspection.github.security import BLOCK, VULNERABILITY_ALERTS
from platformkit_pipeline.introspection.github.setting_documents import Body, classic_body, ruleset_body
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.github_setting import SettingKind

REPOSITORY = "/repos/{owner}/{repo}"
_DEPENDABOT = "dependabot_alerts"


class SettingUnreadable(Exception):
    """A setting cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of writing: `why` is empty when GitHub took it."""

    why: str = ""
    untouched: bool = False
    """GitHub refused before it changed anything. Without an answer that is not known."""


class SettingsStore:
    """Settings by kind and reference. Bodies have the form in which they are written."""

    def __init__(self, api: GithubApi) -> None:
        self._api = api

    def read(self, kind: SettingKind, reference: str) -> Body | None:
        """The setting, None when there is none. Raises SettingUnreadable."""
        try:
            match kind:
                case SettingKind.CLASSIC_PROTECTION:
                    return self._read_classic(reference)
                case SettingKind.RULESET:
                    found = self._ruleset(reference)
                    return None if found is None else ruleset_body(found)
                case SettingKind.SECURITY:
                    return self._read_security(reference.split(","))
        except (AnotherShape, KeyError, TypeError):
            raise SettingUnreadable("the setting has another shape than expected") from None

    def write(self, kind: SettingKind, reference: str, body: Body | None) -> Outcome:
        """Write the setting, or remove it where the body is None. Raises SettingUnreadable."""
        match kind:
            case SettingKind.CLASSIC_PROTECTION if body is None:
                return _outcome(self._api.send("DELETE", PROTECTION, branch=reference))
            case SettingKind.CLASSIC_PROTECTION:
                return _outcome(self._api.send("PUT", PROTECTION, body, branch=reference))
            case SettingKind.RULESET:
                return self._write_ruleset(reference, body)
            case SettingKind.SECURITY:
                return self._write_security(body or {})

    def _read_classic(self, branch: str) -> Body | None:
        answer = self._api.get(PROTECTION, branch=branch)
        if answer.refusal is Meaning.NOT_PROTECTED:
            return None
        return classic_body(_given(answer))

    def _ruleset(self, name: str) -> dict[str, Any] | None:
        """The repository's own ruleset of that name; those of its organisation are written elsewhere."""
        pages = self._api.pages(RULESETS, {"includes_parents": "false"})
        if not pages.complete:
            raise SettingUnreadable(pages.why or "there are more rulesets than are read")
        for ruleset in pages.items:
            if ruleset["name"] == name and ruleset.get("source_type", "Repository") == "Repository":
                return _given(self._api.get(RULESET, identifier=str(ruleset["id"])))
        return None

    def _write_ruleset(self, name: str, body: Body | None) -> Outcome:
        found = self._ruleset(name)
        if body is None:
            return Outcome() if found is None else _outcome(self._api.send("DELETE", RULESET, identifier=str(found["id"])))
        if found is None:
            return _outcome(self._api.send("POST", RULESETS, body))
        return _outcome(self._api.send("PUT", RULESET, body, identifier=str(found["id"])))

    def _read_security(self, names: list[str]) -> Body:
        block = record(_given(self._api.get(REPOSITORY))).get("security_and_analysis")
        return {name: self._alerts_on() if name == _DEPENDABOT else _is_on(block, name) for name in names}

    def _alerts_on(self) -> bool:
        answer = self._api.get(VULNERABILITY_ALERTS)
        if answer.refusal is Meaning.DISABLED:
            return False
        if not answer.given:
            raise SettingUnreadable(answer.why)
        return True

    def _write_security(self, features: Body) -> Outcome:
        """Alerts first: security updates build on them."""
        outcome = Outcome()
        if _DEPENDABOT in features:
            outcome = _outcome(self._api.send("PUT" if features[_DEPENDABOT] else "DELETE", VULNERABILITY_ALERTS))
        others = {name: on for name, on in features.items() if name != _DEPENDABOT}
        if outcome.why or not others:
            return outcome
        block = record(_given(self._api.get(REPOSITORY))).get("security_and_analysis")
        states = {_written_as(block, name): {"status": "enabled" if on else "disabled"} for name, on in others.items()}
        patched = _outcome(self._api.send("PATCH", REPOSITORY, {"security_and_analysis": states}))
        return Outcome(patched.why, patched.untouched and _DEPENDABOT not in features)


def _given(answer: Answer) -> dict[str, Any]:
    if not answer.given:
        raise SettingUnreadable(answer.why)
    return record(answer.document)


def _outcome(answer: Answer) -> Outcome:
    return Outcome(answer.why, not answer.given and answer.refusal is not Meaning.NO_ANSWER)


def _written_as(block: Any, name: str) -> str:
    if name not in BLOCK:
        raise ConfigurationError(f"no security feature that can be switched: {name}; there are {', '.join(sorted((*BLOCK, _DEPENDABOT)))}")
    for known in BLOCK[name]:
        if isinstance(block, dict) and isinstance(block.get(known), dict):
            return known
    raise SettingUnreadable(f"GitHub does not tell this token whether {name} is on")


def _is_on(block: Any, name: str) -> bool:
    status = block[_written_as(block, name)].get("status")
    if status not in ("enabled", "disabled"):
        raise SettingUnreadable(f"GitHub does not tell this token whether {name} is on")
    return bool(status == "enabled")
