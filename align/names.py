"""Names of categories and properties in folded form, for every comparison except the published one."""

import re
from collections import Counter
from functools import lru_cache
from unicodedata import combining, normalize

from core.chinese_script import to_simplified
from core.segmentation import cut_words

__all__ = [
    "fold_name",
    "is_generic",
    "name_ngrams",
    "name_words",
    "opposed",
    "qualifiers",
    "singular",
    "spelling",
]

_BREAK = re.compile(r"[\W_]+")
_APOSTROPHE = re.compile("['’`´]")
_RUN = re.compile("[\u3400-\u9fff]+|[^\\W\u3400-\u9fff]+")
_NGRAM_SIZES = (1, 2, 3)
_STOP_WORDS = frozenset(("and", "for", "of", "the", "with", "in", "und", "mit", "de", "la", "et", "pour", "para"))
_QUALIFIERS = {
    "men": "男|\\b(?:men|mens|man|male|gentlemen|herren)\\b",
    "women": "女|\\b(?:women|womens|woman|female|ladies|damen)\\b",
    "boys": "\\bboys?\\b",
    "girls": "\\bgirls?\\b",
    "children": "童|\\b(?:kids?|child|childrens?|toddlers?|kinder)\\b",
    "babies": "婴|宝宝|\\b(?:baby|babies|infants?)\\b",
    "adults": "成人|\\badults?\\b",
    "pets": "宠物|\\b(?:pets?|dogs?|cats?)\\b",
    "other": "其他|\\b(?:other|others|misc|miscellaneous|sonstige[sr]?|otros)\\b",
    # Not after a conjunction: ride-ons and accessories are ride-ons.
    "parts": "(?<![及和与])(?:配件|配饰|附件|零部件|零件)|"
    "(?<!\\band )(?<!\\bund )\\b(?:accessory|accessories|parts?|spares?|zubehor|accesorios)\\b",
    "used": "二手|\\b(?:used|refurbished|gebraucht)\\b",
    "trade": "商用|\\b(?:commercial|professional)\\b",
}
_OPPOSED = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("men", "women boys girls children babies"),
        ("women", "boys girls children babies"),
        ("boys", "girls"),
        ("adults", "children babies"),
    )
)
_QUALIFIER = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _QUALIFIERS.items()))
_GENERIC = re.compile(
    "(?:其他|更多|周边|配件|附件|零件|other|others|more|miscellaneous|misc|accessories|accessory|parts|zubehor|"
    "sonstiges|accesorios|otros)(?:商品|产品|配件|products|items)?"
)


@lru_cache(1 << 16)
def fold_name(name: str) -> str:
    """Return a name in lower case, without accents and punctuation, in simplified characters.

    ``其它`` becomes ``其他`` and ``&`` becomes ``and``, so that two spellings of one name are equal.
    """
    text = "".join(mark for mark in normalize("NFKD", name.replace("&", " and ")) if not combining(mark))
    text = to_simplified(normalize("NFKC", _APOSTROPHE.sub("", text)).casefold()).replace("其它", "其他")
    words = _BREAK.sub(" ", text).strip()
    return words or normalize("NFKC", name).casefold().strip()


@lru_cache(1 << 16)
def spelling(name: str) -> str:
    """Return a name without differences of case, width, script (simplified, traditional) and white space.

    Names that are equal so are one name, under the published rule too: it compares what people read.
    """
    return " ".join(to_simplified(normalize("NFKC", name)).casefold().split())


@lru_cache(1 << 16)
def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a name in order, folded, without plural endings and words like ``and``."""
    found: list[str] = []
    for run in _RUN.findall(fold_name(name)):
        if run[0] > "\u33ff":
            found += cut_words(run)
        elif run not in _STOP_WORDS:
            found.append(singular(run))
    return tuple(found)


def singular(word: str) -> str:
    """Return a word in lower case without an English plural ending."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def name_ngrams(name: str) -> Counter[str]:
    """Return the character n-grams of a name: up to two Chinese characters, or three letters with word ends."""
    found: Counter[str] = Counter()
    for run in _RUN.findall(fold_name(name)):
        chinese = run[0] > "\u33ff"
        text, sizes = (run, _NGRAM_SIZES[:2]) if chinese else (f" {run} ", _NGRAM_SIZES)
        found.update(text[i : i + size] for size in sizes for i in range(len(text) - size + 1))
    return found


@lru_cache(1 << 16)
def qualifiers(name: str) -> frozenset[str]:
    """Return the restrictions in a name: for men, for children, other, parts and so on."""
    return frozenset(found.lastgroup for found in _QUALIFIER.finditer(fold_name(name)) if found.lastgroup)


def opposed(a: str, b: str) -> bool:
    """Return whether the restrictions of two names exclude each other: 男鞋 and 女鞋, 其他零食 and 零食."""
    one, other = qualifiers(a), qualifiers(b)
    if ("other" in one) != ("other" in other):
        return True
    only, others = one - other, other - one
    return any((some & only and those & others) or (some & others and those & only) for some, those in _OPPOSED)


def is_generic(name: str) -> bool:
    """Return whether a name says nothing without its parent's, like 配件 and Other."""
    return _GENERIC.fullmatch(fold_name(name)) is not None
