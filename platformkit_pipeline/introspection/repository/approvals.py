"""Who approved a document in which role, and when: approvals name a role, a person and a day."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.introspection.repository.labelled import Labelled, dates_in
from platformkit_pipeline.introspection.repository.template_text import is_written
from platformkit_pipeline.model.repository.governance import Approval, Role

_ROLES = {
    Role.SECURITY_OWNER: re.compile(
        r"\b(?:security\s*(?:/|&|and|or)?\s*compliance|security|compliance)\s+(?:owner|officer)\b(?:\s*/\s*compliance owner\b)?",
        re.IGNORECASE,
    ),
    Role.PLATFORM_ARCHITECT: re.compile(r"\bplatform\s+architect\b", re.IGNORECASE),
}
_LABELS = ("approval", "approvals", "approved by", "approver", "approvers", "approved", "sign off", "sign offs")
_PIECES = re.compile(r"[\n;]")
_NOT_A_NAME = re.compile(
    r"\b(?:approved|approval|by|on|signed|date|dated|name|role|the|and|as|at|utc|at|of)\b|\d{4}-\d{2}-\d{2}\S*", re.IGNORECASE
)
_PLACEHOLDER = re.compile(r"<[^<>\n]{0,200}>|\[[^\[\]\n]{0,200}\]")
_REFUSED = re.compile(r"\b(?:pending|declined|denied|rejected|refused|withdrawn|not approved|requested)\b", re.IGNORECASE)
_SIGNS = " \t,.:;|*_()-–—/#>"
_LONGEST_NAME = 80


def approvals_of(form: Labelled) -> tuple[Approval, ...]:
    """One per role that is mentioned among the approvals; name and day are None where they are not filled in.

    What stands under a label such as *Approvals* counts, and what stands under the name of a role. A mention elsewhere does not.
    """
    found: dict[Role, Approval] = {}
    for approval in _mentioned(form):
        known = found.get(approval.role)
        if known is None or _completeness(approval) > _completeness(known):
            found[approval.role] = approval
    return tuple(sorted(found.values()))


def _completeness(approval: Approval) -> int:
    return (approval.name is not None) + (approval.date is not None)


def _mentioned(form: Labelled) -> Iterator[Approval]:
    for label, value in form.values:
        if label in _LABELS:
            yield from _in_text(value)
        else:
            for role, pattern in _ROLES.items():
                if pattern.fullmatch(label):
                    yield _approval(role, value)


def _in_text(text: str) -> Iterator[Approval]:
    """Each piece that names a role, with the pieces up to the next one that does."""
    role: Role | None = None
    words: list[str] = []
    pieces = [one for piece in _PIECES.split(text[:20_000]) for one in _one_role_each(piece)]
    for piece in pieces:
        named = next((r for r, pattern in _ROLES.items() if pattern.search(piece)), None)
        if named is not None:
            if role is not None:
                yield _approval(role, " ".join(words))
            role, words = named, [_ROLES[named].sub(" ", piece, count=1)]
            continue
        elif re.search(r"\b(?:owner|architect|lead|manager|officer)\b", piece, re.IGNORECASE):  # another role's
            if role is not None:
                yield _approval(role, " ".join(words))
            role, words = None, []
        words.append(piece)
    if role is not None:
        yield _approval(role, " ".join(words))


def _one_role_each(piece: str) -> list[str]:
    """A piece that names both roles, cut before the second."""
    starts = sorted(match.start() for pattern in _ROLES.values() if (match := pattern.search(piece)))
    return [piece] if len(starts) < len(_ROLES) else [piece[: starts[1]], piece[starts[1] :]]


def _approval(role: Role, text: str) -> Approval:
    text = _PLACEHOLDER.sub(" ", text[:2000])
    if _REFUSED.search(text):
        return Approval(role)
    dates = dates_in(text)
    before = re.split(r"\d{4}-\d{2}-\d{2}", text, maxsplit=1)[0]
    name = next((n for n in (_name(before), _name(text)) if n), None)
    return Approval(role, name, dates[0] if dates else None)


def _name(text: str) -> str | None:
    words = " ".join(_NOT_A_NAME.sub(" ", text).split()).strip(_SIGNS)
    return words[:_LONGEST_NAME] if re.search(r"[^\W\d_]{2}|@\w", words) and is_written(words) else None
