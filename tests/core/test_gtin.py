"""Global Trade Item Numbers."""

import pytest

from core.gtin import read_gtin


@pytest.mark.parametrize(
    ("published", "gtin"),
    [
        ("4006381333931", "4006381333931"),
        (" 400-6381-333931 ", "4006381333931"),
        ("96385074", "96385074"),
        ("036000291452", "036000291452"),
        ("10614141000415", "10614141000415"),
        ("4006381333932", None),
        ("36000291452", None),
        ("0000000000000", None),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", None),
        ("n/a", None),
        ("", None),
    ],
)
def test_a_gtin_has_a_check_digit(published: str, gtin: str | None) -> None:
    assert read_gtin(published) == gtin
