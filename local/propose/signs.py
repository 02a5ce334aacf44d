"""What a column's name and the look of its values say: whose data it is, when it is known, what it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.propose.kinds import Profile

FEW = 10
"""No more different values than these do not tell persons apart, whatever the column is called."""
LOOKS = 0.5
"""A pattern counts where so many values have it."""
PHONE_DIGITS = 7
FREE_TEXT_WORDS = 4

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,32}")
_PHONE = re.compile(r"\+?[\d\s()/.-]+")
_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


PERSONAL = {
    "e-mail addresses": {"email", "mail", "emails"},
    "telephone numbers": {"phone", "telephone", "mobile", "fax", "tel", "cellphone", "msisdn", "phonenumber"},
    "bank accounts": {"iban", "bban", "accountnumber", "creditcard", "cardnumber"},
    "names": {"name", "firstname", "lastname", "surname", "forename", "fullname", "nickname", "username"},
    "addresses": {"address", "street", "postcode", "zip", "zipcode", "postal", "ip"},
    "dates of birth": {"birth", "birthdate", "birthday", "dob", "born"},
    "numbers that authorities give": {"ssn", "passport", "taxid", "nif", "nino"},
}
OF_A_THING = _set(
    """
    product item plan campaign file table type event category model brand company branch shop store city country
    """
)
"""Beside ``name``: it is not a person's."""
AFTERWARDS = _set(
    """
    duration length closed closing ended end finished completed completion cancelled canceled cancellation terminated
    termination outcome result resolved resolution settled refunded refund returned chargeback recovered recovery
    recoveries final after afterwards exit churned
    """
)
BEFOREHAND = _set("previous prev prior past last before earlier expected planned p")
"""Beside one of AFTERWARDS: it is about an earlier decision."""
IDENTIFYING = _set("id key uuid guid nr no number code ref reference identifier")


def words(name: str) -> set[str]:
    """``lastCall_duration`` has three."""
    return {word.lower() for word in _WORDS.findall(name)}


def personal(profile: Profile) -> str | None:
    """What personal data it probably is."""
    if profile.distinct <= FEW:
        return None
    for what, looks in _LOOKS.items():
        if profile.share(looks) >= LOOKS:
            return what
    named = words(profile.name)
    found = (what for what, signs in PERSONAL.items() if named & signs and not named & OF_A_THING)
    return next(found, None)


def sounds_later(name: str) -> bool:
    """The name suggests that the value is known only after the decision."""
    named = words(name)
    return bool(named & AFTERWARDS) and not named & BEFOREHAND


def names_rows(name: str) -> bool:
    """It is called like a number that stands for something: ``customer_id``."""
    return bool(words(name) & IDENTIFYING) or name.lower().endswith("id")


def is_prose(profile: Profile) -> bool:
    """Sentences rather than names of something."""
    lengths = [len(value.split()) for value in profile.counts]
    return bool(lengths) and sum(lengths) >= FREE_TEXT_WORDS * len(lengths)


def _is_phone(text: str) -> bool:
    """A plain number could be anything."""
    digits = sum(map(str.isdigit, text))
    marked = text[0] in "+0(" or not text.isdigit()
    is_number = re.fullmatch(r"-?\d+(\.\d*)?", text) and text[0] != "0"
    return bool(
        digits >= PHONE_DIGITS
        and marked
        and not is_number
        and _PHONE.fullmatch(text)
        and not _DATE.match(text)
        and len(text) < 25
    )


_LOOKS: dict[str, Callable[[str], object]] = {
    "e-mail addresses": _EMAIL.fullmatch,
    "bank accounts": _IBAN.fullmatch,
    "telephone numbers": _is_phone,
}
