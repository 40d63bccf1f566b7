"""Names that other systems accept."""

import pytest

from core.names import dashed


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("m5data-progress", "image_text"), "m5data-progress-image-text"),
        (("Fines Été 2", "a__b"), "fines-t-2-a-b"),
        (("_x_",), "x"),
        (("画",), "x"),
    ],
)
def test_names_have_only_letters_digits_and_dashes(words: tuple[str, ...], name: str) -> None:
    assert dashed(*words) == name
