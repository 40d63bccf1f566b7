"""One form for texts that differ only in how they are written."""

import re
import unicodedata

from extract.text.promotion import drop_repeats

__all__ = ["normalise"]

# Pictographs, dingbats, flags and skin tones; marks of trade and measure (™, ℃) are text.
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a\u231b\u23e9-\u23fa\U000e0020-\U000e007f]")
# Signs that take no room: soft hyphen, zero-width spaces and joiners, direction marks, variation
# selectors, key cap, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\u20e3\ufe00-\ufe0f\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s+")
_SHOUT = re.compile(r"([!?~])\1+")


def normalise(text: str) -> str:
    """Return the form under which two texts count as the same.

    In this order: invisible signs go; Unicode NFKC, which makes full-width signs, circled
    numbers and compatibility letters ordinary; upper case becomes lower (``casefold``); emoji
    and control characters become spaces; white space is folded; repeated ``!``, ``?`` and ``~``
    and repeated promotion are said once. Punctuation stays: ``1.5m`` is not ``15m``.

    It is meant for comparing, not for showing: the table ``products`` keeps the caption as
    published. Time grows linearly with the text.
    """
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    spaced = _CONTROL.sub(" ", _EMOJI.sub(" ", plain))
    return drop_repeats(_SHOUT.sub(r"\1", _SPACE.sub(" ", spaced).strip()))
