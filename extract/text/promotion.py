"""Promotion that a caption repeats to be found more often."""

import re

__all__ = ["PROMOTIONS", "drop_repeats"]

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
"""Phrases that sell and do not describe; where one contains another, the longer one stands first."""

# A run of Chinese characters said twice or more in a row. Digits and Latin letters are left
# alone: 2020 is no repetition of 20. One repeated character may be a word (妈妈), so two at least.
_RUN = re.compile(r"([\u4e00-\u9fff]{2,12}?)(?:[ !,.~]{0,4}\1)+")
_PHRASE = re.compile("|".join(PROMOTIONS))
_SPACE = re.compile(r" {2,}")


def drop_repeats(text: str) -> str:
    """Return a text with repeated promotion said once.

    A run of two to twelve Chinese characters that follows itself is kept once, and of each
    phrase of ``PROMOTIONS`` only its first place in the text. ``包邮!包邮!女鞋 包邮`` becomes
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

    return _SPACE.sub(" ", _PHRASE.sub(once, _RUN.sub(r"\1", text))).strip()
