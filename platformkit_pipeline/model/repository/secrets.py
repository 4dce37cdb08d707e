"""Secrets of a repository (clause 2.4) by kind and place, and what guards against them. Never the secret, not even in part."""

from __future__ import annotations

from dataclasses import dataclass

COMMIT_MESSAGE = "(commit message)"
"""Path of a secret that stands in the message of its commit."""
SERVICE_KEYS = ("service-role-key", "supabase-secret-key")
"""Kinds that bypass row level security."""
PUBLIC_KEYS = ("supabase-anon-key", "supabase-publishable-key", "local-stack-key")
"""Kinds that are public by design: in a browser's code, or in every copy of the local stack."""


@dataclass(frozen=True, slots=True, order=True)
class Secret:
    """One secret at one path. Records with the same `digest` are the same secret."""

    path: str
    kind: str
    digest: str
    """Of the value: salted with the target's name, by a slow hash, and cut short."""
    description: str = ""
    line: int | None = None
    """Where it stands in the tree, or stood in the commit that brought it; counted from 1."""
    in_tree: bool = True
    commit: str | None = None
    """The oldest commit known to have brought it."""
    role: str | None = None
    """What a JWT claims to be."""
    public: bool = False
    """Is no secret by design."""
    client_variable: str | None = None
    """The variable it is given to, where a bundler copies such variables into the browser's code."""

    @property
    def identity(self) -> str:
        """Unique among the records of a repository."""
        return f"{self.path} [{self.kind}, {self.digest}]"


@dataclass(frozen=True, slots=True, order=True)
class Unsearched:
    """A content that was not searched, in the tree or in the history, and why: the rest of a sentence about it."""

    path: str
    in_tree: bool
    why: str


@dataclass(frozen=True, slots=True, order=True)
class ClientKey:
    """A variable in the code or settings that is named as if it held a key that bypasses row level security. Without a value."""

    path: str
    name: str
    line: int
    public_variable: bool = False
    """Bundlers copy variables of such a name into the browser's code."""
    says_so: bool = False
    """The file begins with `"use client"`."""


@dataclass(frozen=True, slots=True, order=True)
class EnvironmentFile:
    """A committed file of environment variables. `filled` counts those with a value; `fault` tells why it could not be read."""

    path: str
    filled: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class SecretHook:
    """A hook that runs before a commit and looks for secrets with `tool`."""

    path: str
    tool: str
