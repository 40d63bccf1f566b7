import pytest

from extract.text import language, word_count


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
