"""Who does this: the name that a decision is recorded under (clause 11.1). The database login stands beside it in the audit log."""

from __future__ import annotations

import getpass
import os
import unicodedata
from collections.abc import Mapping

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.secret_words import holds_a_secret

ACTOR_VARIABLE = "PLATFORMKIT_ACTOR"
_LONGEST = 200


def acting_person(given: str | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """`given`, else PLATFORMKIT_ACTOR, else the person who started a workflow of GitHub, else the login of this machine.

    Raises ConfigurationError for a name that is blank, too long, a secret, or would steer a terminal that shows it, and when there is none.
    """
    of_workflow = environment.get("GITHUB_ACTOR") if environment.get("GITHUB_ACTIONS") == "true" else None
    name = given if given is not None else environment.get(ACTOR_VARIABLE) or of_workflow or _login()
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST or holds_a_secret(name) or any(unicodedata.category(sign) == "Cc" for sign in name):
        raise ConfigurationError(f"say who does this, in at most {_LONGEST} characters: --by NAME, or the variable {ACTOR_VARIABLE}")
    return name


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return ""
