"""Kinds of breaking changes of an API, how severe each is, and one change of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from platformkit_pipeline.model.result import Severity


class Kind(StrEnum):
    """What was changed, seen by a client that keeps to the promised document. The values are a contract: never renamed."""

    PATH_REMOVED = "path-removed"
    OPERATION_REMOVED = "operation-removed"
    PARAMETER_REMOVED = "parameter-removed"
    PARAMETER_REQUIRED_ADDED = "required-parameter-added"
    PARAMETER_BECAME_REQUIRED = "parameter-became-required"
    PARAMETER_STYLE_CHANGED = "parameter-style-changed"
    BODY_REQUIRED_ADDED = "required-request-body-added"
    BODY_BECAME_REQUIRED = "request-body-became-required"
    BODY_REMOVED = "request-body-removed"
    REQUEST_MEDIA_TYPE_REMOVED = "request-media-type-removed"
    REQUEST_TYPE_NARROWED = "request-type-narrowed"
    REQUEST_FORMAT_CHANGED = "request-format-changed"
    REQUEST_NOT_NULLABLE = "request-became-not-nullable"
    REQUEST_ENUM_VALUE_REMOVED = "request-enum-value-removed"
    REQUEST_LIMIT_TIGHTENED = "request-limit-tightened"
    REQUEST_PROPERTY_REMOVED = "request-property-removed"
    REQUEST_PROPERTY_REQUIRED_ADDED = "required-request-property-added"
    REQUEST_PROPERTY_BECAME_REQUIRED = "request-property-became-required"
    REQUEST_CLOSED = "request-closed-to-other-properties"
    REQUEST_ALTERNATIVE_REMOVED = "request-alternative-removed"
    RESPONSE_STATUS_REMOVED = "response-status-removed"
    ERROR_STATUS_REMOVED = "error-status-removed"
    RESPONSE_MEDIA_TYPE_REMOVED = "response-media-type-removed"
    RESPONSE_HEADER_REMOVED = "response-header-removed"
    RESPONSE_HEADER_OPTIONAL = "response-header-became-optional"
    RESPONSE_TYPE_WIDENED = "response-type-widened"
    RESPONSE_FORMAT_CHANGED = "response-format-changed"
    RESPONSE_NULLABLE = "response-became-nullable"
    RESPONSE_ENUM_VALUE_ADDED = "response-enum-value-added"
    RESPONSE_LIMIT_LOOSENED = "response-limit-loosened"
    RESPONSE_PROPERTY_REMOVED = "response-property-removed"
    RESPONSE_PROPERTY_OPTIONAL = "response-property-became-optional"
    RESPONSE_OPENED = "response-opened-to-other-properties"
    RESPONSE_ALTERNATIVE_ADDED = "response-alternative-added"
    SECURITY_ADDED = "security-requirement-added"
    UNDECIDED = "cannot-be-told"


_SUSPICIOUS = frozenset(
    {
        Kind.BODY_REMOVED,
        Kind.REQUEST_PROPERTY_REMOVED,
        Kind.REQUEST_CLOSED,
        Kind.ERROR_STATUS_REMOVED,
        Kind.RESPONSE_HEADER_REMOVED,
        Kind.RESPONSE_HEADER_OPTIONAL,
        Kind.RESPONSE_ENUM_VALUE_ADDED,
        Kind.RESPONSE_LIMIT_LOOSENED,
        Kind.RESPONSE_OPENED,
        Kind.RESPONSE_ALTERNATIVE_ADDED,
    }
)
SEVERITIES = MappingProxyType({kind: Severity.MEDIUM if kind in _SUSPICIOUS else Severity.HIGH for kind in Kind})
"""High breaks a client that keeps to the document; medium breaks one that took the document at its narrowest."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One breaking change, or (UNDECIDED) a place where none can be ruled out."""

    kind: Kind
    operation: str
    """`GET /orders`; a path alone where the whole path is meant."""
    place: str
    """Within the operation: `response 200 application/json [].total`; empty for the operation as a whole."""
    message: str
    breaking: bool = True
    """False where the same kind, here, harms only who took the document at its narrowest."""

    @property
    def fingerprint(self) -> str:
        """Stable name of kind and place, 16 hex digits; it holds no message and no position."""
        return hashlib.sha256("\x1f".join(("1", self.kind.value, self.operation, self.place)).encode()).hexdigest()[:16]

    @property
    def severity(self) -> Severity:
        return SEVERITIES[self.kind] if self.breaking else Severity.MEDIUM

    @property
    def where(self) -> str:
        return f"{self.operation}: {self.place}" if self.place else self.operation

    @property
    def sort_key(self) -> tuple[int, str, str, str]:
        return (self.severity.rank, self.operation, self.place, self.kind.value)
