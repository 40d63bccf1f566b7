"""Cleaning of captions for readers, normalisation of texts for comparison, language and length."""

import html
import re
import unicodedata
from collections.abc import Sequence

from core.segmentation import cut_words

__all__ = [
    "PROMOTIONS",
    "clean",
    "drop_repeats",
    "language",
    "length",
    "normalise",
    "normalise_all",
    "word_count",
]


PROMOTIONS = (
    "七天无理由退换",
    "七天无理由",
    "假一赔十",
    "假一罚十",
    "全国包邮",
    "官方正品",
    "正品保证",
    "买一送一",
    "限时特价",
    "限时抢购",
    "厂家直销",
    "现货速发",
    "包邮",
    "爆款",
    "特价",
    "促销",
    "热卖",
    "秒杀",
)
"""Phrases that promote and do not describe; a phrase comes before the phrases that it contains."""

# A Chinese word between separators that is immediately repeated. Without separators, repetition looks like two
# words: 眼霜面霜面膜 are three products. At least two characters, as one may form a word with the next (妈 妈).
_RUN = re.compile(r"(?<![^ !,.~])([\u4e00-\u9fff]{2,12})(?:[ !,.~]{1,4}\1)+(?![^ !,.~])")
_PHRASE = re.compile("|".join(PROMOTIONS))
_SPACES = re.compile(r" {2,}")


def drop_repeats(text: str) -> str:
    """Return a text without repeated promotion; every word is kept at least once.

    Two to twelve Chinese characters between separators that are immediately repeated are kept once, and
    so is each phrase of ``PROMOTIONS``, where it first occurs. ``包邮!包邮!女鞋 包邮`` becomes ``包邮!女鞋``.

    Args:
        text: Text in NFKC with single spaces.
    """
    seen: set[str] = set()

    def once(match: re.Match[str]) -> str:
        phrase = match.group()
        if phrase in seen:
            return ""
        seen.add(phrase)
        return phrase

    return _SPACES.sub(" ", _PHRASE.sub(once, _RUN.sub(r"\1", text))).strip()


# Pictographs, dingbats, flags and skin tones; signs of trademarks and units (™, ℃) are text.
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a\u231b\u23e9-\u23fa\U000e0020-\U000e007f]")
# Invisible characters: soft hyphen, zero-width spaces and joiners, direction marks, variation
# selectors, key cap, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\u20e3\ufe00-\ufe0f\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_INSIDE = re.compile(r"[\x01-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s+")
_SHOUT = re.compile(r"([!?~])\1+")


# NFKC would turn 5½ into 51⁄2 and 10³ into 103.
_MEANT = re.compile("([\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u215f\u2189]+)")
_AFTER_DIGIT = re.compile("(?<=[0-9])(?=[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u215f\u2189])")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BORDER = "\x00"


def clean(text: str) -> str:
    """Return a caption cleaned for reading; no word is lost.

    In this order: HTML entities become their characters; invisible characters are removed; Unicode NFKC makes
    full-width signs, circled numbers and compatibility letters ordinary, but leaves fractions and raised or
    lowered digits as they are (``5½"``, ``10³``); emoji and control characters become spaces; white space is
    folded; repeated ``!``, ``?`` and ``~`` and repeated promotion are kept once. Punctuation stays: ``1.5m``
    is not ``15m``. Time grows linearly with the text. The table ``products`` keeps the caption as published.
    """
    pieces = _MEANT.split(_visible(text))
    plain = "".join(part if place % 2 else unicodedata.normalize("NFKC", part) for place, part in enumerate(pieces))
    return drop_repeats(_SHOUT.sub(r"\1", _SPACE.sub(" ", _CONTROL.sub(" ", _EMOJI.sub(" ", plain))).strip()))


def normalise(text: str) -> str:
    """Return the form in which equal texts compare equal: for comparing, not for showing.

    Like ``clean``, but repeated promotion stays; fractions and raised digits become ordinary digits
    after a space (``5 1/2``, ``10 3``), and letters lower case (Unicode's ``casefold``).
    """
    return normalise_all([text])[0]


def normalise_all(texts: Sequence[str]) -> list[str]:
    """Return ``normalise`` of each text, computed in a few passes over all texts together."""
    if not texts:
        return []
    visible = _visible(_BORDER.join(text.replace(_BORDER, " ") for text in texts))
    plain = unicodedata.normalize("NFKC", _AFTER_DIGIT.sub(" ", visible)).replace("\u2044", "/").casefold()
    spaced = _SPACE.sub(" ", _CONTROL_INSIDE.sub(" ", _EMOJI.sub(" ", plain)))
    return [text.strip() for text in _SHOUT.sub(r"\1", spaced).split(_BORDER)]


def _visible(text: str) -> str:
    """Return a text with HTML entities decoded and without invisible characters."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    return _INVISIBLE.sub("", text)


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile("[\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff]")
_OTHERS = {
    "ko": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "th": re.compile("[\u0e01-\u0e5b]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "he": re.compile("[\u05d0-\u05ea]"),
    "und-Latn": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+"),
    "und-Cyrl": re.compile("[\u0400-\u04ff]+"),
    "und-Arab": re.compile("[\u0600-\u06ff]+"),
    "und-Deva": re.compile("[\u0900-\u097f]+"),
}
"""BCP 47 tag -> unit that is counted: a character if about two form a word, else a run of letters."""

_FEW = 0.05


def language(text: str) -> str:
    """Return the language of a text as a BCP 47 tag, according to the script of most of it.

    ``zh``, ``ja``, ``ko``, ``th``, ``el`` and ``he`` have their own scripts: mostly Han text is Japanese
    if at least a twentieth of it is kana. Scripts that many languages share are named without a language:
    ``und-Latn``, ``und-Cyrl``, ``und-Arab``, ``und-Deva``; captions are too short and too full of
    brands to tell English from Dutch. ``zxx`` is a text without letters, ``und`` a text in another script.
    A Chinese, Japanese or Korean character counts half as much as a Latin word.
    """
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    counts = {"ja" if kana >= _FEW * max(1, han + kana) else "zh": (han + kana) / 2}
    for tag, unit in _OTHERS.items():
        counts[tag] = len(unit.findall(text)) / (1 if tag.startswith("und") else 2)
    most = max(counts, key=lambda tag: counts[tag])  # the first of equal counts
    if counts[most]:
        return most
    return "und" if any(sign.isalpha() for sign in text) else "zxx"


def length(text: str) -> int:
    """Return the number of characters of a text without white space and combining marks.

    The papers give caption lengths (20-40 words in M5Product, 49 characters on average in
    MEP-3M) without saying how they count.
    """
    return sum(1 for sign in text if not sign.isspace() and not unicodedata.combining(sign))


def word_count(text: str) -> int:
    """Return the number of words of a text: jieba's segments that have a letter or digit."""
    return sum(1 for piece in cut_words(text) if piece.isalnum() or any(sign.isalnum() for sign in piece))
