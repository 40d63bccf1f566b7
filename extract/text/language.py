"""The language of a caption by its script, and its length."""

import re
import unicodedata

from m5data.segmentation import cut_words

__all__ = ["language", "length", "word_count"]

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
"""BCP 47 tag -> unit that is counted: a character if about two make a word, else a run of letters."""

_FEW = 0.05


def language(text: str) -> str:
    """Return the language of a text as a BCP 47 tag, by the script of most of it.

    ``zh``, ``ja``, ``ko``, ``th``, ``el`` and ``he`` have scripts of their own: text of mostly Han is
    Japanese if at least a twentieth of it is kana. Scripts that many languages share are named without a language:
    ``und-Latn``, ``und-Cyrl``, ``und-Arab``, ``und-Deva``; captions are too short and too full of
    brands to tell English from Dutch. ``zxx`` is a text without letters, ``und`` a text in another script.
    A Chinese, Japanese or Korean character counts half as much as a Latin word.
    """
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    counts = {"ja" if kana >= _FEW * max(1, han + kana) else "zh": (han + kana) / 2}
    for tag, unit in _OTHERS.items():
        counts[tag] = len(unit.findall(text)) / (1 if tag.startswith("und") else 2)
    most = max(counts, key=lambda tag: counts[tag])  # of equal counts the first one named here
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
