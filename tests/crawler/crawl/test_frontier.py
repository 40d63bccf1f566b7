import sqlite3
from collections.abc import Iterator

import pytest

from crawler.crawl.frontier import Frontier, make_frontier, open_frontier
from crawler.crawl.visits import CrawlTask, Found, Recrawl, Visit
from storage import Store

T0, T1 = "2024-05-01T00:00:00+00:00", "2024-05-02T00:00:00+00:00"
URL = "https://shop.example/"


@pytest.fixture
def connection(store: Store) -> Iterator[sqlite3.Connection]:
    make_frontier(store, "s")
    with open_frontier(store, "s") as connection:
        yield connection


def urls(tasks: list[CrawlTask]) -> list[str]:
    return [task.url.removeprefix(URL) for task in tasks]


def columns(connection: sqlite3.Connection, url: str, *names: str) -> tuple[object, ...]:
    row = connection.execute(f"SELECT {', '.join(names)} FROM source_pages WHERE url = ?", (url,)).fetchone()
    return tuple(row)


def test_addresses_come_by_rank_depth_and_name_and_busy_ones_not_at_all(connection: sqlite3.Connection) -> None:
    frontier = Frontier(connection, "s", T0)
    frontier.add([
        Found(URL + "b", depth=2), Found(URL + "a", depth=2), Found(URL + "z", depth=1),
        Found(URL + "n", rank=2, depth=9),
        Found(URL + "no", refused="trap"), Found(URL + "m", kind="sitemap", rank=0),
    ])  # fmt: skip
    Frontier(connection, "other", T0).add([Found(URL + "x", rank=0)])
    assert urls(frontier.take(9, ())) == ["m", "n", "z", "a", "b"]
    assert urls(frontier.take(2, {URL + "m", URL + "z"})) == ["n", "a"]
    assert (frontier.waiting(), frontier.stored()) == (5, 0)


def test_url_found_again_keeps_its_state_unless_out_of_reach(
    connection: sqlite3.Connection,
) -> None:
    frontier = Frontier(connection, "s", T0)
    frontier.add([Found(URL + "a", depth=5), Found(URL + "deep", depth=40, refused="too_deep")])
    frontier.record([Visit(frontier.take(1, ())[0], "failed", "http_404", "gone", 404)])
    frontier.add([Found(URL + "a", depth=2, listed=True), Found(URL + "deep", depth=3)])
    assert columns(connection, URL + "a", "state", "reason", "depth", "listed") == ("failed", "http_404", 2, 1)
    assert urls(frontier.take(9, ())) == ["deep"]


@pytest.mark.parametrize("reason", ["trap", "too_deep", "not_followed", "other_host", "action", "nofollow"])
def test_refused_links_are_due_only_under_other_settings(connection: sqlite3.Connection, reason: str) -> None:
    Frontier(connection, "s", T0).add([Found(URL + "no", refused=reason)])
    later = Frontier(connection, "s", T1, Recrawl((T0,), T0))
    later.reopen()
    assert (later.waiting(), later.knows(URL + "no")) == (0, True)
    later.reopen_all()
    assert (later.waiting(), later.knows(URL + "no")) == (0, False)


