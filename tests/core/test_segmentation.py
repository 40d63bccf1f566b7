import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jieba import Tokenizer

from core.segmentation import count_words, cut_words, has_chinese


def _make_tokenizer() -> Tokenizer:
    """Return Jieba's own tokenizer, without the cache file that it would write."""
    tokenizer = Tokenizer()
    with (resources.files("jieba") / "dict.txt").open("rb") as lines:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(lines)
    tokenizer.initialized = True
    return tokenizer


_JIEBA = _make_tokenizer()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", {}),
        ("婴幼儿奶粉 奶粉", {"婴幼儿": 1, "奶粉": 2}),
        ("夏季T恤", {"夏季": 1, "t恤": 1}),
        ("的 3.5 a", {}),
        ("USB-C 500ML", {"usb": 1, "500ml": 1}),
    ],
)
def test_words_are_those_of_simtext(text: str, words: dict[str, int]) -> None:
    assert count_words(text, segment=True) == words


def test_uncut_text_is_split_at_signs_only() -> None:
    assert count_words("婴幼儿奶粉，Big_Cup x", segment=False) == {"婴幼儿奶粉": 1, "big_cup": 1}


@pytest.mark.parametrize(
    ("text", "chinese"), [("iPhone 壳", True), ("iPhone，", False), ("ひらがな", False), ("", False)]
)
def test_chinese_means_the_main_block(text: str, *, chinese: bool) -> None:
    assert has_chinese(text) is chinese


def test_segmentation_is_silent_and_leaves_no_file(tmp_path: Path) -> None:
    code = "from core.segmentation import count_words; assert count_words('婴幼儿奶粉', segment=True)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path / "fresh")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=480,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert {path.name for path in tmp_path.iterdir()} <= {"fresh"}


_PIECES = st.sampled_from(
    [
        "速溶咖啡",
        "三合一",
        "T恤",
        "3.5",
        "kg",
        "【",
        "】",
        " ",
        "\n",
        "的",
        "奶粉",
        "欧阳娜娜",
        "㐀",
        "İ",
        "-",
        "靠背椅",
    ]
)


_CHARACTERS = st.text([word for word, count in _JIEBA.FREQ.items() if len(word) == 1 and count > 20_000], max_size=30)


@given(st.one_of(st.text(max_size=30), _CHARACTERS, st.lists(_PIECES, max_size=20).map("".join)))
@settings(deadline=None)
def test_words_are_cut_as_jieba_cuts_them(text: str) -> None:
    assert list(cut_words(text)) == _JIEBA.lcut(text)
