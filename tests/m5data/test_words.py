import os
import subprocess
import sys
from pathlib import Path

import pytest

from m5data.words import count_words, has_chinese


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
    code = "from m5data.words import count_words; assert count_words('婴幼儿奶粉', segment=True)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path / "fresh")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert {path.name for path in tmp_path.iterdir()} <= {"fresh"}
