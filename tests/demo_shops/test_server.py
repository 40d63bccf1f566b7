import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import psutil
import pytest
from lxml import etree, html

from core.errors import UsageError
from demo_shops.products import SHOPS
from demo_shops.server import ShopURLs, serving
from demo_shops.shops import Shops
from demo_shops.truth import Truth

Fetch = Callable[..., tuple[int, dict[str, str], bytes]]


def _locations(url: str, fetch: Fetch) -> list[str]:
    return [str(place.text) for place in etree.fromstring(fetch(url)[2]).iter("{*}loc")]


def _walk(start: str, fetch: Fetch) -> set[str]:
    """Follow every ``<a>`` link, as a crawler without rules would, and return all URLs found."""
    found, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        status, headers, body = fetch(page)
        if status != 200 or not headers["Content-Type"].startswith("text/html"):
            continue
        links = [urljoin(page, str(link.get("href"))) for link in html.fromstring(body).iter("a")]
        waiting += [link for link in links if link not in found]
        found.update(links)
    return found


def test_sitemap_of_the_north_lists_products_and_detours(truth: Truth, base_urls: ShopURLs, fetch: Fetch) -> None:
    base = base_urls.bases["north"]
    listed = [page for part in _locations(f"{base}/sitemap.xml", fetch) for page in _locations(part, fetch)]
    old = {new: old for old, new in truth.redirects}
    pages = [one.record.url for one in truth.products if one.source == "north"]
    wanted = [old.get(page, page) for page in pages] + [one.url for one in truth.drops if one.source == "north"]
    assert sorted(listed) == sorted(wanted)
    assert len(truth.redirects) == 1


def test_listings_of_the_south_lead_to_all_through_next_links(truth: Truth, base_urls: ShopURLs, fetch: Fetch) -> None:
    base = base_urls.bases["south"]
    products = {one.record.url for one in truth.products if one.source == "south"}
    drops = {one.url for one in truth.drops if one.source == "south"}
    navigation = {url for url in truth.navigation if url.startswith(base)}
    assert _walk(f"{base}/index.html", fetch) == products | drops | navigation
    assert any(url.endswith("_2.html") for url in navigation)


def test_detours_answer_as_their_reason_says(truth: Truth, base_urls: ShopURLs, fetch: Fetch) -> None:
    statuses = {(one.source, one.reason, fetch(one.url)[0]) for one in truth.drops}
    both = {("opt_out", 200), ("soft_404", 200), ("http_404", 404), ("duplicate_url", 200), ("robots", 200)}
    wanted = {(shop, *one) for shop in SHOPS for one in both} | {("north", "not_a_product", 200)}
    assert statuses == wanted
    for one in truth.drops:
        rules = fetch(f"{base_urls.bases[one.source]}/robots.txt")[2].decode()
        path = one.url.removeprefix(base_urls.bases[one.source])
        assert (f"Disallow: {path}\n" in rules) == (one.reason == "robots")


def test_opt_outs_stand_in_the_head_and_in_a_header(truth: Truth, fetch: Fetch) -> None:
    north, south = (one.url for one in truth.drops if one.reason == "opt_out")
    assert b'<meta name="robots" content="noai' in fetch(north)[2]
    assert fetch(south)[1]["X-Robots-Tag"] == "noai, noimageai"
    pages = [fetch(one.record.url) for one in truth.products]
    assert not any(b"noai" in body or "X-Robots-Tag" in headers for _, headers, body in pages)


def test_soft_404_says_that_there_is_nothing(truth: Truth, fetch: Fetch) -> None:
    for one in truth.drops:
        body = fetch(one.url)[2].decode("utf-8" if one.source == "north" else "gbk", "replace")
        assert ("商品不存在或已下架" in body) == (one.reason == "soft_404")


def _canonical(page: bytes) -> str:
    return next(str(one.get("href")) for one in html.fromstring(page).iter("link") if one.get("rel") == "canonical")


def test_a_second_address_names_the_first_as_canonical(truth: Truth, fetch: Fetch) -> None:
    pages = {one.record.url for one in truth.products}
    aliases = [one.url for one in truth.drops if one.reason == "duplicate_url"]
    named = [_canonical(fetch(url)[2]) for url in aliases]
    assert set(named) < pages
    assert len(named) == 4


def test_redirect_leads_to_the_product(truth: Truth, fetch: Fetch) -> None:
    ((old, new),) = truth.redirects
    status, headers, _ = fetch(old)
    assert (status, headers["Location"]) == (301, new)
    assert new in {one.record.url for one in truth.products}


def test_unchanged_files_answer_304(truth: Truth, fetch: Fetch) -> None:
    for url in (truth.products[0].record.url, truth.products[0].media[0].url):
        status, headers, body = fetch(url)
        assert (status, bool(body)) == (200, True)
        for condition in ({"If_None_Match": headers["ETag"]}, {"If_Modified_Since": headers["Last-Modified"]}):
            again = fetch(url, **condition)
            assert (again[0], again[2], again[1]["ETag"]) == (304, b"", headers["ETag"])
        assert fetch(url, If_None_Match='"other"', If_Modified_Since=headers["Last-Modified"])[0] == 200


def test_requests_are_counted_by_path_and_status(shops: Shops, fetch: Fetch) -> None:
    with serving(shops.folder) as fresh:
        tag = fetch(f"{fresh.bases['north']}/about.html")[1]["ETag"]
        fetch(f"{fresh.bases['north']}/about.html", If_None_Match=tag)
        fetch(f"{fresh.bases['north']}/nothing.html")
        assert fresh.requests("north") == {"/about.html": {"200": 1, "304": 1}, "/nothing.html": {"404": 1}}
        assert fresh.requests("south") == {}


def test_no_path_leads_out_of_the_shop(base_urls: ShopURLs, fetch: Fetch) -> None:
    for path in ("/../answers.json", "/%2e%2e/answers.json", "/p/../../answers.json", "//etc/passwd"):
        assert fetch(base_urls.bases["north"] + path)[0] == 404


def test_ports_may_be_chosen_and_a_taken_one_is_refused(shops: Shops, base_urls: ShopURLs) -> None:
    port = int(base_urls.bases["south"].rsplit(":", 1)[1])
    with pytest.raises(UsageError, match="choose other ports"), serving(shops.folder, {"north": port}):
        pytest.fail("served on a port that was taken")


_ORPHAN = """
import signal, sys
from pathlib import Path
import psutil
from demo_shops.server import serving
if __name__ == "__main__":
    with serving(Path(sys.argv[1])) as found:
        print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
        signal.pause()
"""


def test_server_dies_with_a_killed_parent(shops: Shops, tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(_ORPHAN)
    root = Path(__file__).parents[2]
    command = [sys.executable, str(script), str(shops.folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    ) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
        assert children
        assert psutil.wait_procs(children, timeout=60)[1] == []


def test_nothing_is_left_running_after_the_context(shops: Shops) -> None:
    before = set(psutil.Process().children(recursive=True))
    with serving(shops.folder):
        during = [one for one in psutil.Process().children(recursive=True) if one not in before]
        servers = [one for one in during if "resource_tracker" not in " ".join(one.cmdline())]
    assert servers
    assert not any(one.is_running() for one in servers)
