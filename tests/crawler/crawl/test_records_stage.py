from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest

from core.errors import DataError, SettingsError
from core.stage import StageReport
from crawler import records_stage
from crawler.crawl.frontier import Frontier, make_frontier, open_frontier
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.settings import CrawlSettings
from storage import Store, transaction

from .conftest import NOW, Clock, listing_page, product_page

HOME = "https://shop.example"
CARDS = "<html><body>" + "".join(f"<div class='card'><b>{n},99 €</b></div>" for n in range(9)) + "</body></html>"
MISSING = "<html><head><title>404 Not Found</title></head><body><h1>Page not found</h1></body></html>"
ABOUT = "<html><head><title>About us</title></head><body><h1>About us</h1><p>We sell things.</p></body></html>"


def settings(**source: object) -> CrawlSettings:
    return CrawlSettings.model_validate(
        {"contact": "a@lab.example", "sources": {"shop": {"start": [HOME], "crawl_authorised": True, **source}}}
    )


def store_pages(store: Store, pages: dict[str, str], *, listed: set[str] = frozenset(), at: str | None = None) -> None:  # type: ignore[assignment]
    """Store pages in the frontier and the objects, as the crawl does."""
    make_frontier(store, "shop")
    with open_frontier(store, "shop") as connection, store.objects.writer("page") as writer:
        frontier = Frontier(connection, "shop", at or NOW.isoformat())
        for path, html in pages.items():
            url = HOME + path
            frontier.add([Found(url, listed=path in listed)])
            sha = writer.put(html.encode(), mime="text/html", url=url)
            task = CrawlTask(url, "page", 3, 1, 0, 0, listed=path in listed)
            writer.flush()
            frontier.record(
                [Visit(task, "done", page_sha256=sha, headers={"content-type": "text/html; charset=utf-8"})]
            )


def forget(store: Store, path: str) -> None:
    with open_frontier(store, "shop") as connection, transaction(connection):
        connection.execute("UPDATE source_pages SET page_sha256 = NULL WHERE url = ?", (HOME + path,))


def run(store: Store, chosen: CrawlSettings | None = None) -> StageReport:
    return records_stage.run(store, chosen or settings())


def counts(report: StageReport) -> tuple[int, int, dict[str, int]]:
    return report.read, report.kept, dict(report.dropped)


def table(store: Store, name: str, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in store.snapshot().table(name, columns or None).to_pylist()]


def rejects(store: Store) -> dict[str, str]:
    rows = store.snapshot().table("rejects").to_pylist()
    return {row["item"].removeprefix(HOME): row["reason"] for row in rows}


def test_pages_become_products_specifications_and_pending_media(store: Store) -> None:
    store_pages(store, {"/p/a": product_page("a"), "/": listing_page(["/p/a", "/p/b"])})
    assert counts(run(store)) == (2, 1, {"other": 1})
    row = store.snapshot().table("products").to_pylist()[0]
    named = ("product_id", "source", "url", "native_id", "caption", "brand", "currency", "availability")
    assert [row[name] for name in named] == ["shop:a", "shop", HOME + "/p/a", "a", "a", "Acme", "EUR", "InStock"]
    assert (float(row["price"]), row["first_seen"], row["last_seen"]) == (12.5, NOW, NOW)
    assert table(store, "specs", "product_id", "position", "property", "value") == [
        ("shop:a", 0, "Colour", "blue"), ("shop:a", 1, "Weight", "12 g"), ("shop:a", 2, "Material", "steel"),
    ]  # fmt: skip
    assert table(store, "media", "product_id", "kind", "position", "url", "state", "attempts") == [
        ("shop:a", "image", 0, HOME + "/img/a-0.jpg", "pending", 0),
        ("shop:a", "image", 1, HOME + "/img/a-1.jpg", "pending", 0),
    ]


