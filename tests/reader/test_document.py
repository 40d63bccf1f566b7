"""The charset is looked for in the same places, in the same order, as in browsers."""

from crawler import parse_page

TEXT = "保温杯 镕 500ml"


def test_gb2312_is_decoded_as_gb18030() -> None:
    page = f'<meta http-equiv="content-type" content="text/html;charset=gb2312"><h1>{TEXT}</h1>'

    assert parse_page(page.encode("gb18030"), "https://a.example/1").caption == TEXT
