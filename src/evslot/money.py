"""How sums are written for people."""

from copy import copy

from babel import Locale

from evslot.values import Money, minor_digits


def for_people(money: Money, locale: str | Locale) -> str:
    """`€6.40`, `6,40 €`: after the custom of the locale, to the minor unit."""
    place = Locale.parse(locale)
    pattern = copy(place.currency_formats["standard"])
    digits = minor_digits(money.currency)
    pattern.frac_prec = (digits, digits)
    return str(
        pattern.apply(money.in_major_units, place, currency=money.currency, currency_digits=False)
    )
