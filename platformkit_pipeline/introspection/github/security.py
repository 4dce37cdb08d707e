"""Security features of a repository and its open alerts, counted. The value of a leaked secret is never asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from platformkit_pipeline.introspection.github.answers import AnotherShape, record, text
from platformkit_pipeline.introspection.github.api import GithubApi, Pages
from platformkit_pipeline.introspection.github.notes import Notes
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.repository.github import AlertCount, AlertKind, Feature, GithubFacet, SecuritySettings, Switch

VULNERABILITY_ALERTS = "/repos/{owner}/{repo}/vulnerability-alerts"
_MOST_PAGES = 10
BLOCK = {
    "advanced_security": ("advanced_security", "code_security"),
    "secret_scanning": ("secret_scanning",),
    "push_protection": ("secret_scanning_push_protection",),
    "non_provider_patterns": ("secret_scanning_non_provider_patterns",),
    "validity_checks": ("secret_scanning_validity_checks",),
    "dependabot_security_updates": ("dependabot_security_updates",),
}
"""Our name of a feature → its names in `security_and_analysis`, which are tried in turn."""

_STATES = {
    Meaning.DISABLED: Switch.DISABLED,
    Meaning.ARCHIVED: Switch.NOT_AVAILABLE,
    Meaning.NOT_ON_PLAN: Switch.NOT_AVAILABLE,
}


def read_security(api: GithubApi, repository: dict[str, Any], notes: Notes) -> tuple[SecuritySettings, tuple[AlertCount, ...]]:
    """State of each feature and the open alerts of those that can be read. `repository` is the document of the repository."""
    settings = features(repository)
    counts: list[AlertCount] = []
    for kind, facet, ask, feature in _ALERTS:
        pages = ask(api)
        none: tuple[AlertCount, ...] = ()
        counts += notes.reading(facet, partial(_counted, kind, pages), none)
        state = _feature(pages)
        if state.state is Switch.UNKNOWN:
            notes.unobserved(facet, state.why)
        if getattr(settings, feature).state is Switch.UNKNOWN:
            settings = replace(settings, **{feature: state})
    settings = replace(settings, dependabot_alerts=_dependabot(api, settings.dependabot_alerts))
    unknown = {getattr(settings, name).why for name in SecuritySettings.__slots__ if getattr(settings, name).state is Switch.UNKNOWN}
    for why in unknown:
        notes.unobserved(GithubFacet.SECURITY, why)
    return settings, tuple(sorted(counts))


def features(repository: dict[str, Any]) -> SecuritySettings:
    """What the block `security_and_analysis` says; GitHub leaves it out for whoever is not an administrator."""
    block = repository.get("security_and_analysis")
    if not isinstance(block, dict):
        hidden = Feature(why="GitHub shows security_and_analysis to administrators only")
        return SecuritySettings(**dict.fromkeys(BLOCK, hidden))
    return SecuritySettings(**{ours: _stated(block, theirs) for ours, theirs in BLOCK.items()})


def _stated(block: dict[str, Any], names: tuple[str, ...]) -> Feature:
    for name in names:
        entry = block.get(name)
        status = entry.get("status") if isinstance(entry, dict) else None
        if status in (Switch.ENABLED, Switch.DISABLED):
            return Feature(Switch(status))
    return Feature(why=f"GitHub does not say whether {names[0]} is on")


def _dependabot(api: GithubApi, known: Feature) -> Feature:
    """`vulnerability-alerts` answers with 204 or with a 404 whose message tells off from hidden."""
    answer = api.get(VULNERABILITY_ALERTS)
    if answer.given:
        return Feature(Switch.ENABLED)
    if known.state is not Switch.UNKNOWN:
        return known
    if answer.refusal in _STATES:
        return Feature(_STATES[answer.refusal], answer.why)
    return Feature(why=answer.why)


def _feature(pages: Pages) -> Feature:
    """What a list of alerts tells about the feature that makes them."""
    if pages.refusal is None:
        return Feature(Switch.ENABLED)
    return Feature(_STATES.get(pages.refusal, Switch.UNKNOWN), pages.why)


def _counted(kind: AlertKind, pages: Pages) -> tuple[AlertCount, ...]:
    if pages.refusal is not None:
        # Half of a list would be a number that is too small.
        return ()
    labels = Counter(_LABELS[kind](alert) for alert in pages.items)
    return tuple(AlertCount(kind, label, open_, not pages.complete) for label, open_ in labels.items())


def _secret_label(alert: dict[str, Any]) -> str:
    return text(alert["secret_type"])


def _code_label(alert: dict[str, Any]) -> str:
    rule = record(alert["rule"])
    return text(rule.get("security_severity_level") or rule.get("severity") or "unrated").lower()


def _dependabot_label(alert: dict[str, Any]) -> str:
    advisory = alert.get("security_advisory")
    if not isinstance(advisory, dict):
        raise AnotherShape
    return text(advisory.get("severity") or "unrated").lower()


_LABELS: dict[AlertKind, Callable[[dict[str, Any]], str]] = {
    AlertKind.SECRET_SCANNING: _secret_label,
    AlertKind.CODE_SCANNING: _code_label,
    AlertKind.DEPENDABOT: _dependabot_label,
}


def _secret_scanning(api: GithubApi) -> Pages:
    return api.pages("/repos/{owner}/{repo}/secret-scanning/alerts", {"state": "open", "hide_secret": "true"}, most=_MOST_PAGES)


def _code_scanning(api: GithubApi) -> Pages:
    return api.pages("/repos/{owner}/{repo}/code-scanning/alerts", {"state": "open"}, most=_MOST_PAGES)


def _dependabot_alerts(api: GithubApi) -> Pages:
    return api.pages("/repos/{owner}/{repo}/dependabot/alerts", {"state": "open"}, most=_MOST_PAGES)


_ALERTS: tuple[tuple[AlertKind, GithubFacet, Callable[[GithubApi], Pages], str], ...] = (
    (AlertKind.SECRET_SCANNING, GithubFacet.SECRET_SCANNING_ALERTS, _secret_scanning, "secret_scanning"),
    (AlertKind.CODE_SCANNING, GithubFacet.CODE_SCANNING_ALERTS, _code_scanning, "code_scanning"),
    (AlertKind.DEPENDABOT, GithubFacet.DEPENDABOT_ALERTS, _dependabot_alerts, "dependabot_alerts"),
)
