"""Settings of a repository on GitHub, written so that they hold, or put back.

Before anything is written, the former setting is handed to the caller as a `SettingUndo`, so that it outlives a crash.
After writing, the setting is read anew and judged by what it has to mean: the *named* checks are demanded, the named
features are on. A setting that does not mean that is put back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from platformkit_pipeline.introspection.github.answers import AnotherShape, record
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.demands import Demands
from platformkit_pipeline.introspection.github.rulesets import RULES, add_rule
from platformkit_pipeline.introspection.github.setting_documents import (
    NEW_PROTECTION,
    Body,
    classic_checks,
    digest,
    new_ruleset,
    with_classic_checks,
    with_ruleset_checks,
)
from platformkit_pipeline.introspection.github.settings_store import SettingsStore, SettingUnreadable
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError
from platformkit_pipeline.model.repository.github_protection import SourceKind
from platformkit_pipeline.model.repository.github_setting import RequiredCheck, SettingKind, SettingUndo

RULESET_NAME = "Required checks"
_PAUSES_SECONDS = (1.0, 3.0)
Keep = Callable[[SettingUndo], None]


class SettingNotWritten(PlatformkitError):
    """A setting does not hold. The message says whether the former one is back; `undo` puts it back where it is not."""

    exit_code = 3

    def __init__(self, message: str, undo: SettingUndo | None = None) -> None:
        super().__init__(message)
        self.undo = undo


class GithubWriter:
    """Writes settings of the repository that `api` is connected to. The token needs administration:write."""

    def __init__(self, api: GithubApi) -> None:
        self._api = api
        self._settings = SettingsStore(api)

    def read(self, kind: SettingKind, reference: str = "") -> Body | None:
        """A setting in the form in which it is written; None when there is none. Raises SettingNotWritten when it is hidden."""
        try:
            return self._settings.read(kind, reference)
        except SettingUnreadable as error:
            raise SettingNotWritten(f"{error}; nothing was changed") from None

    def set_required_checks(
        self, branch: str, checks: Sequence[RequiredCheck], keep: Keep, *, by: SourceKind = SourceKind.RULESET, name: str = RULESET_NAME
    ) -> SettingUndo | None:
        """Demand these checks on the branch, besides all that is demanded already; None when they are demanded already.

        By a ruleset of that `name`, which touches no rule of others, or in the branch's classic protection. `keep` gets
        the undo before anything is written. Raises ConfigurationError for checks without a name, SettingNotWritten.
        """
        if not checks or not all(check.context.strip() for check in checks):
            raise ConfigurationError("required checks have to be named: a rule without names would protect nothing")
        if by is SourceKind.CLASSIC:
            before = self.read(SettingKind.CLASSIC_PROTECTION, branch)
            wanted = with_classic_checks(before or dict(NEW_PROTECTION), checks)
            return self._change(
                SettingKind.CLASSIC_PROTECTION, branch, before, wanted, keep, lambda: self._classic_holds(branch, before, checks)
            )
        before = self.read(SettingKind.RULESET, name)
        try:
            wanted = with_ruleset_checks(before or new_ruleset(name), branch, checks)
        except (AnotherShape, KeyError, TypeError):
            raise SettingNotWritten(f'the ruleset "{name}" has another shape than expected; nothing was changed') from None
        return self._change(SettingKind.RULESET, name, before, wanted, keep, lambda: self._rules_hold(branch, checks))

    def set_security(self, features: Mapping[str, bool], keep: Keep) -> SettingUndo | None:
        """Switch security features on or off; None when they are already so.

        Names are those of `SecuritySettings` (code_scanning excepted: it is switched on by a workflow). Features whose
        state is hidden are refused, because they could not be put back. Raises ConfigurationError, SettingNotWritten.
        """
        if not features:
            raise ConfigurationError("security features have to be named")
        reference = ",".join(sorted(features))
        before = self.read(SettingKind.SECURITY, reference)
        return self._change(
            SettingKind.SECURITY, reference, before, dict(features), keep, lambda: self._security_holds(reference, features)
        )

    def restore(self, undo: SettingUndo, *, forced: bool = False) -> None:
        """Put a setting back to what it was. Unless `forced`, a setting that somebody changed since is left alone.

        Raises SettingNotWritten when it is left alone or does not hold, ConfigurationError for another repository's undo.
        """
        if undo.repository != self._api.owner_name:
            raise ConfigurationError(f"the undo belongs to {undo.repository}, not to {self._api.owner_name}")
        now = self.read(undo.kind, undo.reference)
        if digest(now) == digest(_previous(undo)):
            return
        if not forced and digest(now) != undo.written:
            raise SettingNotWritten("the setting was changed by somebody since it was written; it was left alone", undo)
        why = self._put_back(undo)
        if why:
            raise SettingNotWritten(f"the former setting is not back: {why}", undo)

    def _change(
        self, kind: SettingKind, reference: str, before: Body | None, wanted: Body, keep: Keep, holds: Callable[[], str]
    ) -> SettingUndo | None:
        """Write, read anew, judge; put back what does not hold. `holds` says why not, or nothing."""
        try:
            if not holds():
                return None
        except SettingUnreadable as error:
            raise SettingNotWritten(f"{error}; nothing was changed") from None
        previous = None if before is None else json.dumps(before, sort_keys=True)
        undo = SettingUndo(self._api.owner_name, kind, reference, previous)
        keep(undo)
        refused = self._settings.write(kind, reference, wanted)
        if refused.untouched:
            raise SettingNotWritten(f"{refused.why}; nothing was changed")
        try:
            # Without an answer it is not known whether the setting was written: only reading it anew tells.
            why = self._after_a_while(holds)
            if not why:
                undo = replace(undo, written=digest(self._settings.read(kind, reference)))
                keep(undo)
                return undo
        except SettingUnreadable as error:
            why = str(error)
        failed = self._put_back(undo)
        if failed:
            raise SettingNotWritten(f"the setting does not hold ({why}), and the former one is not back: {failed}", undo)
        raise SettingNotWritten(f"the setting does not hold ({why}); the former one is back")

    def _after_a_while(self, holds: Callable[[], str]) -> str:
        """GitHub may show a setting a moment later than it takes it."""
        why = holds()
        for seconds in _PAUSES_SECONDS:
            if not why:
                break
            self._api.pause(seconds)
            why = holds()
        return why

    def _put_back(self, undo: SettingUndo) -> str:
        """Why the former setting could not be put back; nothing when it is."""
        try:
            refused = self._settings.write(undo.kind, undo.reference, _previous(undo))
            if digest(self._settings.read(undo.kind, undo.reference)) == digest(_previous(undo)):
                return ""
        except SettingUnreadable as error:
            return str(error)
        return refused.why or "GitHub took it and shows another one"

    def _classic_holds(self, branch: str, before: Body | None, checks: Sequence[RequiredCheck]) -> str:
        after = self._settings.read(SettingKind.CLASSIC_PROTECTION, branch)
        if after is None:
            return "the branch is not protected"
        demanded = classic_checks(after)
        missing = _missing(checks, {(context, app) for context, app in demanded.items()})
        lost = sorted(set(classic_checks(before)) - set(demanded)) if before else []
        others = [name for name in after if name != "required_status_checks" and before and before.get(name) != after[name]]
        return missing or (f"other settings changed with it: {', '.join(sorted([*lost, *others]))}" if lost or others else "")

    def _rules_hold(self, branch: str, checks: Sequence[RequiredCheck]) -> str:
        """By the rules in force on the branch, not by the ruleset: it might bind another branch."""
        pages = self._api.pages(RULES, branch=branch)
        if not pages.complete:
            raise SettingUnreadable(pages.why or "there are more rules than are read")
        demands = Demands()
        try:
            for rule in pages.items:
                add_rule(rule, str(rule["ruleset_id"]), demands)
        except (AnotherShape, KeyError, TypeError):
            raise SettingUnreadable("the rules of the branch have another shape than expected") from None
        return _missing(checks, set(demands.contexts))

    def _security_holds(self, reference: str, features: Mapping[str, bool]) -> str:
        after = record(self._settings.read(SettingKind.SECURITY, reference))
        other = sorted(name for name, on in features.items() if after[name] is not on)
        return f"unchanged: {', '.join(other)}" if other else ""


def _missing(checks: Sequence[RequiredCheck], demanded: set[tuple[str, int | None]]) -> str:
    """Checks that are not demanded by exactly that name, from that App."""
    names = {context for context, _ in demanded}
    missing = sorted(
        c.context for c in checks if c.context not in names or (c.integration is not None and (c.context, c.integration) not in demanded)
    )
    return f"not demanded: {', '.join(missing)}" if missing else ""


def _previous(undo: SettingUndo) -> Body | None:
    return None if undo.previous is None else record(json.loads(undo.previous))