def test_variants_become_rows_that_follow_their_page(store: Store) -> None:
    group = '{"@type": "ProductGroup", "hasVariant": [%s]}'
    variant = '{"sku": "%s", "color": "%s", "offers": {"price": "%s", "priceCurrency": "EUR"}}'
    both = group % ", ".join((variant % ("a-r", "red", "12.50"), variant % ("a-b", "blue", "13")))
    head = f'<script type="application/ld+json">{both}</script>'
    store_pages(store, {"/p/a": product_page("a", head=head), "/p/b": product_page("b")})
    run(store)
    assert table(store, "variants", "product_id", "variant_id", "position", "options", "currency") == [
        ("shop:a", "a-b", 1, ["color: blue"], "EUR"), ("shop:a", "a-r", 0, ["color: red"], "EUR"),
    ]  # fmt: skip
    store_pages(store, {"/p/b": product_page("b").replace("12 g", "13 g")})
    run(store)
    assert len(table(store, "variants")) == 2
    forget(store, "/p/a")
    run(store)
    assert table(store, "variants") == []


def test_every_page_without_a_product_is_a_reject(store: Store) -> None:
    pages = {
        "/p/a": product_page("a"),
        "/p/a?colour=red": product_page("a", head=f'<link rel="canonical" href="{HOME}/p/a">'),
        "/q/a": product_page("a"),
        "/p/gone": MISSING,
        "/about": ABOUT,
        "/help": ABOUT,
        "/out": product_page("out", head='<meta name="robots" content="noai">'),
        "/": CARDS,
        "/empty": " ",
    }
    store_pages(store, pages, listed={"/about", "/p/a"})
    assert counts(run(store)) == (9, 1, {
        "duplicate_url": 2, "listing": 1, "not_a_product": 1, "opt_out": 1, "other": 1, "page_empty": 1, "soft_404": 1,
    })  # fmt: skip
    assert rejects(store) == {
        "/about": "not_a_product", "/help": "other", "/": "listing",
        "/p/a?colour=red": "duplicate_url", "/q/a": "duplicate_url",
        "/p/gone": "soft_404", "/out": "opt_out", "/empty": "page_empty",
    }  # fmt: skip
    assert table(store, "products", "product_id", "url") == [("shop:a", HOME + "/p/a")]


def test_product_urls_decide_which_pages_need_a_product(store: Store) -> None:
    store_pages(store, {"/p/a": product_page("a"), "/p/b": ABOUT, "/about": ABOUT}, listed={"/about"})
    assert counts(run(store, settings(product_urls=["/p/"]))) == (3, 1, {"not_a_product": 1, "other": 1})
    assert rejects(store) == {"/p/b": "not_a_product", "/about": "other"}


def test_changed_page_changes_only_its_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store_pages(store, {f"/p/{n}": product_page(n) for n in "abc"})
    first = run(store)
    again = run(store)
    assert (again.unchanged, counts(again), store.snapshot().number) == (True, counts(first), 1)

    later = Clock()
    later.pass_hours(30)
    changed = product_page("b", links="<p>now with a note</p>").replace("12 g", "13 g").replace("/img/b-1", "/img/b-9")
    store_pages(store, {"/p/b": changed, "/p/d": product_page("d")}, at=later.now.isoformat())
    _mark_downloaded(store)
    read: list[str] = []
    monkeypatch.setattr(store.objects, "read", _spy(store.objects.read, read))
    assert counts(run(store)) == (4, 4, {})
    assert len(read) == 2
    seen = {row[0]: row[1:] for row in table(store, "products", "product_id", "first_seen", "last_seen")}
    assert seen == {
        "shop:a": (NOW, NOW), "shop:b": (NOW, later.now), "shop:c": (NOW, NOW), "shop:d": (later.now, later.now),
    }  # fmt: skip
    weights = [row for row in table(store, "specs", "product_id", "property", "value") if row[1] == "Weight"]
    assert weights == [(f"shop:{n}", "Weight", "13 g" if n == "b" else "12 g") for n in "abcd"]
    states = {(row[0], row[1]): row[2] for row in table(store, "media", "product_id", "position", "state")}
    assert states == {
        **{(f"shop:{n}", k): "ok" for n in "abc" for k in (0, 1)},
        ("shop:b", 1): "pending", ("shop:d", 0): "pending", ("shop:d", 1): "pending",
    }  # fmt: skip


