"""F1 of single values and of pairs."""

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

__all__ = ["Score", "same_currency", "same_pair", "same_price", "same_text"]

_SIGNS = {
    "€": {"EUR"},
    "£": {"GBP"},
    "$": {"USD", "CAD", "CLP", "TWD", "AUD", "MXN"},
    "₽": {"RUB"},
    "Lei": {"RON"},
    "ر.س": {"SAR"},
    "₪": {"ILS"},
}


@dataclass
class Score:
    """Counts of one field over pages; at most one value a page is predicted."""

    right: int = 0
    predicted: int = 0
    true: int = 0

    def add(self, right: int, predicted: int, true: int) -> None:
        """Add one page's counts."""
        self.right += right
        self.predicted += predicted
        self.true += true

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 where nothing is right."""
        return 2 * self.right / (self.predicted + self.true) if self.right else 0.0


def same_text(found: str, true: Iterable[str]) -> bool:
    """Tell whether a text is one of the true ones, case and white space aside."""
    return " ".join(found.casefold().split()) in {" ".join(text.casefold().split()) for text in true}


def same_price(found: Decimal, true: Iterable[str]) -> bool:
    """Tell whether an amount is one of the true ones."""
    try:
        return found in {Decimal(text.strip()) for text in true}
    except InvalidOperation:
        return False


def same_currency(found: str, true: Collection[str]) -> bool:
    """Tell whether a code or sign is, or means, one of the true ones."""
    return found in true or any(found in _SIGNS.get(sign, ()) for sign in true)


def same_pair(pair: tuple[str, str]) -> tuple[str, ...]:
    """Return the form in which pairs are compared: NFKC, case and white space folded, no colon after the name."""
    folded = (" ".join(unicodedata.normalize("NFKC", text).casefold().split()) for text in pair)
    return tuple(text.rstrip(": ") for text in folded)
