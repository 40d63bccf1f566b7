"""Labels in the visible text, such as ``SKU: 123`` or ``Sold by X``, and what stands behind them."""

import re
from collections.abc import Iterator

from crawler.pages.visible import Visible
from crawler.pages.vocabulary import as_a_whole, at_start, squash

__all__ = ["labelled"]

_COLON = re.compile(r"\s*[:：]\s*")
_AROUND = " \t:：#№.•*-|"
_MAX_WORDS = 6


def labelled(seen: Visible, name: str, longest: int) -> Iterator[tuple[int, str]]:
    """Yield index and value of each label of a vocabulary, in page order.

    A label is a run, or the start of one, that is a word of the vocabulary as a whole. Its value is the rest of
    its run behind a colon or the word itself, else the next run.

    Args:
        seen: The visible text.
        name: The vocabulary's file.
        longest: Longest value looked for, characters.
    """
    words, start = as_a_whole(name), at_start(name)
    for index, run in enumerate(seen.runs):
        if len(run.text) > longest + 60 or not start.match(squash(run.text)):
            continue
        value = _value(run.text, words)
        if value == "" and index + 1 < len(seen.runs):
            behind = index + 2 if seen.runs[index + 1].text in ":：" and index + 2 < len(seen.runs) else index + 1
            value = seen.runs[behind].text.strip(_AROUND)
        if value and len(value) <= longest:
            yield index, value


def _value(text: str, words: re.Pattern[str]) -> str | None:
    """Return what stands behind a label in its own run: empty for a label alone, None where there is no label."""
    label, *rest = _COLON.split(text, maxsplit=1)
    if rest:
        return rest[0].strip() if words.fullmatch(squash(label.strip(_AROUND))) else None
    parts = text.split()
    for count in range(min(_MAX_WORDS, len(parts)), 0, -1):
        label = " ".join(parts[:count]).strip(_AROUND)
        if label and words.fullmatch(squash(label)):
            value = " ".join(parts[count:]).strip(_AROUND)
            # A word that starts a sentence ("Store hours") is no label; "sold by" is, or a word and a number.
            number = len(parts) == count + 1 and any(c.isdigit() for c in value)
            return value if not value or count > 1 or number else None
    return None
