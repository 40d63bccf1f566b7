"""What settings left out of a source, as a run says it."""

from core.stage import StageReport
from crawler import crawl_stage, records_stage
from crawler.records.choice import ChosenPages
from crawler.records.losses import LeftOut, loss_notes
from crawler.settings import CrawlSettings
from storage import Store
from tests.crawler.crawl.conftest import Clock, Shop, clock, listing_page, product_page, settings_for, shop, store

__all__ = ["clock", "shop", "store"]


def collect(
    store: Store, shop: Shop, clock: Clock, source: dict[str, object], min_kept_share: float = 0.8
) -> StageReport:
    settings = settings_for(shop, source=source, min_kept_share=min_kept_share)
    crawl_stage.run(store, settings, clock=clock)
    return records_stage.run(store, settings, clock=clock)


def notes(report: StageReport, shop: Shop) -> list[str]:
    return [note.replace(shop.url, "") for note in report.notes]


def test_links_that_follow_excludes_are_counted_with_the_setting(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/p/1", "/q/1", "/q/2", "/a.pdf", "/login/"])}
    shop.pages |= {path: product_page(path[1:]) for path in ("/p/1", "/q/1", "/q/2")}
    report = collect(store, shop, clock, {"follow": ["/p/"]})
    assert notes(report, shop)[2:] == [
        (
            "source shop: not_followed: 2 pages left out (they match neither follow nor product_urls), such as /q/1. "
            "To change that: sources.shop.follow."
        ),
        (
            "warning: source shop: 1 of 3 pages that may show a product were kept, less than "
            "crawl.min_kept_share (0.8). Most were left out by not_followed: check sources.shop.follow."
        ),
    ]
    assert shop.count()["/q/1"] == 0


def test_links_that_are_no_pages_are_counted_by_reason(store: Store, shop: Shop, clock: Clock) -> None:
    links = ["/p/1", "/cart/", "/p/1?add-to-cart=1", "/a.pdf", "/?sort=price", "https://a.example/1", "//a.example/2"]
    home = listing_page(links).replace("</ul>", '<li><a href="/terms" rel="nofollow">Terms</a></ul>')
    shop.pages = {"/": home, "/p/1": product_page("1")}
    settings = settings_for(shop)
    report = crawl_stage.run(store, settings, clock=clock)
    assert report.dropped == {"action": 2, "file": 1, "nofollow": 1, "other_host": 1, "same_items": 1}
    assert notes(records_stage.run(store, settings, clock=clock), shop) == [
        (
            "source shop: action: 2 links left out (carts, logins and other actions for a visitor), such as /cart/. To "
            "change that: sources.shop.follow."
        ),
        (
            "source shop: file: 1 link left out (images, documents and other files), such as /a.pdf. To change that: "
            "sources.shop.follow."
        ),
        (
            "source shop: nofollow: 1 link left out (the shop asks crawlers not to follow these links), such as "
            "/terms. To change that: sources.shop.start, whose URLs are always requested."
        ),
        (
            "source shop: other_host: 1 link left out (other hosts that pages link to, each counted once), such as "
            "https://a.example/. To change that: sources.shop.start."
        ),
        (
            "source shop: same_items: 1 link left out (listings in another order or layout), such as /?sort=price. To "
            "change that: sources.shop.follow."
        ),
    ]
    assert sum(shop.count().values()) == len(["/", "/p/1", "/robots.txt", "tdmrep.json", "/ai.txt", "/sitemap.xml"])


def test_sitemap_overrules_what_a_link_looks_like(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/register/"]), "/register/": product_page("1")}
    shop.pages["/sitemap.xml"] = f"<urlset><url><loc>{shop.url}/register/</loc></url></urlset>"
    assert collect(store, shop, clock, {}).kept == 1


def test_products_outside_the_pattern_are_counted(store: Store, shop: Shop, clock: Clock) -> None:
    paths = [f"/cups/{n}" for n in range(4)] + ["/pots/4"]
    shop.pages = {"/": listing_page(paths)}
    shop.pages |= {path: product_page(path[1:]) for path in paths}
    report = collect(store, shop, clock, {"product_urls": ["/cups/"]})
    assert (report.kept, report.dropped["outside_product_urls"]) == (4, 1)
    assert notes(report, shop) == [
        (
            "source shop: outside_product_urls: 1 page left out (products that match no product_urls), such as "
            "/pots/4. To change that: sources.shop.product_urls."
        )
    ]


def test_pages_in_another_language_are_counted(store: Store, shop: Shop, clock: Clock) -> None:
    paths = [f"/p/{n}" for n in "abc"]
    spoken = {"/p/a": "pl", "/p/b": "ru", "/p/c": "ru"}
    shop.pages = {"/": listing_page(paths)}
    shop.pages |= {p: product_page(p[1:]).replace("<html>", f'<html lang="{spoken[p]}">') for p in paths}
    report = collect(store, shop, clock, {"languages": ["pl"]})
    assert notes(report, shop)[0] == (
        "source shop: other_language: 2 pages left out (in another language than pl), such as /p/b. "
        "To change that: sources.shop.languages."
    )


def test_share_below_which_a_run_warns_is_a_setting(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/p/1", "/q/1"]), "/p/1": product_page("1"), "/q/1": product_page("2")}
    lenient = collect(store, shop, clock, {"follow": ["/p/"]}, 0.5)
    strict = collect(store, shop, clock, {"follow": ["/p/"]}, 0.6)
    assert [sum(note.startswith("warning") for note in report.notes) for report in (lenient, strict)] == [0, 1]


def test_id_that_all_products_show_is_named(store: Store, shop: Shop, clock: Clock) -> None:
    paths = [f"/lamp-{n}" for n in ("red", "blue", "green")]
    shop.pages = {"/": listing_page(paths)}
    shop.pages |= {path: product_page(path[1:], sku="In stock") for path in paths}
    report = collect(store, shop, clock, {})
    assert report.kept == 3
    assert "3 products show the id 'In stock', so it is none" in report.notes[0]


def test_translations_do_not_count_as_lost() -> None:
    left_out = (LeftOut("s", "other_language", 900, "https://shop.example/fr/a", expected=900, detail="en"),)
    (note,) = loss_notes(left_out, ChosenPages({}, (), {}), CrawlSettings())
    assert "900 pages left out (in another language than en)" in note
