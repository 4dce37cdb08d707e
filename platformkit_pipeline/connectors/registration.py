"""Registration: a connector that is incomplete or fails is refused, with everything that is missing in one list (clause 9.1)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from platformkit_pipeline.connectors.answers import capability_faults
from platformkit_pipeline.connectors.class_path import ClassNotFound, class_of
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.connectors.questions import ask
from platformkit_pipeline.connectors.secrecy import secrets_of, told
from platformkit_pipeline.model.connector import Capability
from platformkit_pipeline.model.errors import ConfigurationError

CONSTRUCTION_SECONDS = 10.0

PORTS: Mapping[Capability, tuple[str, ...]] = {
    Capability.PUBLISH: ("publish", "relay_turn", "queue_depth"),
    Capability.CONSUME: ("receive",),
    Capability.ORDERED: (),
    Capability.REPLAY: ("replay_dead_letters",),
    Capability.SCHEMA: ("schema",),
}
"""The methods that a connector has to override for a capability."""

_QUESTIONS = ("inventory", "health", "capabilities", "contract_tests")
_NEEDED_WITH = {Capability.ORDERED: Capability.PUBLISH, Capability.REPLAY: Capability.PUBLISH}
_ARGUMENTS: Mapping[str, int] = {"publish": 1, "receive": 1}
"""How many arguments each method is called with; the others with none."""


_Method = TypeVar("_Method", bound=Callable[..., Any])


def unwritten_port(capability: Capability) -> Callable[[_Method], _Method]:
    """Marks a method of a base class that an author has to write before declaring the capability."""

    def mark(method: _Method) -> _Method:
        method.unwritten_port_of = capability  # type: ignore[attr-defined]  # functions take attributes
        return method

    return mark


class ConnectorRefused(ConfigurationError):
    """The connector is not registered; `missing` says everything that is missing."""

    def __init__(self, class_path: str, missing: tuple[str, ...]) -> None:
        super().__init__(f"{class_path} is not registered:" + "".join(f"\n  - {item}" for item in missing))
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of a class that wants to be a connector. `connector` is there exactly when nothing is missing."""

    class_path: str
    connector: Connector | None
    capabilities: tuple[Capability, ...]
    missing: tuple[str, ...]

    def required(self) -> Connector:
        """The connector. Raises ConnectorRefused."""
        if self.connector is None:
            raise ConnectorRefused(self.class_path, self.missing)
        return self.connector


def _capabilities_of(connector: Connector) -> tuple[tuple[str, ...], tuple[Capability, ...]]:
    """What is wrong with the answer, and the answer: foreign objects are looked at within the time of the question."""
    answer = connector.capabilities()
    faults = tuple(capability_faults(answer))
    return faults, () if faults else tuple(sorted(answer))


def register(class_path: str, options: Mapping[str, Any]) -> Registration:
    """Load the class, look at it, construct it with `options`, ask for its capabilities. The other side is not contacted."""
    try:
        found = class_of(class_path)
    except ClassNotFound as fault:
        return Registration(class_path, None, (), (str(fault),))
    return register_class(found, options, class_path=class_path)


def register_class(found: object, options: Mapping[str, Any], *, class_path: str | None = None) -> Registration:
    """As `register`, for a class that is at hand."""
    path = class_path or f"{getattr(found, '__module__', '?')}:{getattr(found, '__qualname__', found)}"
    missing = tuple(interface_faults(found))
    if missing or not isinstance(found, type) or not issubclass(found, Connector):
        return Registration(path, None, (), missing)
    secrets = secrets_of(options)
    made = ask(lambda: found(**options), seconds=CONSTRUCTION_SECONDS)
    if made.value is None:
        why = told(made.error, secrets) if made.error else "nothing"
        return Registration(path, None, (), (f"the constructor raises {why} with the options {_names(options)}",))
    connector = made.value
    answer = ask(lambda: _capabilities_of(connector), seconds=CONSTRUCTION_SECONDS)
    if answer.error is not None or answer.value is None:
        why = told(answer.error, secrets) if answer.error else "nothing"
        return Registration(path, None, (), (f"capabilities() raises {why}",))
    faults, declared = answer.value
    if faults:
        return Registration(path, None, (), faults)
    faults = tuple(port_faults(found, declared))
    return Registration(path, None if faults else connector, declared, faults)


def interface_of(class_path: str) -> tuple[str, ...]:
    """What is missing of the class at the class path, as far as can be said without constructing it."""
    try:
        return tuple(interface_faults(class_of(class_path)))
    except ClassNotFound as fault:
        return (str(fault),)


def interface_faults(found: object) -> Iterator[str]:
    """What can be said of a class without making an object of it."""
    if not isinstance(found, type):
        yield f"{found!r} is not a class"
        return
    if not issubclass(found, Connector):
        yield f"{found.__name__} does not derive from platformkit_pipeline.connectors.Connector"
        return
    for name in sorted(getattr(found, "__abstractmethods__", ())):
        yield f"{name}() is missing"
    ports = [method for methods in PORTS.values() for method in methods]
    for name in (*_QUESTIONS, *ports):
        method = getattr(found, name)
        if getattr(method, "__isabstractmethod__", False):
            continue
        if fault := _signature_fault(inspect.getattr_static(found, name), _ARGUMENTS.get(name, 0)):
            yield f"{name}() {fault}"
    if "on_bench" not in _overridden(found):
        yield "on_bench() is missing: without it the acceptance suite cannot put the connector to the test"
    elif fault := _signature_fault(inspect.getattr_static(found, "on_bench"), 2):
        yield f"on_bench() {fault}"


def port_faults(found: type[Connector], declared: tuple[Capability, ...]) -> Iterator[str]:
    """Capabilities that are declared and not there."""
    overridden = _overridden(found)
    for capability in declared:
        unwritten = [name for name in PORTS[capability] if name not in overridden]
        unwritten += [name for name in dir(found) if getattr(getattr(found, name), "unwritten_port_of", None) is capability]
        for name in unwritten:
            yield f"{name}() is missing: the capability {capability} is declared"
        needed = _NEEDED_WITH.get(capability)
        if needed is not None and needed not in declared:
            yield f"the capability {capability} is declared without {needed}, of which it says something"


def _overridden(found: type[Connector]) -> frozenset[str]:
    return frozenset(name for base in found.__mro__ if base not in (Connector, *Connector.__mro__) for name in vars(base))


def _signature_fault(method: object, arguments: int) -> str:
    """Why a method cannot be called as the interface says; empty when it can."""
    if isinstance(method, property) or not (callable(method) or isinstance(method, classmethod | staticmethod)):
        return "is not a method"
    function = method.__func__ if isinstance(method, classmethod | staticmethod) else method
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is asynchronous; the interface is not"
    bound = 0 if isinstance(method, staticmethod) else 1
    try:
        inspect.signature(function).bind(*[None] * (arguments + bound))
    except TypeError:
        called = "one argument" if arguments == 1 else f"{arguments or 'no'} arguments"
        return f"cannot be called with {called} as the interface does: its signature is {inspect.signature(function)}"
    except ValueError:
        return ""  # a method written in C need not tell
    return ""


def _names(options: Mapping[str, Any]) -> str:
    return ", ".join(sorted(options)) or "none"
