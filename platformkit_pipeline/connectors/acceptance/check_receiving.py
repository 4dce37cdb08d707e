"""Receiving: at least once over the wire is exactly once in effect (clause 9.2)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from platformkit_pipeline.connectors.acceptance.check import CannotTell, Fails, check
from platformkit_pipeline.connectors.acceptance.other_process import done_elsewhere
from platformkit_pipeline.connectors.acceptance.trial import Trial, new_event
from platformkit_pipeline.connectors.interface import Bench, Connector
from platformkit_pipeline.connectors.questions import ask
from platformkit_pipeline.model.connector import Capability
from platformkit_pipeline.model.event import Event

_AT_ONCE = 4
_ROUNDS = 3


@check("receive.takes_effect", "9.2", "An event that is received takes effect, and receive() says so", needs=Capability.CONSUME)
def receive_takes_effect(trial: Trial) -> None:
    bench = trial.workbench.fresh()
    connector, event = trial.connector(bench), new_event()
    answer = _received(trial, connector, event)
    effects = trial.workbench.effects(bench, event.id)
    if effects != 1:
        raise Fails(f"an event was received, and took effect {effects} times")
    if answer is not True:
        raise Fails(f"receive() answers {answer!r} for an event that it had not seen before")


@check(
    "receive.idempotent",
    "9.2",
    "The same event again has no effect, and receive() answers False",
    needs=Capability.CONSUME,
    after=("receive.takes_effect",),
)
def receive_idempotent(trial: Trial) -> None:
    bench = trial.workbench.fresh()
    event = new_event()
    _received(trial, trial.connector(bench), event)
    # another object, as after a restart: a memory in the process is none
    answers = [_received(trial, trial.connector(bench), event) for _ in range(2)]
    if (effects := trial.workbench.effects(bench, event.id)) != 1:
        raise Fails(f"an event that was received three times took effect {effects} times")
    if answers != [False, False]:
        raise Fails(f"receive() answers {answers[0]!r} for an event that took effect before")
    _known_elsewhere(trial, bench)


def _known_elsewhere(trial: Trial, bench: Bench) -> None:
    """A process takes an event and ends; the event arrives again at another."""
    event = new_event()
    if not done_elsewhere(trial, bench, "receive", event):
        return
    _received(trial, trial.connector(bench), event)
    if (effects := trial.workbench.effects(bench, event.id)) != 1:
        raise Fails(f"an event took effect {effects} times in two processes, one after the other: a memory in the process is none")


@check(
    "receive.concurrent",
    "9.2",
    "The same event at several workers at once has one effect",
    needs=Capability.CONSUME,
    after=("receive.idempotent",),
)
def receive_concurrent(trial: Trial) -> None:
    for _ in range(_ROUNDS):
        bench = trial.workbench.fresh()
        event = new_event()
        connectors = [trial.connector(bench) for _ in range(_AT_ONCE)]
        together = threading.Barrier(_AT_ONCE)

        def receive(connector: Connector, event: Event = event, together: threading.Barrier = together) -> object:
            together.wait(trial.limits.call_seconds)
            return ask(lambda: connector.receive(event), seconds=trial.limits.call_seconds)

        with ThreadPoolExecutor(_AT_ONCE) as workers:
            list(workers.map(receive, connectors))
        # one that lost the race may have raised; it is delivered again then, as the wire would
        _received(trial, trial.connector(bench), event)
        if (effects := trial.workbench.effects(bench, event.id)) != 1:
            raise Fails(f"an event that {_AT_ONCE} workers received at once took effect {effects} times")


@check(
    "receive.one_transaction",
    "9.2",
    "An effect and the memory of it are one transaction: neither survives without the other",
    needs=Capability.CONSUME,
    after=("receive.idempotent",),
)
def receive_one_transaction(trial: Trial) -> None:
    bench = trial.workbench.fresh()
    lost, doubled = new_event(), new_event()
    trial.workbench.spoil_effect(bench, lost.id, "refuse")
    if ask(lambda: trial.connector(bench).receive(lost), seconds=trial.limits.call_seconds).value is True:
        raise Fails("receive() answers True though the effect failed")
    trial.workbench.mend_effects(bench)
    _received(trial, trial.connector(bench), lost)
    if (effects := trial.workbench.effects(bench, lost.id)) != 1:
        raise Fails(f"an event whose effect had failed was received again, and took effect {effects} times: it is remembered all the same")
    _after_a_crash(trial, bench, doubled)


def _after_a_crash(trial: Trial, bench: Bench, event: Event) -> None:
    """The session writes nothing after the transaction of the effect, as if the process had died there."""
    trial.workbench.spoil_effect(bench, event.id, "seal")
    ask(lambda: trial.connector(bench).receive(event), seconds=trial.limits.call_seconds)
    trial.workbench.mend_effects(bench)
    if trial.workbench.effects(bench, event.id) != 1:
        raise CannotTell("the effect could not be put before a crash: it was not there after it")
    _received(trial, trial.connector(bench), event)
    if (effects := trial.workbench.effects(bench, event.id)) != 1:
        raise Fails(f"a crash right after the effect, and the event took effect {effects} times: it is remembered in another transaction")


def _received(trial: Trial, connector: Connector, event: Event) -> object:
    return trial.call("receive()", lambda: connector.receive(event))
