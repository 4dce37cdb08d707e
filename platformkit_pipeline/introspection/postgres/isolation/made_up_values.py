"""A value of any type, made up: JSON as `jsonb_populate_record` reads it. Enums by their labels, domains by what their checks admit."""

from __future__ import annotations

import itertools
import random
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.session import Reply, Session
from platformkit_pipeline.model.identity import quote_identifier
from platformkit_pipeline.model.snapshot import Snapshot, Type

_MODIFIER = re.compile(r"\(([\d,]+)\)")
_BASE = re.compile(r"[A-Za-z_][\w.\" ]*?(?:\([\d,]+\))?(?:\[\])*(?= COLLATE | DEFAULT | NOT NULL| CONSTRAINT |$)")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_KEY = re.compile(r"->>? '((?:[^']|'')*)'::text")
_NUMBER = re.compile(r"(?<![\w'.])-?\d+(?:\.\d+)?(?![\w'.])")
_COMMON = ("a", "a-1", "A", "AAA", "1", "0", "a@example.com", "https://example.com", "+15555550100", "en", "EUR", "#000000", "00000", "a_b")
"""What checks of texts usually ask for."""
_FIXED: dict[str, object] = {
    "boolean": False,
    "interval": "1 day",
    "json": {},
    "jsonb": {},
    "bytea": "\\x00",
    "inet": "192.0.2.1",
    "cidr": "192.0.2.0/24",
    "macaddr": "00:00:5e:00:53:01",
    "macaddr8": "00:00:5e:00:53:01:00:00",
    "point": "(0,0)",
    "box": "(1,1),(0,0)",
    "circle": "<(0,0),1>",
    "line": "{1,-1,0}",
    "lseg": "[(0,0),(1,1)]",
    "path": "((0,0),(1,1))",
    "polygon": "((0,0),(1,1),(1,0))",
    "tsvector": "a",
    "tsquery": "a",
    "xml": "<a/>",
    "time without time zone": "00:00",
    "time with time zone": "00:00+00",
    "money": "1",
    "pg_lsn": "0/1",
    "hstore": "",
    "ltree": "a",
}
_MARK = "platformkit-"
"""Texts that were made up begin so where there is room."""
_TEXTS = frozenset({"text", "character varying", "character", "name", "citext", '"char"'})
_WHOLE = {"smallint": 30_000, "integer": 2_000_000_000, "bigint": 2_000_000_000, "oid": 2_000_000_000}
_FRACTIONS = frozenset({"numeric", "real", "double precision"})
_MOMENTS = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})
_RANGES = {
    "int4range": "integer",
    "int8range": "bigint",
    "numrange": "numeric",
    "daterange": "date",
    "tsrange": "date",
    "tstzrange": "date",
}


@dataclass(slots=True)
class MadeUpValues:
    """Values that hardly any row has, each different from the one before. `of` is what the rest of the probe calls."""

    session: Session
    types: dict[str, Type]
    _serial: Iterator[int] = field(default_factory=lambda: itertools.count(random.randrange(1, 1_000)))  # noqa: S311 - apart from other probes, nothing secret
    _accepted: dict[str, object] = field(default_factory=dict)

    def of(self, type_name: str) -> object | None:
        """JSON of a fresh value of the type, as the server prints its name; None when none can be made."""
        if type_name.endswith("[]"):
            return []
        own = self._own(type_name)
        if own is not None:
            return self._of_own(own, type_name)
        base = _MODIFIER.sub("", type_name).strip()
        return _plain(base, _numbers_in(type_name), next(self._serial))

    def labels_of(self, type_name: str) -> tuple[str, ...]:
        """Of an enum; none of any other type."""
        own = self._own(type_name)
        return tuple(own.labels) if own is not None and own.kind == "enum" else ()

    def _own(self, type_name: str) -> Type | None:
        return self.types.get(_MODIFIER.sub("", type_name).strip())

    def _of_own(self, own: Type, type_name: str) -> object | None:
        match own.kind:
            case "enum":
                return own.labels[0] if own.labels else None
            case "composite":
                return {}
            case "domain":
                return self._of_domain(own, type_name)
            case "range":
                return "empty"
        return _plain(own.name, _numbers_in(type_name), next(self._serial))

    def _of_domain(self, domain: Type, type_name: str) -> object | None:
        """The first value that the server lets through; asked once for a domain, unless fresh values pass."""
        found = _BASE.match(domain.definition or "")
        base = found[0] if found else "text"
        fresh = self.of(base)
        if type_name not in self._accepted:
            tries = [fresh, *alternatives(domain.definition or "", base), *_COMMON]
            self._accepted[type_name] = next((t for t in tries if t is not None and self._passes(t, type_name)), None)
        accepted = self._accepted[type_name]
        return fresh if accepted == fresh or (str(accepted).startswith(_MARK) and str(fresh).startswith(_MARK)) else accepted

    def _passes(self, value: object, type_name: str) -> bool:
        text = sql.Literal(value if isinstance(value, str) else str(value))
        return isinstance(self.session.ask(sql.SQL("select {}::text::{}").format(text, sql.SQL(type_name))), Reply)


