"""Which column names say that they hold something sensitive."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.sensitive_names import category_of


@pytest.mark.parametrize(
    ("column", "category"),
    [
        ("password", "credential"),
        ("PasswordHash", "credential"),
        ("user-api-key", "credential"),
        ("stripeAPIKey", "credential"),
        ("refresh_token", "credential"),
        ("pin", "credential"),
        ("billing_card_number", "financial"),
        ("IBAN", "financial"),
        ("ssn", "personal"),
        ("social security number", "personal"),
        ("customerEmail", "personal"),
        ("dateOfBirth", "personal"),
    ],
)
def test_names_in_any_style_and_behind_other_words(column: str, category: str) -> None:
    assert category_of(column) == category


@pytest.mark.parametrize(
    "column",
    [
        "id",
        "name",
        "passport_photo_count",
        "password_changed_at",
        "shipping_pin",
        "design_token",
        "email_id",
        "phone_verified",
        "",
        "_",
        "título",
    ],
)
def test_names_that_only_remind_of_something_sensitive(column: str) -> None:
    assert category_of(column) is None
