"""Which functions of the project execute what they are given: FUN008 follows what a caller sends into them.

A function counts as executing an argument when it passes it unquoted to EXECUTE, or to another such function. Functions
that call one another in a circle are read until nothing new is found.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from platformkit_pipeline.model.snapshot import Function
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.dynamic_sql import Input, UnquotedUse, inputs_of, unquoted_uses, unquoted_uses_of_sql
from platformkit_pipeline.sqltext.executing_calls import (
    NOTHING,
    Call,
    Executed,
    executed_by_built_in,
    mentions_execution,
)
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_COMPILED = frozenset({"c", "internal"})
_WORD = re.compile(r"[^\W\d]\w*")
_ROUNDS = 20
"""Readings of each function, at the most, before what is passed around in circles is left undecided."""

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Summary:
    """What a function executes of what it is given, by name of the argument."""

    surely: frozenset[str] = frozenset()
    perhaps: dict[str, str] = field(default_factory=dict)
    """Argument → why it cannot be told."""
    always: frozenset[str] = frozenset()
    """What else of the caller's: claims and headers of the request."""


class ExecutingFunctions:
    """Of one catalogue. What no definer can come to is never read."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._mentions: dict[str, frozenset[str]] = {}

    def may_execute(self, function: Function) -> bool:
        """It executes text, or mentions a function that may; most functions end here and are never parsed."""
        return _executes_by_itself(function) or not self._mentioned(function).isdisjoint(self._names)

    def uses(self, function: Function) -> tuple[UnquotedUse, ...]:
        """What of its caller's the function executes. Raises SqlSyntaxError."""
        self._summaries  # noqa: B018 - complete before the first answer
        return self._read(function)

    # -- who may execute anything -------------------------------------------------------------------------------------
    @cached_property
    def _by_word(self) -> dict[str, list[Function]]:
        """Functions by the word of their name under which a body mentions them."""
        found: dict[str, list[Function]] = defaultdict(list)
        for function in self._catalog.functions:
            found[_key_word(function.name)].append(function)
        return found

    def _mentioned(self, function: Function) -> frozenset[str]:
        """Key words of functions that stand in its body; a name without any letter may stand in every one."""
        text = _text_of(function)
        if not text:
            return frozenset()
        found = self._mentions.get(text)
        if found is None:
            words = {"", *_WORD.findall(text.lower())}
            found = self._mentions[text] = frozenset(word for word in words if word in self._by_word)
        return found

    @cached_property
    def _within_reach(self) -> tuple[Function, ...]:
        """The definers, and what their bodies mention, directly or through others: of most catalogues a small part."""
        definers = self._catalog.definers
        first = sorted({word for f in definers for word in self._mentioned(f)})
        words = _callees_first(first, lambda word: sorted({w for f in self._by_word[word] for w in self._mentioned(f)}))
        called = [f for word in words for f in self._by_word[word]]
        known = frozenset(words)
        return (*called, *(f for f in definers if _key_word(f.name) not in known))

    @cached_property
    def _names(self) -> frozenset[str]:
        """Key words of those within reach that execute text themselves or through others."""
        direct = {_key_word(f.name) for f in self._within_reach if _executes_by_itself(f)}
        if not direct:
            return frozenset()
        callers: dict[str, list[str]] = defaultdict(list)
        for function in self._within_reach:
            for word in self._mentioned(function):
                callers[word].append(_key_word(function.name))
        return _reached(direct, callers)

    @cached_property
    def _called(self) -> tuple[Function, ...]:
        """Functions that may execute something; those that one calls stand before it, circles aside."""
        return tuple(f for f in self._within_reach if _key_word(f.name) in self._names and self.may_execute(f))

    # -- what they execute --------------------------------------------------------------------------------------------
    @cached_property
    def _found(self) -> dict[_Key, _Summary]:
        return {_key(f): _Summary() for f in self._called}

    @cached_property
    def _summaries(self) -> dict[_Key, _Summary]:
        """Read until nothing new is found: what a function executes only ever becomes more."""
        found = self._found
        callers: dict[str, list[Function]] = defaultdict(list)
        for function in self._called:
            for word in self._mentioned(function):
                callers[word].append(function)
        waiting, queued = deque(self._called), {_key(f) for f in self._called}
        readings: dict[_Key, int] = defaultdict(int)
        while waiting:
            function = waiting.popleft()
            key = _key(function)
            queued.discard(key)
            readings[key] += 1
            summary = self._summary(function)
            if summary == found[key]:
                continue
            found[key] = summary if readings[key] < _ROUNDS else _undecided(function, summary)
            again = [f for f in callers[_key_word(function.name)] if _key(f) not in queued and readings[_key(f)] < _ROUNDS]
            waiting.extend(again)
            queued.update(map(_key, again))
        return found

    def _summary(self, function: Function) -> _Summary:
        try:
            uses = self._read(function)
        except SqlSyntaxError as error:
            return _unreadable(function, str(error))
        names = {argument.name for argument in inputs_of(function.arguments)}
        sure = {source for use in uses if not use.doubt for source in use.sources}
        doubts = {source: use.doubt for use in uses if use.doubt for source in use.sources if source in names - sure}
        return _Summary(frozenset(sure & names), doubts, frozenset(sure - names - {"NEW", "OLD"}))

    def _read(self, function: Function) -> tuple[UnquotedUse, ...]:
        catalog = self._catalog
        if function.language == "plpgsql" and function.definition is not None:
            return unquoted_uses(function.definition, function.arguments, catalog.is_enum, self._result_type, self._executed)
        text = _text_of(function)
        if function.language == "sql" and text is not None:
            return unquoted_uses_of_sql(text, function.arguments, catalog.is_enum, self._result_type, self._executed)
        raise SqlSyntaxError(f"it is written in {function.language}" if text is not None else "its definition is not to be had")

    def _executed(self, call: Call) -> Executed:
        """What the called function executes; where overloads differ, what only some of them do is in doubt."""
        meant = self._meant(call)
        if not meant:
            return executed_by_built_in(call)
        answers = [_of_call(call, inputs_of(f.arguments), self._found.get(_key(f), _Summary()), f) for f in meant]
        if len(answers) == 1 or all(answer == answers[0] for answer in answers):
            return answers[0]
        surely = frozenset.intersection(*(a.surely for a in answers))
        why = f"which {'.'.join(call.name)} is called cannot be told from its arguments"
        unsure = {place: why for a in answers for place in (*a.surely, *a.perhaps) if place not in surely}
        return Executed(surely, unsure, frozenset.intersection(*(a.always for a in answers)))

    def _meant(self, call: Call) -> list[Function]:
        """Functions of the project that the call can mean; one without arguments left to their defaults is taken first."""
        schema = call.name[-2] if len(call.name) > 1 else None
        named = self._catalog.functions_named(call.name[-1], schema)
        fitting = [f for f in named if f.extension is None and _fits(call, inputs_of(f.arguments))] if named else []
        exact = [f for f in fitting if len(inputs_of(f.arguments)) == len(call.arguments)]
        return exact or fitting

    def _result_type(self, name: tuple[str, ...]) -> str | None:
        """What every function of that name returns, when it is the same for all overloads."""
        found = {f.result for f in self._catalog.functions_named(name[-1], name[-2] if len(name) > 1 else None)}
        return found.pop() if len(found) == 1 else None


