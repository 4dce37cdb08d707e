"""What a refusal of GitHub means. Statuses alone do not tell: 404 stands for "not protected", "switched off" and "not yours to see".

The message decides. A message that is not known here means nothing but "could not be read".
"""

from __future__ import annotations

from enum import StrEnum


class Meaning(StrEnum):
    """What is known after a refusal. All but the last five are facts about the repository."""

    NOT_PROTECTED = "the branch is not protected"
    NO_BRANCH = "there is no such branch"
    EMPTY = "the repository has no commit"
    DISABLED = "the feature is switched off"
    ARCHIVED = "not available for archived repositories"
    NOT_ON_PLAN = "the owner's plan does not include it"
    NOT_PERMITTED = "the token lacks the permission"
    SINGLE_SIGN_ON = "the organisation wants the token to be authorised for single sign-on"
    NOT_FOUND = "GitHub does not show it to this token, whether it is there or not"
    NO_ANSWER = "GitHub gave no answer that can be used"
    OTHER = "GitHub refuses it"


_KNOWN: tuple[tuple[frozenset[int], str, Meaning], ...] = (
    (frozenset({404}), "branch not protected", Meaning.NOT_PROTECTED),
    (frozenset({404}), "branch not found", Meaning.NO_BRANCH),
    (frozenset({409}), "repository is empty", Meaning.EMPTY),
    (frozenset({403}), "not available for archived", Meaning.ARCHIVED),
    (frozenset({403}), "upgrade to github", Meaning.NOT_ON_PLAN),
    (frozenset({403}), "saml", Meaning.SINGLE_SIGN_ON),
    (frozenset({403}), "resource not accessible", Meaning.NOT_PERMITTED),
    (frozenset({403}), "must have admin rights", Meaning.NOT_PERMITTED),
    (frozenset({403, 404}), "alerts are disabled", Meaning.DISABLED),
    (frozenset({404}), "is disabled on this repository", Meaning.DISABLED),
    (frozenset({403, 404}), "is not enabled", Meaning.DISABLED),
    (frozenset({403}), "must be enabled for this repository", Meaning.DISABLED),
    (frozenset({404}), "no analysis found", Meaning.DISABLED),
)

LIMITS = ("secondary rate limit", "rate limit exceeded", "abuse detection")
"""Parts of the message of a 403 that means "not now" instead of "not you"."""


def meaning(status: int, message: str) -> Meaning:
    """What a refusal with this status and GitHub's own message says about the repository or the token."""
    text = message.casefold()
    for statuses, part, meant in _KNOWN:
        if status in statuses and part in text:
            return meant
    if status == 404:
        return Meaning.NOT_FOUND
    return Meaning.OTHER
