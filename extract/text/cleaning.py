"""Captions cleaned for people, and one form for texts that differ only in how they are written."""

import re
import unicodedata

__all__ = ["PROMOTIONS", "clean", "drop_repeats", "normalise"]

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
"""Phrases that promote and do not describe; a phrase stands before the phrases that it contains."""

# A run of Chinese characters that is repeated at once. Digits and Latin letters are left
# alone: 2020 is no repetition of 20. One repeated character may be a word (妈妈), so two at least.
_RUN = re.compile(r"([\u4e00-\u9fff]{2,12}?)(?:[ !,.~]{0,4}\1)+")
_PHRASE = re.compile("|".join(PROMOTIONS))
_SPACES = re.compile(r" {2,}")


def drop_repeats(text: str) -> str:
    """Return a text without repeated promotion.

    A run of two to twelve Chinese characters that follows itself is kept once, and so is each
    phrase of ``PROMOTIONS``, at its first place. ``包邮!包邮!女鞋 包邮`` becomes
    ``包邮!女鞋``.

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


# Pictographs, dingbats, flags and skin tones; marks of trade and measure (™, ℃) are text.
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a\u231b\u23e9-\u23fa\U000e0020-\U000e007f]")
# Invisible characters: soft hyphen, zero-width spaces and joiners, direction marks, variation
# selectors, key cap, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\u20e3\ufe00-\ufe0f\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s+")
_SHOUT = re.compile(r"([!?~])\1+")


def clean(text: str) -> str:
    """Return a caption cleaned for reading.

    In this order: invisible characters are removed; Unicode NFKC makes full-width signs, circled
    numbers and compatibility letters ordinary; emoji and control characters become spaces; white
    space is folded; repeated ``!``, ``?`` and ``~`` and repeated promotion are kept once.
    Punctuation stays: ``1.5m`` is not ``15m``. Time grows linearly with the text.
    """
    return _tidy(_plain(text))


def normalise(text: str) -> str:
    """Return the form in which equal texts compare equal: ``clean`` of the text in lower case.

    It is for comparing, not for showing: lower case is Unicode's ``casefold``, applied after NFKC.
    """
    return _tidy(_plain(text).casefold())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def _tidy(plain: str) -> str:
    spaced = _CONTROL.sub(" ", _EMOJI.sub(" ", plain))
    return drop_repeats(_SHOUT.sub(r"\1", _SPACE.sub(" ", spaced).strip()))