def types_of(snapshot: Snapshot) -> dict[str, Type]:
    """By the name under which columns show them."""
    return {f"{quote_identifier(t.schema)}.{quote_identifier(t.name)}": t for t in snapshot.types}


def alternatives(condition: str, type_name: str) -> list[object]:
    """Values that the text of a check mentions, and the numbers beside them, as far as the type could read them."""
    base = _MODIFIER.sub("", type_name).strip()
    quoted = [text.replace("''", "'") for text in _QUOTED.findall(condition)]
    numbers = [text for text in (*_NUMBER.findall(condition), *quoted) if _NUMBER.fullmatch(text)]
    if base in _WHOLE:
        return [n for text in numbers for n in (int(float(text)), int(float(text)) + 1, int(float(text)) - 1)]
    if base in _FRACTIONS:
        return [n for text in numbers for n in (float(text), float(text) + 1, float(text) - 1)]
    if base == "boolean":
        return [True, False]
    if base in _TEXTS or base.endswith("citext"):
        lengths = ["a" * int(float(text)) for text in numbers if 0 < float(text) <= 200]
        return [*quoted, *_COMMON, *lengths]
    return list(quoted) if base not in _MOMENTS else ["2000-01-02", "2100-01-02", *[q for q in quoted if re.match(r"\d{4}-", q)]]


def tempting_values(type_name: str, policies: str, column: str, labels: Sequence[str] = ()) -> list[object]:
    """Values of a column that policies may look for, where they name it at all: what their text mentions, long ago and far ahead."""
    if not re.search(rf"\b{re.escape(column)}\b", policies):
        return []
    base = _MODIFIER.sub("", type_name).strip()
    quoted = list(dict.fromkeys(text.replace("''", "'") for text in _QUOTED.findall(policies)))
    if labels:
        return [text for text in quoted if text in labels]
    if base in ("text[]", "character varying[]"):
        return [quoted] if quoted else []
    if base in ("json", "jsonb"):
        keys = list(dict.fromkeys(key.replace("''", "'") for key in _KEY.findall(policies)))
        return [dict.fromkeys(keys, value) for value in (True, *(q for q in quoted if q not in keys))] if keys else []
    if base in _TEXTS:
        longest = next(iter(_numbers_in(type_name)), 1 if base in ("character", '"char"') else 63)
        return [text for text in quoted if len(text) <= longest]
    if base in _MOMENTS or (base in _WHOLE | dict.fromkeys(_FRACTIONS) and not _numbers_in(type_name)):
        most = {"smallint": 32_767}.get(base, 2_147_483_647)
        found = dict.fromkeys(alternatives(policies, type_name))
        return [v for v in found if not isinstance(v, int | float) or abs(v) <= most]
    return []


def _numbers_in(type_name: str) -> list[int]:
    """Length, or precision and scale."""
    modifier = _MODIFIER.search(type_name)
    return [int(n) for n in modifier[1].split(",")] if modifier else []


def _plain(base: str, modifier: list[int], serial: int) -> object | None:
    if base == "uuid":
        return str(uuid.uuid4())
    if base in _WHOLE:
        return _WHOLE[base] + serial % 2_000
    if base == "numeric" and modifier:
        scale = modifier[1] if len(modifier) > 1 else 0
        return serial % 10 ** max(0, min(modifier[0] - scale, 6)) if modifier[0] > scale else 0
    if base in _FRACTIONS:
        return 2_000_000_000 + serial
    if base in _TEXTS:
        text = f"{_MARK}{serial}-{uuid.uuid4().hex[:8]}"
        length = modifier[0] if modifier else 1 if base in ("character", '"char"') else 63
        return text if length >= len(text) else uuid.uuid4().hex[:length]
    if base in _MOMENTS:
        return f"20{serial % 90 + 10}-01-01"
    if base in _RANGES:
        return _range(_RANGES[base], serial)
    if base in ("bit", "bit varying"):
        return "0" * (modifier[0] if modifier else 1)
    if base in ("vector", "halfvec"):
        return "[" + ",".join(["1"] * (modifier[0] if modifier else 1)) + "]"
    return _FIXED.get(base)


def _range(of: str, serial: int) -> str:
    """One unit long, so that ranges do not overlap where they must not."""
    if of == "date":
        day = f"{1000 + serial % 900}-01-01"
        return f"[{day},{day[:8]}02)"
    return f"[{1_000_000 + 2 * serial},{1_000_001 + 2 * serial})"
