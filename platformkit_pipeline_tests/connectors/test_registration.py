"""Registration refuses what is incomplete or failing, with everything that is missing, and contacts nobody."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from platformkit_pipeline.connectors.discovery import GROUP, offered_connectors
from platformkit_pipeline.connectors.examples.broken_answers import Incomplete
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.connectors.interface import Bench, Connector
from platformkit_pipeline.connectors.registration import ConnectorRefused, register, register_class
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus

CONNECTORS = "platformkit_pipeline.connectors"
SHIPPED: dict[str, dict[str, Any]] = {
    f"{CONNECTORS}.postgres_outbox:PostgresOutboxConnector": {"dsn_env": "SHOP_URL", "url_env": "EVENTS_URL"},
    f"{CONNECTORS}.http_service:HttpServiceConnector": {"url": "https://shop.example.com"},
    f"{CONNECTORS}.github:GithubConnector": {"repositories": ["acme/shop"], "token_env": "GITHUB_TOKEN"},
}


class Plain(Connector):
    """Complete, and without any port for events."""

    declared: Any = frozenset()

    @classmethod
    def on_bench(cls, bench: Bench, options: Any) -> Plain:
        return cls()

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("thing", "one")]

    def health(self) -> Health:
        return Health(HealthStatus.UP, 0.0)

    def capabilities(self) -> frozenset[Capability]:
        return self.declared  # type: ignore[no-any-return]  # also what is wrong

    def contract_tests(self) -> Sequence[ContractTestResult]:
        return []


def declaring(*capabilities: object) -> type[Plain]:
    return type("Declaring", (Plain,), {"declared": frozenset(capabilities)})


def missing_of(found: object, **options: Any) -> tuple[str, ...]:
    registration = register_class(found, options)
    assert (registration.connector is None) == bool(registration.missing)
    return registration.missing


@pytest.mark.parametrize("class_path", SHIPPED)
def test_what_ships_with_the_product_is_registered_without_contacting_anybody(class_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connector connects while it is registered")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert register(class_path, SHIPPED[class_path]).required().capabilities() is not None


def test_everything_that_is_missing_is_said_at_once() -> None:
    missing = missing_of(Incomplete)
    assert [text.split("(")[0] for text in missing] == ["capabilities", "contract_tests", "health", "on_bench"]
    assert "cannot be called with no arguments" in missing[2]


def test_a_refusal_names_the_class_and_every_fault() -> None:
    with pytest.raises(ConnectorRefused, match=r"(?s)Incomplete is not registered:.*capabilities\(\) is missing.*on_bench\(\) is missing"):
        register_class(Incomplete, {}).required()


@pytest.mark.parametrize(
    ("capability", "ports"),
    [
        (Capability.CONSUME, ["receive"]),
        (Capability.PUBLISH, ["publish", "relay_turn", "queue_depth"]),
        (Capability.SCHEMA, ["schema"]),
    ],
)
def test_a_capability_without_its_port_is_refused(capability: Capability, ports: list[str]) -> None:
    assert missing_of(declaring(capability)) == tuple(f"{port}() is missing: the capability {capability} is declared" for port in ports)


def test_an_event_connector_that_declares_to_consume_has_to_have_a_handler() -> None:
    class Deaf(WellKeptConnector):
        handle = WellKeptConnector.__mro__[1].handle  # type: ignore[attr-defined]  # as if it had not been written

    assert Capability.CONSUME in WellKeptConnector().capabilities()
    assert Capability.CONSUME not in Deaf().capabilities()
    deaf = type("Deaf", (Deaf,), {"capabilities": lambda self: frozenset({Capability.CONSUME})})
    assert missing_of(deaf) == ("handle() is missing: the capability consume is declared",)


def test_order_without_publishing_is_no_capability() -> None:
    assert missing_of(declaring(Capability.ORDERED)) == ("the capability ordered is declared without publish, of which it says something",)


def test_a_capability_that_does_not_exist_is_refused() -> None:
    assert "declares 'teleport', which is no Capability" in missing_of(declaring("teleport"))[0]


def test_capabilities_of_another_type_are_refused() -> None:
    listing = type("Listing", (Plain,), {"declared": ["publish"]})
    assert missing_of(listing) == ("capabilities() answers a value of type list instead of a frozenset of Capability",)


def test_an_asynchronous_method_is_refused() -> None:
    async def health(self: object) -> Health:
        return Health(HealthStatus.UP, 0.0)

    assert missing_of(type("Eager", (Plain,), {"health": health})) == ("health() is asynchronous; the interface is not",)


def test_a_property_in_place_of_a_method_is_refused() -> None:
    assert missing_of(type("Proper", (Plain,), {"inventory": property(lambda self: [])})) == ("inventory() is not a method",)


def test_options_that_the_constructor_does_not_know_are_a_fault_of_the_settings_that_is_named() -> None:
    missing = missing_of(WellKeptConnector, uri="https://hooks.example.com")
    assert len(missing) == 1
    assert "unexpected keyword argument 'uri'" in missing[0]


def test_a_constructor_that_tells_a_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Talkative(Plain):
        def __init__(self, dsn_env: str) -> None:
            raise ValueError("cannot parse postgresql://me:hunter2@db/shop, that is hunter2")

    monkeypatch.setenv("SHOP_URL", "postgresql://me:hunter2@db/shop")
    missing = missing_of(Talkative, dsn_env="SHOP_URL")
    assert "the constructor raises ValueError" in missing[0]
    assert "hunter2" not in missing[0]


def test_a_constructor_that_leaves_the_program_is_a_fault_of_the_connector() -> None:
    class Leaving(Plain):
        def __init__(self) -> None:
            sys.exit(3)

    assert "raises SystemExit: 3" in missing_of(Leaving)[0]


@pytest.mark.parametrize(
    ("class_path", "fault"),
    [
        ("shop", "is no class path"),
        ("no_such_package.shop:Shop", "there is no module no_such_package"),
        ("platformkit_pipeline.connectors.nothing:Shop", "there is no module platformkit_pipeline.connectors.nothing"),
        ("json:Shop", "the module json has no Shop"),
        ("json:dumps", "is not a class"),
        ("json:JSONDecoder", "does not derive from"),
    ],
)
def test_a_class_path_that_leads_to_no_connector_says_how_far_it_led(class_path: str, fault: str) -> None:
    registration = register(class_path, {})
    assert registration.connector is None
    assert fault in registration.missing[0]


def test_a_module_that_fails_when_it_is_imported_is_told_apart_from_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_with_fault.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert register("shop_with_fault:Shop", {}).missing == (
        "the module shop_with_fault cannot be imported: ModuleNotFoundError: No module named 'not_installed_anywhere'",
    )


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_the_product_offers_its_three_connectors() -> None:
    offered = {offer.name: offer for offer in offered_connectors()}
    assert {"postgres-outbox", "http-service", "github"} <= offered.keys()
    assert {offered[name].class_path for name in ("postgres-outbox", "http-service", "github")} == set(SHIPPED)
    assert not any(offer.fault for offer in offered.values())


def test_a_name_that_two_packages_offer_is_reported_and_not_raised() -> None:
    offers = offered_connectors([point("shop", "acme.shop:Shop"), point("shop", "other.shop:Shop"), point("blog", "acme.blog:Blog")])
    assert [(offer.name, bool(offer.fault)) for offer in offers] == [("blog", False), ("shop", True)]
    assert "acme.shop:Shop" in offers[1].fault
    assert "other.shop:Shop" in offers[1].fault


def test_the_same_package_twice_on_the_path_is_no_contradiction() -> None:
    assert [offer.fault for offer in offered_connectors([point("shop", "acme.shop:Shop")] * 2)] == [""]


def test_a_broken_entry_point_is_reported_and_not_raised() -> None:
    assert "is no class path" in offered_connectors([point("shop", "acme.shop")])[0].fault
