"""Delivery of the product's own events (clause 9.2): from `ops.outbox` to the webhooks that the settings name.

An event becomes one row of the outbox for each destination, all under the event's id: each has its own attempts, its own order and
its own dead letter. So a webhook that is down holds back no other, and none gets anything a second time because of it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from platformkit_pipeline.connectors.delivery.github_issues import GithubIssueSender
from platformkit_pipeline.connectors.delivery.http import HttpSender
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import control_plane_errors, session
from platformkit_pipeline.control_plane.migrations import require_current
from platformkit_pipeline.introspection.github.api import ADDRESS, ADDRESS_VARIABLE
from platformkit_pipeline.introspection.web_api import keeps_secrets
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.settings import GithubIssues, Notifications, Webhook
from platformkit_pipeline.notifications import github_issue, mattermost, n8n
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.hand_out_events import LASTING, connection_of_relay, handing_out
from platformkit_pipeline.operations.hold_floods import Limits, sum_up_floods

_LOG = get_logger("operations.deliver_events")
_SECONDS_BETWEEN_SUMS = 60
ISSUES = "github_issues"
_RENDERERS: Mapping[str, Callable[..., Mapping[str, Any]]] = {"mattermost": mattermost.message_of, "n8n": n8n.message_of}


class Sender(Protocol):
    """Takes one event to where it belongs; raises DeliveryFailed or DeliveryRefused."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Destination:
    """`name` is the column `destination` of the outbox."""

    name: str
    send: Sender
    per_hour: int | None = None
    """Messages about one target; what is more is summed up. None: however many."""


def destinations(notifications: Notifications, environment: Mapping[str, str] = os.environ) -> tuple[Destination, ...]:
    """Where the settings want events to go. Raises ConfigurationError for a variable that is not set or holds no https URL."""
    return tuple(make() for make in _makers(notifications, environment).values())


def usable_destinations(
    notifications: Notifications, environment: Mapping[str, str] = os.environ
) -> tuple[tuple[Destination, ...], dict[str, str]]:
    """Those of `destinations` that can be used, and why the others cannot, by name.

    Raises ConfigurationError where none can: one that lost its variable must not silence the others.
    """
    usable, faults = [], {}
    for name, make in _makers(notifications, environment).items():
        try:
            usable.append(make())
        except ConfigurationError as error:
            faults[name] = str(error)
    if faults and not usable:
        raise ConfigurationError("; ".join(faults.values()))
    return tuple(usable), faults


def limits_wanted(notifications: Notifications) -> Limits:
    """Messages an hour about one target by destination, of all that the settings name, whether they can be used now or not."""
    webhooks = dict.fromkeys(_configured(notifications), notifications.messages_per_hour)
    return webhooks if notifications.github_issues is None else {**webhooks, ISSUES: None}


def _makers(notifications: Notifications, environment: Mapping[str, str]) -> dict[str, Callable[[], Destination]]:
    def webhook(name: str, variable: str) -> Destination:
        sender = HttpSender(_url(name, variable, environment), body=_body(name, notifications.web_url))
        return Destination(name, sender, notifications.messages_per_hour)

    def issues(wanted: GithubIssues) -> Destination:
        return Destination(ISSUES, _issue_sender(wanted, notifications.web_url, environment))

    makers: dict[str, Callable[[], Destination]] = {
        name: functools.partial(webhook, name, configured.webhook_env) for name, configured in _configured(notifications).items()
    }
    if notifications.github_issues is not None:
        makers[ISSUES] = functools.partial(issues, notifications.github_issues)
    return makers


def deliver_once(dsn: Dsn, to: Sequence[Destination], policy: RetryPolicy | None = None, clock: Clock = SYSTEM_CLOCK) -> dict[str, Turn]:
    """Deliver everything that is due now; what each destination got. Raises ControlPlaneError."""
    _check(dsn)
    if to:
        _drained(handing_out(dsn, limits_of(to)))
        sum_up(dsn, to, clock)
    return {destination.name: _drained(relay_to(dsn, destination, policy)) for destination in to}