def test_a_visit_and_what_it_found_are_written_together(connection: sqlite3.Connection) -> None:
    frontier = Frontier(connection, "s", T0)
    frontier.add([Found(URL)])
    broken = Found(URL + "x", detail=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        frontier.record([Visit(frontier.take(1, ())[0], "done", page_sha256="aa", headers={}, found=(broken,))])
    assert (frontier.waiting(), frontier.stored()) == (1, 0)


def test_a_page_that_fails_later_is_kept_and_one_that_opts_out_is_not(connection: sqlite3.Connection) -> None:
    first = Frontier(connection, "s", T0)
    first.add([Found(URL)])
    fresh = Visit(first.take(1, ())[0], "done", page_sha256="aa", headers={"etag": '"1"'}, canonical=URL)
    first.record([fresh])
    later = Frontier(connection, "s", T1, Recrawl((T0,), T0))
    later.reopen()
    task = later.take(1, ())[0]
    assert (task.page_sha256, task.etag) == ("aa", '"1"')
    later.record([Visit(task, "failed", "http_404", "", 404)])
    wanted = ("page_sha256", "canonical", "fetched_at", "checked_at", "vanished_at", "attempts")
    assert columns(connection, URL, *wanted) == ("aa", URL, T0, T1, T1, 2)
    later.record([Visit(task, "done", http_status=304)])
    assert columns(connection, URL, "state", "reason", "vanished_at", "etag") == ("done", None, None, '"1"')
    later.record([Visit(task, "skipped", "opt_out", forget=True)])
    assert columns(connection, URL, "page_sha256", "state") == (None, "skipped")


def test_failures_that_pass_are_due_earlier(connection: sqlite3.Connection) -> None:
    frontier = Frontier(connection, "s", T0)
    frontier.add(Found(URL + name) for name in "abc")
    a, b, c = frontier.take(3, ())
    frontier.record(
        [Visit(a, "failed", "http_5xx"), Visit(b, "failed", "http_404"), Visit(c, "done", page_sha256="aa", headers={})]
    )
    Frontier(connection, "s", T1, Recrawl(("2024-04-30",), T0)).reopen()
    later = Frontier(connection, "s", T1, Recrawl((T0,), T0))
    assert urls(later.take(9, ())) == ["a"]
    later.reopen()
    assert urls(later.take(9, ())) == ["a", "b", "c"]
    assert urls(later.take(9, (), known_only=True)) == ["c"]
    later.reopen_all()
    assert [task.etag for task in later.take(9, ())] == [None] * 3


def test_query_strings_of_a_path_are_counted_whole(connection: sqlite3.Connection) -> None:
    frontier = Frontier(connection, "s", T0)
    frontier.add([Found(URL + "l?page=1"), Found(URL + "l?page=2"), Found(URL + "l2?page=1"), Found(URL + "l")])
    assert [frontier.count_query(URL + q) for q in ("l?a=1", "l?a=2", "l", "new?x")] == [3, 4, 0, 1]
    assert (frontier.knows(URL + "l"), frontier.knows(URL + "l?page=3")) == (True, False)


def visit(frontier: Frontier, url: str, **outcome: object) -> None:
    [task] = [task for task in frontier.take(9, ()) if task.url == URL + url]
    frontier.record([Visit(task, "done", **outcome)])  # type: ignore[arg-type]


def test_each_visit_that_finds_no_change_makes_a_page_wait_longer(connection: sqlite3.Connection) -> None:
    first = Frontier(connection, "s", T0)
    first.add([Found(URL + "calm"), Found(URL + "lively"), Found(URL + "list", rank=3)])
    for url in ("calm", "lively", "list"):
        visit(first, url, page_sha256="aa", headers={})
    second = Frontier(connection, "s", T0, Recrawl((T0, "2024-04-30"), T0))
    second.reopen()
    visit(second, "calm", http_status=304)
    visit(second, "list", http_status=304)
    visit(second, "lively", page_sha256="bb", headers={})
    second.reopen()
    assert urls(second.take(9, ())) == ["list", "lively"]


def test_unchanged_listing_waits_longer_beside_a_sitemap(connection: sqlite3.Connection) -> None:
    first = Frontier(connection, "s", T0)
    first.add([Found(URL + "list", rank=3), Found(URL + "item", rank=2, listed=True, listed_in=URL + "map")])
    visit(first, "list", page_sha256="aa", headers={})
    second = Frontier(connection, "s", T0, Recrawl((T0, "2024-04-30"), T0))
    second.reopen()
    visit(second, "list", http_status=304)
    second.reopen()
    assert urls(second.take(9, ())) == ["item"]


def test_a_sitemap_says_which_pages_need_no_visit_and_which_do(connection: sqlite3.Connection) -> None:
    said = {"old": "2024-04-01T00:00:00+00:00", "new": "2024-05-01T06:00:00+00:00", "undated": None}
    pages = [Found(URL + name, listed=True, listed_in=URL + "map", modified=date) for name, date in said.items()]
    sitemap = Found(URL + "map", kind="sitemap", rank=0)
    first = Frontier(connection, "s", T0)
    first.add([sitemap, *pages])
    for name in ("map", *said):
        visit(first, name, page_sha256="aa", headers={}, kind="sitemap" if name == "map" else "page")

    def due(now: str, soonest: str, latest: str) -> list[str]:
        later = Frontier(connection, "s", now, Recrawl((soonest, latest), T0))
        later.reopen()
        visit(later, "map", http_status=304, kind="sitemap")
        return urls(later.take(9, ()))

    assert due(T1, T0, "2024-04-24") == ["new", "undated"]
    assert due("2024-05-03", T1, T0) == ["new", "old", "undated"]


def test_a_page_of_which_only_a_token_changed_is_steady(connection: sqlite3.Connection) -> None:
    first = Frontier(connection, "s", T0)
    first.add([Found(URL + "token"), Found(URL + "text")])
    for url in ("token", "text"):
        visit(first, url, page_sha256="aa", headers={}, content="c1")
    second = Frontier(connection, "s", T0, Recrawl((T0, "2024-04-30"), T0))
    second.reopen()
    visit(second, "token", page_sha256="bb", headers={}, content="c1")
    visit(second, "text", page_sha256="bb", headers={}, content="c2")
    second.reopen()
    assert urls(second.take(9, ())) == ["text"]
