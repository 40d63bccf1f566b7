"""The product page: shared names, files with their reasons, related products, and the stored page."""

from decimal import Decimal
from urllib.parse import quote

import pytest

from core.stage import StageReport
from tests.export.synthetic import NOW, product, rows
from tests.webapp.conftest import PAGE, Filled, Site

SPEC = {"product_id": "shop:1", "position": 0, "property": "净含量（kg）", "value": "0.5"}
NORM = {"product_id": "shop:1", "position": 0, "value_norm": "500", "unit": "g"}
SHARED = {"source": "shop", "property": "净含量（kg）", "lines": 1, "property_norm": "净含量"}
SHARED |= {name: [] for name in ("terms", "weights", "others", "agreement")}
VARIANT = {
    "product_id": "shop:1", "variant_id": "v1", "position": 0, "options": ["规格: 1kg"], "price": Decimal("12.5"),
    "currency": "CNY", "availability": "OutOfStock",
}  # fmt: skip
MEDIA = {"product_id": "shop:1", "kind": "video", "position": 0, "url": "https://shop.example/v.mp4"}


def fill(filled: Filled) -> None:
    with filled.store.stage("fill", settings="again") as stage:
        pages = {"page_sha256": filled.page}
        stage.write("products", rows("products", {**product(1, "面粉"), **pages}, product(2, "另一袋面粉")))
        stage.write("specs", rows("specs", SPEC))
        stage.write("variants", rows("variants", VARIANT))
        stage.write("spec_norms", rows("spec_norms", NORM))
        stage.write("properties", rows("properties", SHARED))
        failed = {"state": "failed", "reason": "http_404", "attempts": 3, "http_status": 404}
        stage.write("media", rows("media", {**MEDIA, **failed}))
        change = {
            "product_id": "shop:1",
            "changed_at": NOW,
            "field": "price",
            "name": "",
            "before": "9.00",
            "after": "12.50",
        }
        stage.write("history", rows("history", change))
        match = {"query": "shop:2", "candidate": "shop:1", "posterior": 0.75, "decision": "matched", "votes": 5}
        stage.write("matches", rows("matches", match))
        stage.commit(StageReport("fill", 2, 2))


def test_a_product_shows_shared_names_reasons_and_what_it_matches(site: Site, filled: Filled) -> None:
    fill(filled)
    text = site.signed_in("rita", "reviewer").client.get("/products/shop:1").text
    for shown in (
        "<bdi>净含量</bdi>: <bdi>500</bdi> g",
        "</span> HTTP 404</td>",
        "<bdi>规格: 1kg</bdi></th><td><bdi>12.50 CNY</bdi></td><td>OutOfStock</td>",
        "<td>3</td>",
        "另一袋面粉",
        "matched",
        "<bdi>9.00</bdi></td><td><bdi>12.50</bdi>",
        "0.25",
    ):
        assert shown in text


def test_a_reason_that_all_products_share_is_a_facet_and_presence_is_none(site: Site, filled: Filled) -> None:
    fill(filled)
    text = site.signed_in("rita", "reviewer").client.get("/products?q=shop:1").text
    assert 'href="?q=shop%3A1&amp;video=http_404"' in text
    assert 'href="?q=shop%3A1&amp;caption=present"' not in text


def test_an_id_of_any_signs_opens_its_pages(site: Site, filled: Filled) -> None:
    name = "shop:a\n\x07/é?#b"
    with filled.store.stage("fill", settings="again") as stage:
        row = {**product(1, "面粉"), "product_id": name, "page_sha256": filled.page}
        stage.write("products", rows("products", row))
        stage.commit(StageReport("fill", 1, 1))
    reviewer = site.signed_in("rita", "reviewer").client
    assert quote(name) in reviewer.get("/products").text
    for path in ("products", "pages"):
        assert reviewer.get(f"/{path}/{quote(name)}").status_code == 200, path


def test_the_report_has_the_bar_of_all_pages(site: Site, filled: Filled) -> None:
    (filled.store.root / "reports").mkdir()
    (filled.store.root / "reports/report.html").write_text("<body>\n<p>the report", encoding="utf-8")
    page = site.signed_in("rita", "reviewer").client.get("/report").text
    assert [link for link in ("/products", "/map", "/sql", "/labels") if f'<a href="{link}"' not in page] == []
    assert '<a href="/report" aria-current="page">' in page
    assert "<script" not in page


def test_comparison_shows_the_distance_and_leads_to_the_next(site: Site, filled: Filled) -> None:
    fill(filled)
    rita = site.signed_in("rita", "reviewer").client
    assert "0.25" in rita.get("/compare?a=shop:1&b=shop:2").text
    assert 'rel="next" href="/compare?a=shop%3A1&amp;b=shop%3A2"' in rita.get("/compare?a=shop:1&b=shop:1").text


def test_cards_name_the_modalities_and_why_one_is_missing(site: Site) -> None:
    page = site.signed_in("rita", "reviewer").client.get("/products").text
    assert 'title="Video: no video"' in page
    assert 'title="Caption: present"' in page