def _mark_downloaded(store: Store) -> None:
    with store.stage("download", settings="") as stage, closing(stage.before.connection()) as connection:
        stage.write("media", connection.sql("SELECT * REPLACE ('ok' AS state, repeat('0', 64) AS sha256) FROM media"))
        stage.commit(StageReport("download", 0, 0))


def _spy(real: Callable[[str], bytes], calls: list[str]) -> Callable[[str], bytes]:
    def read(sha256: str) -> bytes:
        calls.append(sha256)
        return real(sha256)

    return read


def test_an_image_that_most_products_share_is_dropped_until_they_do_not(store: Store) -> None:
    shared = {f"/p/{n}": product_page(n).replace(f"/img/{n}-0", "/img/none") for n in "abcde"}
    store_pages(store, {**shared, "/p/f": product_page("f")})
    run(store)
    states = table(store, "media", "product_id", "position", "state", "reason")
    assert [row for row in states if row[1] == 0] == [
        *((f"shop:{n}", 0, "dropped", "placeholder") for n in "abcde"), ("shop:f", 0, "pending", None)
    ]  # fmt: skip
    assert {row[2:] for row in states if row[1] == 1} == {("pending", None)}
    later = Clock()
    later.pass_hours(30)
    store_pages(store, {"/p/a": product_page("a")}, at=later.now.isoformat())
    run(store)
    assert {row[0] for row in table(store, "media", "state")} == {"pending"}


def test_image_shared_by_unlike_names_is_a_placeholder(
    store: Store,
) -> None:
    def shop(image: str, names: list[str], sku: str) -> dict[str, str]:
        pages = {f"/p/{sku}{n}": product_page(name, sku=f"{sku}{n}") for n, name in enumerate(names)}
        return {path: page.replace(f"/img/{names[n]}-0", image) for n, (path, page) in enumerate(pages.items())}

    words = ("kettle", "pan", "lid", "pot", "jug", "cup", "mug", "tin", "tray", "jar", "bowl", "dish")
    goods = shop("/img/none", [f"{word} {n}" for n, word in enumerate(words)], "g")
    yarns = shop("/img/yarn", [f"Yarn {n}" for n in range(11)], "y")
    store_pages(store, goods | yarns)
    run(store)
    found = table(store, "media", "url", "reason")
    assert {row for row in found if str(row[0]).endswith(("none.jpg", "yarn.jpg"))} == {
        (HOME + "/img/none.jpg", "placeholder"), (HOME + "/img/yarn.jpg", None)
    }  # fmt: skip


def test_another_page_takes_over_when_the_chosen_one_is_gone(store: Store) -> None:
    other = product_page("a").replace("blue", "green")
    store_pages(store, {"/p/a": product_page("a"), "/q/a": other})
    assert counts(run(store)) == (2, 1, {"duplicate_url": 1})
    forget(store, "/p/a")
    assert counts(run(store)) == (1, 1, {})
    assert table(store, "products", "product_id", "url") == [("shop:a", HOME + "/q/a")]
    assert ("shop:a", "green") in table(store, "specs", "product_id", "value")
    forget(store, "/q/a")
    assert counts(run(store)) == (0, 0, {})
    assert (table(store, "products"), table(store, "specs"), table(store, "media")) == ([], [], [])


def test_products_of_a_feed_stay(store: Store) -> None:
    store_pages(store, {"/p/a": product_page("a")})
    run(store)
    with store.stage("ingest-feed", settings="") as stage, closing(stage.before.connection()) as connection:
        feed = (
            "SELECT * REPLACE ('feed:' || native_id AS product_id, 'feed' AS source, NULL AS page_sha256) FROM products"
        )
        stage.write("products", connection.sql(f"SELECT * FROM products UNION ALL BY NAME {feed}"))
        stage.commit(StageReport("ingest-feed", 0, 0))
    store_pages(store, {"/p/b": product_page("b")})
    run(store)
    assert [row[0] for row in table(store, "products", "product_id")] == ["feed:a", "shop:a", "shop:b"]


