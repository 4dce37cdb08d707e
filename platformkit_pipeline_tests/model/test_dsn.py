"""Passwords are taken out of texts, however long the text is that somebody else wrote."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgresql://me:p@ss:w/ord@db/shop now", "at postgresql://me:***@db/shop now"),
        ("http://a/b https://x:y@z", "http://a/b https://x:***@z"),
        ("1://a:b@c", "1://a:b@c"),
        ("git+ssh2://:key@host\nhttps://host:80/@", "git+ssh2://:***@host\nhttps://host:***@"),
        ("token =  0123456789abcdef", "token =  ***"),
        ("bearer 0123456789abcdef", "bearer ***"),
    ],
)
def test_what_is_a_password_and_what_is_none(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("repeated", ["postgresql://a:", "a", "token          ", "://", "1.", "password='"])
def test_a_long_text_takes_no_more_than_its_length(repeated: str) -> None:
    # by the square of it this would take hours, with the interpreter's lock held: nobody could end it
    assert len(redact(repeated * 300_000)) <= len(repeated) * 300_000


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
