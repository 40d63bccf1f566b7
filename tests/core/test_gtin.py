"""Global Trade Item Numbers."""

import pytest

from core.gtin import canonical_gtin, read_gtin


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


@pytest.mark.parametrize(
    ("published", "gtin14"),
    [
        ("4006381333931", "04006381333931"),
        ("04006381333931", "04006381333931"),
        ("EAN: 400-6381-333931", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("36000291452", "00036000291452"),
        ("96385074", "00000096385074"),
        ("10614141000415", "10614141000415"),
        ("0-471-11709-9", "09780471117094"),
        ("ISBN 0-471-11709-9", "09780471117094"),
        ("urn:isbn:080442957X", "09780804429573"),
        ("979-10-90636-07-1", "09791090636071"),
        ("0471117098", None),
        ("9770317847001", None),
        ("2012345678900", None),
        ("0212345678903", None),
        ("0412345678901", None),
        ("512345678900", None),
        ("9912345678904", None),
        ("20123451", None),
        ("1234567890128", None),
        ("012345678905", None),
        ("n/a", None),
    ],
)
def test_canonical_gtin_identifies_one_product_everywhere(published: str, gtin14: str | None) -> None:
    assert canonical_gtin(published) == gtin14