def test_a_custom_page_object_is_used_and_its_changes_are_noticed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = (
        "from crawler import ProductPage, field\nclass Page(ProductPage):\n"
        "    @field\n    def brand(self):\n        return '{}'\n"
    )
    (tmp_path / "corner_one.py").write_text(code.format("One"))
    (tmp_path / "corner_two.py").write_text(code.format("Two"))
    store_pages(store, {"/p/a": product_page("a")})
    for name in ("One", "Two"):
        report = run(store, settings(page_object=f"corner_{name.lower()}:Page"))
        assert (report.unchanged, table(store, "products", "brand")) == (False, [(name,)])
    with pytest.raises(SettingsError, match="page_object"):
        run(store, settings(page_object="nowhere:Page"))


def test_a_page_that_breaks_its_page_object_does_not_stop_the_others(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "corner_bad.py").write_text(
        "from crawler import ProductPage, field\nclass Page(ProductPage):\n    @field\n    def brand(self):\n"
        "        return None.brand if 'bad' in self.document.url else 'x'\n"
    )
    store_pages(store, {"/p/bad": product_page("bad"), "/p/good": product_page("good")})
    assert counts(run(store, settings(page_object="corner_bad:Page"))) == (2, 1, {"unreadable": 1})


def _json_ld(text: str) -> str:
    return f'<html><body><h1>Kettle</h1><script type="application/ld+json">{text}</script></body></html>'


def _offer(name: str = '"Kettle"', price: str = "12", image: str = '"/k.jpg"', **more: str) -> str:
    rest = "".join(f', "{key}": {value}' for key, value in more.items())
    offers = f'{{"price": {price}, "priceCurrency": "EUR"}}'
    return _json_ld(f'{{"@type": "Product", "name": {name}, "sku": "k1", "image": {image}, "offers": {offers}{rest}}}')


HOSTILE = {
    "half a character in an image URL": _offer(image='"/half\\ud83d.jpg"'),
    "half a character in a name": _offer(name='"Kettle \\udc00"'),
    "half a character in an id": _offer().replace('"k1"', '"k\\ud8001"'),
    "half a character in a property": _offer(
        additionalProperty='[{"name": "a\\ud83d", "value": "\\ude00b"}]', category='"a > \\ud83d"', brand='"\\ud83d"'
    ),
    "half a character in a URL": _offer(url='"/p\\ud83d"') + '<link rel="canonical" href="/p/&#xD83D;">',
    "control characters": _offer(name='"Ket\\u0000tle\\u0007"', brand='"\\u001b[31mred"'),
    "a number beyond all bounds": _offer(price="1e400"),
    "a number below all bounds": _offer(price="1e-400000"),
    "not a number": _offer(price="NaN", image="Infinity"),
    "a number of 5,000 digits": _offer(price="1" * 5_000),
    "a text of a million digits": _offer(price='"' + "1" * 1_000_000 + '"'),
    "numbers for texts": _offer(name="1", image="2", brand="true", category="3.5", gtin="[4]"),
    "lists for texts": _offer(name="[[[]]]", image="[[{}]]", brand="[[1]]", category="[null]"),
    "types that are none": _offer().replace('"Product"', '{"a": ["Product"]}'),
    "a bad port": _offer(image='"https://shop.example:99999999/a.jpg"', url='"http://[::1/"'),
    "a URL of another scheme": _offer(image='["javascript:1", "file:///etc/passwd", "//[", "http://\\u2100/"]'),
    "deep nesting": _json_ld('{"a":' * 50_000 + "1" + "}" * 50_000),
    "ten million characters": _offer(name='"' + "x" * 10_000_000 + '"'),
    "a canonical URL without sense": _offer() + '<link rel="canonical" href="http://[">',
    "a base without sense": '<base href="http://[">' + _offer(),
    "NUL bytes": "\0" * 10_000 + _offer(),
}


