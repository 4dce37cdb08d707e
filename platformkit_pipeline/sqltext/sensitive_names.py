"""Does a column's name say that it holds something that must not be read by everybody?

A name is taken apart into words, whatever the style (`Card-Number`, `cardNumber`, `CARD_NUMBER`), and what counts are its
last words: `billing_card_number` is a card number, `card_number_checked_at` is not. Words that mean too much to be
trusted behind another word (`token`, `pin`) count only when they are the whole name.
"""

from __future__ import annotations

import re

_ENDINGS: dict[str, str] = {
    "credential": """
        password, passwd, passphrase, password hash, hashed password, password digest, password salt, encrypted password, api key,
        api secret, api token, access key, access token, refresh token, auth token, bearer token, session token, session key, id
        token, reset token, recovery token, confirmation token, verification token, invite token, client secret, app secret,
        shared secret, webhook secret, signing secret, signing key, jwt secret, private key, secret key, service key, encryption
        key, ssh key, mfa secret, totp secret, otp secret, recovery code, recovery codes, backup code, backup codes, security
        answer, license key
    """,
    "financial": """
        credit card, credit card number, card number, debit card number, card verification value, iban, bank account,
        bank account number, account number, routing number, sort code, swift code, tax id, tax number, taxpayer id, vat number,
        salary, annual income, net worth, credit score, crypto wallet, wallet address
    """,
    "personal": """
        email, e mail, email address, phone, phone number, telephone, telephone number, mobile number, mobile phone, cell phone,
        date of birth, birth date, birthday, home address, street address, postal address, billing address, shipping address,
        maiden name, ssn, social security number, social insurance number, national id, national insurance number, identity number,
        passport number, driver license, drivers license, driver license number, drivers license number, ip address,
        medical record number, medical history, health record, insurance number, diagnosis, blood type, ethnicity,
        sexual orientation, biometric data, emergency contact
    """,
}
_WHOLE: dict[str, str] = {
    "credential": "pwd, pass, pin, otp, token, secret, credentials, cvv, cvv2, cvc",
    "financial": "pan, cc number, ccn, income, bic, swift, account no",
    "personal": "dob, passport, mobile, religion, nationality, disability, genome, birthdate, sin, nin",
}
_LONGEST = 4
"""Words that the longest ending may have in a name: `social security number`, and one to spare for names split oddly."""


def _table(lists: dict[str, str]) -> dict[str, str]:
    """Words written together → category."""
    return {re.sub(r"\s", "", phrase): category for category, text in lists.items() for phrase in text.split(",")}


_CATEGORY_OF_ENDING = _table(_ENDINGS)
_CATEGORY_OF_WHOLE = _CATEGORY_OF_ENDING | _table(_WHOLE)
_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")


def category_of(column: str) -> str | None:
    """`credential`, `financial` or `personal`; None for a name that says nothing of the kind."""
    words = [word.lower() for word in _BOUNDARY.split(column) if word]
    whole = _CATEGORY_OF_WHOLE.get("".join(words))
    if whole is not None:
        return whole
    endings = ("".join(words[-length:]) for length in range(1, min(_LONGEST, len(words)) + 1))
    return next((_CATEGORY_OF_ENDING[ending] for ending in endings if ending in _CATEGORY_OF_ENDING), None)
