"""Both languages are complete: texts and templates of pages and report, evidence of label pairs."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from jinja2 import Environment

import export
import webapp
from align.pair_features import EVIDENCE_TEXTS
from core.languages import Language, texts_of
from webapp.catalogue.product_card import plain
from webapp.pages import texts_in

TEMPLATES = [
    *sorted((Path(webapp.__file__).parent / "templates").glob("*.html")),
    Path(export.__file__).parent / "report" / "page.html",
]
REPORT = texts_of("export", "report", "texts")
BOTH = [(texts_in("en"), texts_in("zh")), (REPORT["en"], REPORT["zh"])]
SAME_IN_BOTH = {"site.name", "product.mfcc", "sql.title"}
NAMES = {
    "GTIN",
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
"""Untranslated words of templates: keys, names, subscripts of S, classes of pages."""
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


@pytest.mark.parametrize(("english", "chinese"), BOTH, ids=["pages", "report"])
def test_no_text_is_missing_or_untranslated(english: Mapping[str, object], chinese: Mapping[str, object]) -> None:
    assert shape(english) == shape(chinese)
    translated = dict(flat(chinese))
    same = {name for name, text in flat(english) if translated[name] == text}
    assert same - SAME_IN_BOTH == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_has_no_words_of_its_own(template: Path) -> None:
    tokens = Environment().lex(template.read_text(encoding="utf-8"))
    data = " ".join(token for _, kind, token in tokens if kind == "data")
    shown = re.sub(r"<(pre|code|style)\b.*?</\1>", "", data, flags=re.DOTALL)
    texts = [re.sub(r"<[^>]*>", " ", shown), *LABELLED.findall(shown)]
    words = {word for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)}
    assert words - NAMES == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_line_of_evidence_is_translated(language: Language) -> None:
    assert texts_in(language)["labels"]["evidence"].keys() == EVIDENCE_TEXTS.keys()


@given(st.text(st.characters(), max_size=60), st.integers(1, 50))
def test_plain_text_is_short_encodable_and_without_controls(text: str, longest: int) -> None:
    shown = plain(text, longest)
    assert len(shown) == min(len(text), longest)
    assert shown.encode().decode() == shown
    assert all(sign in "\t\n" or ord(sign) >= 32 for sign in shown)