def deliver_until(stop: threading.Event, dsn: Dsn, to: Sequence[Destination], policy: RetryPolicy | None = None) -> None:
    """Deliver until `stop` is set and what is in hand is done, each destination in a thread of its own.

    Raises ControlPlaneError when the control plane is not usable at the start, or stops being what this version expects; a server
    that is restarted meanwhile is waited for.
    """
    _check(dsn)
    failures: list[psycopg.Error] = []

    def run(relay: Relay) -> None:
        try:
            relay.run(stop)
        except psycopg.Error as error:
            failures.append(error)
            stop.set()

    relays = {destination.name: relay_to(dsn, destination, policy) for destination in to}
    if to:
        relays["handing out"] = handing_out(dsn, limits_of(to))
    threads = [threading.Thread(target=run, args=(relay,), name=name) for name, relay in relays.items()]
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(_SECONDS_BETWEEN_SUMS):
            try:
                sum_up(dsn, to, SYSTEM_CLOCK)
            except ControlPlaneError as error:  # a server that is restarted is waited for
                _LOG.warning("floods were not summed up", reason=str(error))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with control_plane_errors(dsn):
        for failure in failures:
            raise failure


def limits_of(to: Sequence[Destination]) -> Limits:
    """Messages an hour about one target, by destination."""
    return {destination.name: destination.per_hour for destination in to}


def sum_up(dsn: Dsn, to: Sequence[Destination], clock: Clock) -> None:
    """Put what was held of hours that are over into one message each. Raises ControlPlaneError."""
    with session(dsn) as connection:
        sum_up_floods(connection, limits_of(to), clock.now())


def _configured(notifications: Notifications) -> dict[str, Webhook]:
    named = {"mattermost": notifications.mattermost, "n8n": notifications.n8n}
    return {name: webhook for name, webhook in named.items() if webhook is not None}


def _issue_sender(issues: GithubIssues, web_url: str | None, environment: Mapping[str, str]) -> GithubIssueSender:
    token = environment.get(issues.token_env, "").strip()
    if not token or not (token.isascii() and token.isprintable()):
        raise ConfigurationError(
            f"notifications.github_issues: environment variable {issues.token_env} holds no token that may write issues"
        )
    address = environment.get(ADDRESS_VARIABLE, "").strip().rstrip("/") or ADDRESS
    if not keeps_secrets(address):
        raise ConfigurationError(f"{ADDRESS_VARIABLE} must be an https address: the access token would travel in the clear")
    render = functools.partial(github_issue.note_of, web_url=web_url)
    return GithubIssueSender(address, token, issues.repository, render=render, labels=issues.labels)


def _body(name: str, web_url: str | None) -> Callable[[Event], Mapping[str, Any]]:
    return functools.partial(_RENDERERS[name], web_url=web_url)


def _url(name: str, variable: str, environment: Mapping[str, str]) -> str:
    """Never in a message: whoever knows the URL of a webhook may post there."""
    url = environment.get(variable, "").strip()
    if not url:
        raise ConfigurationError(f"notifications.{name}: environment variable {variable} is not set; it must hold the URL of the webhook")
    if not keeps_secrets(url):
        raise ConfigurationError(f"notifications.{name}: environment variable {variable} must hold an https URL")
    return url


def _check(dsn: Dsn) -> None:
    with session(dsn) as connection:
        require_current(connection)


def relay_to(dsn: Dsn, destination: Destination, policy: RetryPolicy | None = None, *, batch: int = 100, hold_seconds: float = 30) -> Relay:
    """What delivers to one destination; a turn begins no attempt after `hold_seconds`."""
    return Relay(
        lambda: connection_of_relay(dsn),
        destination.send,
        policy=policy or LASTING,
        batch=batch,
        destination=destination.name,
        hold_seconds=hold_seconds,
    )


def _drained(relay: Relay) -> Turn:
    total = Turn()
    try:
        with control_plane_errors():
            while not (done := relay.turn()).idle:
                total = Turn(total.delivered + done.delivered, total.postponed + done.postponed, total.dead + done.dead)
    finally:
        relay.close()
    return total
