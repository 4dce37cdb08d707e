"""What of a text is masked before it is shown."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import redact


@pytest.mark.timeout(30)  # no time at all when it goes well, minutes when work grows with the square
@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        "a://b:" * 50_000,
        "token " + " " * 300_000,
        "password " * 40_000,
        "a@" * 100_000,
        "://" * 100_000 + "@",
        "password='" * 30_000,
    ],
    ids=["letters", "logins", "blanks", "words", "ats", "schemes", "quotes"],
)
def test_long_text_is_masked_in_no_time(text: str) -> None:
    assert redact(text + " postgresql://me:hunter2@db/shop").endswith("postgresql://me:***@db/shop")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("1https://me:p@ss@w@db/x", "1https://me:***@db/x"),
        ("see (postgresql://me:hunter2@db) and a@b", "see (postgresql://me:***@db) and a@b"),
        ("token: abcdefghijklmnop1234", "token: ***"),
        ("Bearer   abcdefghijklmnop1234", "Bearer   ***"),
    ],
)
def test_what_stands_around_a_login_stays(text: str, masked: str) -> None:
    assert redact(text) == masked
