"""The rule that replaces what points to a person by what kind of thing it was.

Finds what has a form: addresses of mail and machines, phone, card and account numbers.
It knows no names, no streets, no birthdays.
"""

import re
from ipaddress import IPv6Address

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_IPV4 = re.compile(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\.?\w)"
)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:.])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_CARD = re.compile(
    r"(?<![\w.+-])(?:[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}|3[47]\d{2}[ -]\d{6}[ -]\d{5})"
    r"(?![\w-]|\.\d)"
)
_PHONE = re.compile(
    r"(?<![\w.,+/-])(?:"
    r"(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(0?\d{1,4}\)[ ./-]?)?\d(?:[ ./-]?\d){5,12}"  # +49 30 123456
    r"|\((?:0\d{1,4}|\d{3})\)[ ./-]?\d(?:[ ./-]?\d){4,9}"  # (030) 123456, (555) 010-1234
    r"|0\d{2,4}[ /-]\d(?:[ -]?\d){5,9}"  # 030 1234567
    r"|[2-9]\d{2}[ .-]\d{3}[ .-]\d{4}"  # 555-010-1234
    r")(?![\w/-]|[.,]\d)"
)
_DIGIT = re.compile(r"\d")


def mask_pii(text: str) -> str:
    """Mail and IP addresses, phone, card and account numbers as <EMAIL>, <IP>, <PHONE>, …

    Card numbers must meet the Luhn check, account numbers (IBAN) their check digits, so that
    other long numbers stay. Phone numbers have no check: those in a form that is usual for
    them are found, others missed, and some other number of that form may be taken for one.

    >>> mask_pii("Mail ada@example.org or call +44 20 7946 0958.")
    'Mail <EMAIL> or call <PHONE>.'
    >>> mask_pii("Card 4111 1111 1111 1111, not 4111 1111 1111 1112")
    'Card <CARD>, not 4111 1111 1111 1112'

    Source: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN, with ISO 7064 MOD 97-10).
    """
    if "@" in text:
        text = _EMAIL.sub("<EMAIL>", text)
    if ":" in text:
        text = _IPV6.sub(_mask_ipv6, text)
    if not _DIGIT.search(text):
        return text
    text = _IBAN.sub(_mask_iban, text)
    text = _CARD.sub(_mask_card, text)
    if "." in text:
        text = _IPV4.sub("<IP>", text)
    return _PHONE.sub("<PHONE>", text)


def has_luhn_check(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it.

    >>> has_luhn_check("79927398713"), has_luhn_check("79927398710")
    (True, False)
    """
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def has_iban_check(number: str) -> bool:
    """Whether the two digits after the country fit the rest.

    >>> has_iban_check("GB82WEST12345698765432"), has_iban_check("GB83WEST12345698765432")
    (True, False)
    """
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


def _mask_iban(found: re.Match[str]) -> str:
    number = found[0].replace(" ", "")
    return "<IBAN>" if 15 <= len(number) <= 34 and has_iban_check(number) else found[0]


def _mask_card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return "<CARD>" if 13 <= len(digits) <= 19 and has_luhn_check(digits) else found[0]


def _mask_ipv6(found: re.Match[str]) -> str:
    if sum(part != "" for part in found[0].split(":")) < 2:
        return found[0]  # "::" and "::1" are code more often than addresses
    try:
        IPv6Address(found[0])
    except ValueError:
        return found[0]
    return "<IP>"
