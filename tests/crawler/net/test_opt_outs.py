"""Opt-outs in headers mean the same for pages and media."""

import pytest

from crawler.net.opt_outs import honoured_opt_out
from crawler.pages.document import read_document
from crawler.pages.links import page_opt_out

HONOURED = ("noai", "noimageai", "noindex", "tdm-reservation")


@pytest.mark.parametrize(
    ("head", "headers", "said"),
    [
        ('<meta name="robots" content="index, NoAI">', {}, "meta robots: noai"),
        ('<meta name="m5data" content="noindex">', {}, "meta m5data: noindex"),
        ("", {"X-Robots-Tag": "otherbot: noai"}, None),
        ("", {"X-Robots-Tag": "noimageai"}, "header x-robots-tag: noimageai"),
        ("", {"TDM-Reservation": "1"}, "header tdm-reservation: tdm-reservation"),
        ('<meta name="robots" content="nofollow">', {}, None),
    ],
)
def test_opt_outs_of_a_page(head: str, headers: dict[str, str], said: str | None) -> None:
    document = read_document(f"<html><head>{head}</head><body>x".encode(), "https://shop.example/p", headers)
    assert page_opt_out(document, "m5data", HONOURED) == said
    assert page_opt_out(document, "m5data", ()) is None


@pytest.mark.parametrize(
    ("tag", "reservation", "said"),
    [
        ("", "", None),
        ("nofollow", "0", None),
        ("noindex, nofollow", "", "header x-robots-tag: noindex"),
        ("none", "", "header x-robots-tag: noindex"),
        ("nofollow, NoAI", "", "header x-robots-tag: noai"),
        ("otherbot: noimageai", "", None),
        ("otherbot: noai, m5data: noimageai", "", "header x-robots-tag: noimageai"),
        ("max-snippet: 5, noai", "", "header x-robots-tag: noai"),
        ("noml", "", None),
        ("", " 1", "header tdm-reservation: tdm-reservation"),
    ],
)
def test_headers_opt_a_page_and_a_file_out_alike(tag: str, reservation: str, said: str | None) -> None:
    headers = {"X-Robots-Tag": tag, "TDM-Reservation": reservation}
    document = read_document(b"<html><body>x", "https://shop.example/p", headers)
    assert page_opt_out(document, "m5data", HONOURED) == said
    assert honoured_opt_out([tag], reservation, "m5data", frozenset(HONOURED)) == said
    assert honoured_opt_out([tag], reservation, "m5data", frozenset()) is None


def test_repeated_headers_all_count() -> None:
    assert honoured_opt_out(["nofollow", "noai"], "", "m5data", frozenset(HONOURED)) == "header x-robots-tag: noai"
