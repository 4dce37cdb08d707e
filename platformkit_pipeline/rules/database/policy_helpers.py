"""Functions that policies call, in the form in which `sqltext` reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.inlining import HelperFunction

_ARGUMENT = re.compile(r'(?:(?:IN|INOUT|VARIADIC)\s+)?(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^\s"]+))\s+\S')


class PolicyHelpers:
    """Looks functions up by the name that a policy prints; each is prepared once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[str, ...], HelperFunction | None] = {}

    def find(self, name: tuple[str, ...]) -> HelperFunction | None:
        """None when it was not observed, or when several functions of that name are told apart by their arguments."""
        if name not in self._known:
            self._known[name] = self._prepared(name)
        return self._known[name]

    def _prepared(self, name: tuple[str, ...]) -> HelperFunction | None:
        candidates = self._catalog.functions_named(name[-1], name[-2] if len(name) > 1 else None)
        if len(candidates) != 1:
            return None
        function = candidates[0]
        return HelperFunction(
            language=function.language,
            body=function.sql_body or function.body,
            definition=function.definition,
            argument_names=tuple(_argument_names(function.arguments)),
            strict=function.strict,
            security_definer=function.security_definer,
        )


def _argument_names(arguments: str) -> Iterator[str]:
    """Input arguments out of `pg_get_function_identity_arguments`: their names, "" for one without. OUT arguments are not passed."""
    for argument in _split_arguments(arguments):
        if argument.startswith("OUT "):
            continue
        match = _ARGUMENT.match(argument)
        if match is None:
            yield ""
        else:
            yield match["quoted"].replace('""', '"') if match["quoted"] else match["plain"]


def _split_arguments(arguments: str) -> Iterator[str]:
    depth, start, quoted = 0, 0, False
    for position, character in enumerate(arguments):
        quoted ^= character == '"'
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0 and not quoted:
            yield arguments[start:position].strip()
            start = position + 1
    if arguments[start:].strip():
        yield arguments[start:].strip()
