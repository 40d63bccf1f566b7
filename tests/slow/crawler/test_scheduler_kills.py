"""A Scrapy crawl with the durable scheduler, without the rest of m5data, survives being killed again and again."""

from bench.crawl.scheduler_kills import BATCH, IN_FLIGHT, crawl_with_kills

PAGES, KILLS = 600, 12


def test_each_page_is_fetched_once_but_for_what_a_kill_repeats() -> None:
    found = crawl_with_kills("DurableScheduler", PAGES, KILLS)
    assert (found.kills, found.fetched) == (KILLS, PAGES)
    assert found.again <= KILLS * (IN_FLIGHT + BATCH)
