"""Pages filled by scripts are rendered, and the requests of the scripts are subject to the guard and robots.txt."""

import shutil

import pytest
from aiohttp import web

from crawler import crawl_stage
from crawler.crawl.frontier import open_frontier
from storage import Store
from tests.crawler.crawl.conftest import Clock, Shop, settings_for

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="no Chromium on this machine"
)

_PAGE = """<!doctype html><html><head><title>Shop</title></head><body><div id="here">nothing yet</div>
<img src="/picture.jpg"><script>
const quietly = url => fetch(url).then(answer => answer.text()).catch(() => "refused");
(async () => {
  const told = [];
  for (const url of ["/api/product", "/private/data", "http://169.254.169.254/latest", "http://127.0.0.1:9/"])
    told.push(await quietly(url));
  document.getElementById("here").textContent = told.join("|");
})();
</script></body></html>"""


async def _product(_: web.Request) -> web.StreamResponse:
    return web.Response(text="Lamp 12", content_type="text/plain")


def test_page_is_stored_as_its_confined_scripts_leave_it(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {
        "/": _PAGE,
        "/api/product": _product,
        "/private/data": _product,
        "/picture.jpg": b"picture",
        "/robots.txt": b"User-agent: *\nDisallow: /private",
    }
    settings = settings_for(shop, source={"browser": True}, user_agent="testbot", contact="mail@lab.example")
    crawl_stage.run(store, settings, clock=clock)

    with open_frontier(store, "shop") as connection:
        query = "SELECT page_sha256 FROM source_pages WHERE url = ?"
        [sha256] = connection.execute(query, (f"{shop.url}/",)).fetchone()
    page = store.objects.page(sha256)
    assert b'<div id="here">Lamp 12|refused|refused|refused</div>' in page.body
    assert dict(page.headers)["Content-Type"] == "text/html; charset=utf-8"
    asked = {path for path, _ in shop.asked}
    assert asked == {"/", "/api/product", "/robots.txt", "/ai.txt", "/.well-known/tdmrep.json", "/sitemap.xml"}
    assert {headers["User-Agent"] for _, headers in shop.asked} == {"testbot/0.1 (+mail@lab.example)"}

    shop.asked.clear()
    crawl_stage.run(store, settings, clock=clock, force=True)
    assert shop.count()["/api/product"] == 0, "an unchanged page is not rendered again"