def test_the_shops_page_is_linked(site: Site, filled: Filled) -> None:
    fill(filled)
    assert 'rel="noopener noreferrer nofollow"><bdi>https://' in (
        site.signed_in("rita", "reviewer").client.get("/products/shop:1").text
    )


def test_the_report_is_shown_to_reviewers_once_it_is_written(site: Site, filled: Filled) -> None:
    reviewer = site.signed_in("rita", "reviewer").client
    assert reviewer.get("/report").status_code == 404
    (filled.store.root / "reports").mkdir()
    (filled.store.root / "reports/report.html").write_text("<p>the report", encoding="utf-8")
    answer = reviewer.get("/report")
    assert (answer.status_code, answer.text) == (200, "<p>the report")
    (filled.store.root / "reports/report.zh.html").write_text("<p>报告", encoding="utf-8")
    shown = [reviewer.get(path).text for path in ("/report?lang=zh", "/report.zh.html", "/report.html?lang=zh")]
    assert shown == ["<p>报告", "<p>报告", "<p>the report"]
    assert "script" not in answer.headers["content-security-policy"]
    assert site.signed_in("ann").client.get("/report").status_code == 403


def test_a_stored_page_is_replayed_without_scripts_and_to_reviewers_alone(site: Site, filled: Filled) -> None:
    fill(filled)
    reviewer = site.signed_in("rita", "reviewer").client
    answer = reviewer.get("/pages/shop:1")
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert reviewer.get("/pages/shop:2").status_code == 404
    assert reviewer.get("/pages/nothing").status_code == 404
    assert site.signed_in("ann").client.get("/pages/shop:1").status_code == 403


BOX = {"x0": 5, "y0": 6, "x1": 50, "y1": 6, "x2": 50, "y2": 20, "x3": 5, "y3": 20}


def fill_image_text(filled: Filled) -> None:
    sha256 = "ab" * 32
    image = {"product_id": "shop:1", "position": 0, "sha256": sha256}
    with filled.store.stage("fill", settings="image text") as stage:
        stage.write("products", rows("products", product(1, "面粉")))
        stage.write("media", rows("media", {**image, "kind": "image", "url": "https://shop.example/i", "state": "ok"}))
        measures = {"width": 80, "height": 60, "phash": 1, "size_group": "small", "sharpness": 1.0, "blank_share": 0.0}
        measures |= {"border_share": 0.0, "margin_detail": 0.0, "pixels": "x"}
        stage.write("images", rows("images", {**image, **measures}))
        line = {**image, **BOX, "confidence": 0.987, "repeated": False}
        texts = ({"line": 0, "text": "产地：<b>河南"}, {"line": 1, "text": "微信：〈wechat〉", "contact": "wechat"})
        stage.write("image_text", rows("image_text", *({**line, **text} for text in texts)))
        value = {
            "property": "产地",
            "value": "河南",
            "value_norm": "河南",
            "rule": "named",
            "confidence": 0.987,
            "line": 0,
        }
        stage.write("spec_proposals", rows("spec_proposals", {**image, **value}))
        stage.commit(StageReport("fill", 1, 1))


def test_text_in_images_is_shown_as_boxes_with_marks_and_proposals(site: Site, filled: Filled) -> None:
    fill_image_text(filled)
    text = site.signed_in("rita", "reviewer").client.get("/products/shop:1").text
    for shown in (
        '<svg class="boxes" viewBox="0 0 80 60"',
        '<polygon class="" points="5,6 50,6 50,20 5,20"><title>产地：&lt;b&gt;河南</title>',
        '<polygon class="contact"',
        "contact details: wechat",
        "<td>0.99</td>",
        '<th scope="row"><bdi>产地</bdi></th><td><bdi>河南</bdi></td><td>1</td><td>named</td>',
    ):
        assert shown in text


def test_words_in_images_are_found(site: Site, filled: Filled) -> None:
    fill_image_text(filled)
    client = site.signed_in("rita", "reviewer").client
    assert "shop:1" in client.get("/products?q=河南").text
    assert "shop:1" not in client.get("/products?q=河北").text


@pytest.mark.parametrize(("count", "status"), [(8, 200), (9, 400), (80, 400)])
@pytest.mark.parametrize("path", ["/products", "/map/points"])
def test_selection_names_few_properties(site: Site, path: str, count: int, status: int) -> None:
    client = site.signed_in("rita", "reviewer").client
    answer = client.get(path, params={f"p.x{number}": "1" for number in range(count)})
    assert answer.status_code == status
    if status != 200:
        assert answer.json() == {"error": f"{count} properties are too many: name at most 8 at once."}
        page = client.get(path, params={f"p.x{n}": "1" for n in range(count)}, headers={"accept": "text/html"})
        assert f"{count} properties are too many" in page.text


def test_report_is_sandboxed_as_stored_pages_are(site: Site) -> None:
    reports = site.store.root / "reports"
    reports.mkdir()
    (reports / "report.html").write_text('<meta http-equiv="refresh" content="0;url=https://elsewhere.example/">')
    answer = site.signed_in("rita", "reviewer").client.get("/report")
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[0] == "sandbox"
    assert (answer.headers["referrer-policy"], "frame-ancestors 'none'" in policy) == ("no-referrer", True)