def test_whatever_one_page_holds_the_others_become_products(store: Store) -> None:
    hostile = {f"/h/{n}": page.replace('"k1"', f'"k{n}"') for n, page in enumerate(HOSTILE.values())}
    honest = {f"/p/{n}": product_page(f"honest{n}") for n in range(len(hostile))}
    store_pages(store, dict(chain.from_iterable(zip(honest.items(), hostile.items(), strict=True))))
    report = run(store)
    ids = {row[0] for row in table(store, "products", "product_id")}
    assert {f"shop:honest{n}" for n in range(len(honest))} <= ids
    assert (len(ids), set(rejects(store)) - set(hostile)) == (report.kept, set())


def test_a_page_object_that_gives_what_no_table_holds_is_a_reject(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "corner_odd.py").write_text(
        "from crawler import ProductPage, field\nclass Page(ProductPage):\n    @field\n    def brand(self):\n"
        "        if 'raises' in self.document.url:\n            raise RuntimeError('half \\ud83d')\n"
        "        return {1: b'2'} if 'odd' in self.document.url else 'x'\n"
    )
    store_pages(store, {f"/p/{name}": product_page(name) for name in ("odd", "raises", "z")})
    assert counts(run(store, settings(page_object="corner_odd:Page"))) == (3, 1, {"unreadable": 2})


def test_the_key_is_created_once_and_private(store: Store) -> None:
    store_pages(store, {"/p/a": product_page("a")})
    run(store)
    path = store.root / "secret.key"
    assert (len(path.read_bytes()), path.stat().st_mode & 0o777) == (32, 0o600)
    key = path.read_bytes()
    store_pages(store, {"/p/b": product_page("b")})
    run(store)
    assert path.read_bytes() == key


def test_a_run_killed_before_its_commit_reads_no_page_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store_pages(store, {f"/p/{n}": product_page(str(n)) for n in range(3)})
    monkeypatch.setattr("crawler.records_stage._report", _fail)
    with pytest.raises(KeyboardInterrupt):
        run(store)
    monkeypatch.undo()
    read: list[str] = []
    monkeypatch.setattr(store.objects, "read", _spy(store.objects.read, read))
    assert (counts(run(store)), read) == ((3, 3, {}), [])


def _fail(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_gone_page_removes_its_product_and_a_failed_page_does_not(store: Store) -> None:
    store_pages(store, {f"/p/{n}": product_page(n) for n in "abc"})
    run(store)
    with open_frontier(store, "shop") as connection:
        frontier = Frontier(connection, "shop", NOW.isoformat())
        frontier.reopen_all()
        a, b, c = frontier.take(3, ())
        frontier.record([Visit(a, "failed", "http_404"), Visit(b, "failed", "http_5xx"), Visit(c, "done")])
        assert counts(run(store)) == (2, 2, {})
        assert [row[0] for row in table(store, "products", "product_id")] == ["shop:b", "shop:c"]
        frontier.record([Visit(a, "done", http_status=304)])
    assert counts(run(store)) == (3, 3, {})


def test_a_site_that_suddenly_shows_nothing_does_not_empty_its_source(store: Store) -> None:
    names = [f"p{n}" for n in range(30)]
    store_pages(store, {f"/p/{name}": product_page(name) for name in names})
    assert run(store).kept == 30
    store_pages(store, {f"/p/{name}": MISSING for name in names[:10]})
    with pytest.raises(DataError, match=r"^shop: 10 of 30 products would be removed, more than 30% of them\."):
        run(store)
    assert store.snapshot().table("products").num_rows == 30
    assert records_stage.run(store, settings(), allow_shrink=True).kept == 20
    store_pages(store, {f"/p/{name}": MISSING for name in names[10:15]})
    assert run(store).kept == 15