def _executes_by_itself(function: Function) -> bool:
    text = _text_of(function)
    return text is not None and function.language not in _COMPILED and mentions_execution(text, function.language)


def _text_of(function: Function) -> str | None:
    return function.body if function.body is not None else function.sql_body


def _key(function: Function) -> _Key:
    return (function.schema, function.name, function.arguments)


def _key_word(name: str) -> str:
    """The longest word of a name, by which a body that calls it can be found without being parsed."""
    return max(_WORD.findall(name.lower()), key=len, default="")


def _reached(first: Iterable[str], following: dict[str, list[str]]) -> frozenset[str]:
    found = set(first)
    waiting = list(found)
    while waiting:
        new = set(following.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return frozenset(found)


def _callees_first(first: Iterable[str], following: Callable[[str], list[str]]) -> list[str]:
    """Everything reached from `first`; each after what follows it, unless that leads back to it."""
    done: dict[str, None] = {}
    entered: set[str] = set()
    for start in first:
        stack = [(start, iter(following(start)))] if start not in entered else []
        entered.add(start)
        while stack:
            word, rest = stack[-1]
            below = next((w for w in rest if w not in entered), None)
            if below is None:
                done[word] = None
                stack.pop()
            else:
                entered.add(below)
                stack.append((below, iter(following(below))))
    return list(done)


def _undecided(function: Function, summary: _Summary) -> _Summary:
    why = f"{function.schema}.{function.name} may execute it: its calls go round in circles"
    rest = {argument.name: why for argument in inputs_of(function.arguments) if argument.name not in summary.surely}
    return _Summary(summary.surely, rest, summary.always)


def _unreadable(function: Function, why: str) -> _Summary:
    reason = f"{function.schema}.{function.name} may execute it and could not be read: {why}"
    return _Summary(perhaps={argument.name: reason for argument in inputs_of(function.arguments)})


def _fits(call: Call, inputs: tuple[Input, ...]) -> bool:
    names = {argument.name for argument in inputs}
    many = any(argument.variadic for argument in inputs)
    return (many or len(call.arguments) <= len(inputs)) and all(not name or name in names for name in call.arguments)


def _of_call(call: Call, inputs: tuple[Input, ...], summary: _Summary, function: Function) -> Executed:
    """The summary by position in the call."""
    if summary == _Summary():
        return NOTHING
    surely, perhaps = set(), {}
    for place, name in enumerate(call.arguments):
        argument = name or _name_at(place, inputs, function)
        if argument in summary.surely:
            surely.add(place)
        elif argument in summary.perhaps:
            perhaps[place] = summary.perhaps[argument]
    return Executed(frozenset(surely), perhaps, summary.always)


def _name_at(place: int, inputs: tuple[Input, ...], function: Function) -> str:
    """CALL names every argument of a procedure, its OUT ones too; a call of a function those that go in."""
    for number, argument in enumerate(inputs, 1):
        position = argument.position if function.kind == "procedure" else number
        if position == place + 1 or (argument.variadic and position <= place + 1):
            return argument.name
    return ""
