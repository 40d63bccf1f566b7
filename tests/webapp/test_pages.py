from collections.abc import Mapping

import hypothesis.strategies as st
from hypothesis import given

from webapp.catalogue.product_card import plain
from webapp.pages import texts_in


def shape(texts: Mapping[str, object]) -> dict[str, object]:
    return {
        name: shape(value) if isinstance(value, dict) else len(value) if isinstance(value, list) else type(value)
        for name, value in texts.items()
    }


def test_both_languages_have_every_text() -> None:
    assert shape(texts_in("en")) == shape(texts_in("zh"))
    assert len(texts_in("en")["annotate"]["rules"]) == 4


@given(st.text(st.characters(), max_size=60), st.integers(1, 50))
def test_plain_text_is_short_encodable_and_without_controls(text: str, longest: int) -> None:
    shown = plain(text, longest)
    assert len(shown) == min(len(text), longest)
    assert shown.encode().decode() == shown
    assert all(sign in "\t\n" or ord(sign) >= 32 for sign in shown)
