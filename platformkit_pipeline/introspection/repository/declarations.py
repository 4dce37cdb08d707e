"""Read `.platformkit.yaml`, in which the owners of a repository declare what nobody can observe."""

from __future__ import annotations

from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.model.repository.checks import CheckCategory
from platformkit_pipeline.model.repository.declarations import (
    DECLARATIONS_FILE,
    DeclaredCheck,
    NotApplicable,
    RepositoryDeclarations,
    RevokedSecret,
)
from platformkit_pipeline.model.target_name import name_fault

_LIMIT = 256 * 1024


def _name(value: str) -> str:
    if fault := name_fault(value):
        raise ValueError(fault)
    return value


_Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Paths(_Entry):
    critical: tuple[_Text, ...] = ()
    client: tuple[_Text, ...] = ()
    components: tuple[_Text, ...] = ()


class _Spec(_Entry):
    projects: tuple[_Text, ...] = ()


class _Check(_Entry):
    """A command that runs on every pull request, by other means than a workflow of GitHub."""

    command: _Text
    reason: _Text
    context: Annotated[str, Field(max_length=200)] = ""
    covers: tuple[CheckCategory, ...] = ()
    coverage: Annotated[float, Field(ge=0, le=100)] | None = None


class _Secrets(_Entry):
    revoked: dict[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], _Text] = Field(default_factory=dict)
    """Digest of a secret in the history → how it was revoked."""


class _Document(_Entry):
    name: Annotated[str, AfterValidator(_name)] | None = None
    not_applicable: dict[str, _Text] = Field(default_factory=dict)
    """Code of a rule → why it has nothing to judge here."""
    paths: _Paths = _Paths()
    spec: _Spec = _Spec()
    checks: tuple[_Check, ...] = ()
    secrets: _Secrets = _Secrets()
    organisation_profile: bool = False


def observe_declarations(files: Files) -> RepositoryDeclarations:
    """What the file declares; nothing where there is none, and nothing but the fault where it is wrong."""
    if DECLARATIONS_FILE not in files:
        return RepositoryDeclarations()
    try:
        return _declared(_Document.model_validate(load_yaml(files.text(DECLARATIONS_FILE, _LIMIT)) or {}))
    except UnreadableError as error:
        return RepositoryDeclarations(fault=str(error))
    except (YamlRefused, yaml.YAMLError) as error:
        return RepositoryDeclarations(fault=f"is no YAML that can be read: {_first_line(error)}")
    except ValidationError as error:
        return RepositoryDeclarations(fault="; ".join(_complaint(fault) for fault in error.errors()[:5]))


def _declared(document: _Document) -> RepositoryDeclarations:
    return RepositoryDeclarations(
        name=document.name,
        not_applicable=tuple(sorted(NotApplicable(rule, reason) for rule, reason in document.not_applicable.items())),
        spec_projects=document.spec.projects,
        critical_paths=document.paths.critical,
        client_paths=document.paths.client,
        component_paths=document.paths.components,
        checks=tuple(
            DeclaredCheck(check.command, check.reason, check.context, tuple(sorted(check.covers)), check.coverage)
            for check in document.checks
        ),
        revoked_secrets=tuple(sorted(RevokedSecret(digest, reason) for digest, reason in document.secrets.revoked.items())),
        organisation_profile=document.organisation_profile,
    )


def _complaint(fault: Any) -> str:
    return f"has a fault at {'.'.join(str(part) for part in fault['loc']) or 'its top'}: {fault['msg']}"


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
