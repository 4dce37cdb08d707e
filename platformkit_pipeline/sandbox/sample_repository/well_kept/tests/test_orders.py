"""Orders can be cancelled."""

from shop.orders import cancel


def test_an_order_can_be_cancelled() -> None:
    cancel("1001")
