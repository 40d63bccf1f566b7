import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.text import PROMOTIONS, clean, drop_repeats, language, length, normalise, normalise_all, word_count

WORDS = st.lists(st.sampled_from(["女鞋", "T恤", "iPhone 14", "1.5m", "深蓝色", "ｘｌ"]), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("published", "normal"),
    [
        ("", ""),
        (" \t\n", ""),
        ("ＡＢＣ１２３（红）", "abc123(红)"),
        ("女鞋　 夏季\n新款", "女鞋 夏季 新款"),
        ("😀女鞋❤️夏季✨", "女鞋 夏季"),
        ("👩‍👩‍👧 亲子装 🇨🇳", "亲子装"),
        ("1️⃣号链接", "1号链接"),
        ("零\u200b宽\ufeff字", "零宽字"),
        ("①㎏™℃", "1kgtm°c"),
        ("热水壶\x00 2L", "热水壶 2l"),
        ("快来！！！真的？？", "快来!真的?"),
        ("1.5m与15m", "1.5m与15m"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ('5½"', '5 1/2"'),
        ("½杯", "1/2杯"),
        ("10³ m²", "10 3 m2"),
        ("Tom &amp; Jerry &#x4e00;", "tom & jerry 一"),
        ("包邮 包邮", "包邮 包邮"),
    ],
)
def test_writing_variants_have_one_form(published: str, normal: str) -> None:
    assert normalise(published) == normal


@pytest.mark.parametrize(
    ("repeated", "once"),
    [
        ("包邮包邮包邮 女鞋", "包邮 女鞋"),
        ("包邮!包邮!女鞋 包邮", "包邮!女鞋"),
        ("包邮 女鞋 包邮 夏季", "包邮 女鞋 夏季"),
        ("洗发水 洗发水 500ml", "洗发水 500ml"),
        ("洗发水 洗发水套装", "洗发水 洗发水套装"),
        ("眼霜面霜面膜", "眼霜面霜面膜"),
        ("宝宝宝贝", "宝宝宝贝"),
        ("七天无理由退换 七天无理由", "七天无理由退换 七天无理由"),
        ("妈妈装", "妈妈装"),
        ("2020年款1212", "2020年款1212"),
        ("bonbon tutu", "bonbon tutu"),
        ("女鞋 男鞋 女鞋", "女鞋 男鞋 女鞋"),
    ],
)
def test_repeated_promotion_is_said_once(repeated: str, once: str) -> None:
    assert drop_repeats(repeated) == once


def test_longer_promotions_come_before_those_they_contain() -> None:
    for place, phrase in enumerate(PROMOTIONS):
        assert not any(earlier in phrase for earlier in PROMOTIONS[:place])


@pytest.mark.parametrize(
    ("published", "cleaned"),
    [
        ('Monitor 5½" &quot;Pro&quot; ＡＢ', 'Monitor 5½" "Pro" AB'),
        ("10³ m² H₂O ①", "10³ m² H₂O 1"),
        ("AT&T M&Ms &unknown; R&amp;B", "AT&T M&Ms &unknown; R&B"),
        ("眼霜面霜面膜 包邮！包邮", "眼霜面霜面膜 包邮"),
        ("女鞋\x00夏季\u200b款", "女鞋 夏季款"),
    ],
)
def test_cleaned_caption_says_what_was_published(published: str, cleaned: str) -> None:
    assert clean(published) == cleaned


FACTS = st.lists(
    st.sampled_from(["面霜", "面霜", "眼霜", "霜面", " ", "!", "5½", "10³", "包邮", "A&amp;B", "XL", "12", "红", "，"]),
    max_size=12,
)


@given(pieces=FACTS)
def test_no_word_is_lost(pieces: list[str]) -> None:
    """Only copies of earlier text are dropped: each run of characters and each number is still there."""
    published = "".join(pieces)
    kept = clean(published)
    for word in re.findall(r"[^\W_]+", html.unescape(unicodedata.normalize("NFC", published))):
        assert word in kept or any(phrase in word for phrase in PROMOTIONS)
    for piece in pieces:
        assert html.unescape(piece).replace("，", ",").strip() in kept or piece in "!，"


@given(st.lists(st.text(max_size=20), max_size=6))
def test_texts_are_normalised_together_as_alone(texts: list[str]) -> None:
    assert normalise_all(texts) == [normalise(text) for text in texts]


@given(words=WORDS, spaces=st.sampled_from([" ", "　", "\t\n ", "😀", "\u200b "]))
def test_spaces_emoji_and_case_never_matter(words: list[str], spaces: str) -> None:
    assert normalise(spaces.join(words).swapcase()) == normalise(" ".join(words))


@given(st.text())
def test_normal_form_has_single_inner_spaces_and_no_controls(text: str) -> None:
    normal = normalise(text)
    assert normal == " ".join(normal.split())
    assert normal.isprintable() or not normal.isascii()


@pytest.mark.parametrize(("text", "characters"), [("", 0), ("女鞋 夏季\t新款", 6), ("e\u0301té", 3), ("iPhone 14", 8)])
def test_length_counts_characters_that_are_seen(text: str, characters: int) -> None:
    assert length(text) == characters


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("云步 夏季透气网面女士运动鞋 YB-201", "zh"),
        ("Nike Air 运动鞋", "und-Latn"),
        ("Nike Air 男士夏季运动鞋", "zh"),
        ("レディース 運動靴 夏", "ja"),
        ("여성 운동화 YB-201", "ko"),
        ("รองเท้าผู้หญิง", "th"),
        ("Кроссовки женские", "und-Cyrl"),
        ("حذاء نسائي", "und-Arab"),
        ("Chaussures d'été", "und-Latn"),
        ("12 - 34", "zxx"),
        ("", "zxx"),
        ("ሰላም", "und"),
    ],
)
def test_language_is_that_of_most_of_the_script(text: str, tag: str) -> None:
    assert language(text) == tag


@pytest.mark.parametrize(
    ("text", "words"), [("", 0), ("女士运动鞋", 2), ("夏季 T恤!!", 2), ("iPhone 15 壳", 3), ("★ ... —", 0)]
)
def test_words_are_those_that_jieba_cuts(text: str, words: int) -> None:
    assert word_count(text) == words
