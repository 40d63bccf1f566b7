"""Both languages are complete: texts, templates, values of the tables, evidence of label pairs."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from jinja2 import Environment

import webapp
from align.pair_features import EVIDENCE_TEXTS
from crawler.media.outcome import REASONS
from extract.results import AUDIO_REASONS, FILE_REASONS, FRAME_REASONS
from webapp.catalogue.product_card import plain
from webapp.pages import Language, coded, texts_in

TEMPLATES = sorted((Path(webapp.__file__).parent / "templates").glob("*.html"))
SAME_IN_BOTH = {"site.name", "product.mfcc", "sql.title"}
NAMES = {
    "SQL",
    "UTC",
    "HTTP",
    "KB",
    "NULL",
    "Ctrl",
    "Esc",
    "Python",
    "WORKSPACE",
    "label",
    "content",
    "id",
    "present",
    "judging",
}
"""Words of templates that no language has otherwise: keys, names, subscripts of S, classes of pages."""
LABELLED = re.compile(r'(?:title|placeholder|alt|aria-label)="([^"]*)"')


def shape(texts: Mapping[str, object]) -> dict[str, object]:
    return {
        name: shape(value) if isinstance(value, dict) else len(value) if isinstance(value, list) else type(value)
        for name, value in texts.items()
    }


def flat(texts: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in texts.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def test_both_languages_have_every_text() -> None:
    english, chinese = shape(texts_in("en")), shape(texts_in("zh"))
    chinese.pop("values")
    assert english == chinese
    assert len(texts_in("en")["annotate"]["rules"]) == 4


def test_no_text_is_untranslated() -> None:
    chinese = dict(flat(texts_in("zh")))
    same = {name for name, text in flat(texts_in("en")) if chinese[name] == text}
    assert {name for name in same if name != "site.other_language"} == SAME_IN_BOTH


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_has_no_words_of_its_own(template: Path) -> None:
    tokens = Environment().lex(template.read_text(encoding="utf-8"))
    data = " ".join(token for _, kind, token in tokens if kind == "data")
    shown = re.sub(r"<(pre|code)\b.*?</\1>", "", data, flags=re.DOTALL)
    texts = [re.sub(r"<[^>]*>", " ", shown), *LABELLED.findall(shown)]
    words = {word for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)}
    assert words - NAMES == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_line_of_evidence_is_translated(language: Language) -> None:
    assert texts_in(language)["labels"]["evidence"].keys() == EVIDENCE_TEXTS.keys()


def test_every_reason_has_a_name() -> None:
    names = texts_in("zh")["values"]
    reasons = {*REASONS, *FILE_REASONS, *FRAME_REASONS, *AUDIO_REASONS}
    assert reasons - names.keys() == set()
    assert coded("no_video", "en") == "no video"
    assert coded("http_404", "zh") == names["http_404"]


@given(st.text(st.characters(), max_size=60), st.integers(1, 50))
def test_plain_text_is_short_encodable_and_without_controls(text: str, longest: int) -> None:
    shown = plain(text, longest)
    assert len(shown) == min(len(text), longest)
    assert shown.encode().decode() == shown
    assert all(sign in "\t\n" or ord(sign) >= 32 for sign in shown)
