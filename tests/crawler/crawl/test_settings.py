import pytest
from pydantic import ValidationError

from core.errors import NotAuthorisedError, SettingsError
from crawler.settings import CrawlSettings, SourceSettings

HOME = "https://shop.example/"


def crawl(**source: object) -> CrawlSettings:
    return CrawlSettings.model_validate(
        {"contact": "data@lab.example", "sources": {"shop": {"start": [HOME], **source}}}
    )


def test_nothing_is_crawled_without_permission() -> None:
    with pytest.raises(NotAuthorisedError) as error:
        crawl().authorised()
    assert str(error.value) == (
        "m5data.toml: sources.shop.crawl_authorised must be true before this shop can be crawled. "
        "Ask the owner of https://shop.example/ for permission, then set it."
    )
    assert list(crawl(crawl_authorised=True).authorised()) == ["shop"]


def test_a_source_of_feeds_needs_no_permission_to_crawl() -> None:
    assert CrawlSettings(sources={"feed": SourceSettings()}).authorised() == {}


def test_an_unknown_source_is_named() -> None:
    with pytest.raises(SettingsError, match=r"m5data.toml has no source 'shoe'. Its sources: shop."):
        crawl(crawl_authorised=True).authorised(("shoe",))


def test_a_source_without_a_start_cannot_be_crawled_by_name() -> None:
    with pytest.raises(SettingsError, match=r"sources\.feed\.start is empty, .* m5data ingest\.$"):
        CrawlSettings(sources={"feed": SourceSettings()}).authorised(("feed",))


def test_strangers_are_not_called_on_without_an_address_to_complain_to() -> None:
    stranger = CrawlSettings(sources={"shop": SourceSettings(start=(HOME,), crawl_authorised=True)})
    with pytest.raises(SettingsError, match=r"crawl\.contact must be a mail or web address"):
        stranger.authorised()
    unasked = CrawlSettings(sources={"shop": SourceSettings(start=(HOME,))})
    with pytest.raises(NotAuthorisedError):  # the more important error comes first
        unasked.authorised()
    assert CrawlSettings(sources={"shop": SourceSettings(start=(HOME,), local=True)}).agent_header == "m5data/0.1"
    assert crawl().agent_header == "m5data/0.1 (+data@lab.example)"


@pytest.mark.parametrize(
    "wrong", [{"follow": ["("]}, {"page_object": "nonsense"}, {"delay_s": -1}, {"max_pages": 0}, {"colour": 1}]
)
def test_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        crawl(**wrong)


@pytest.mark.parametrize("name", ["../x", "a:b", "", "A", "a" * 64])
def test_a_sources_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(ValidationError):
        CrawlSettings.model_validate({"sources": {name: {}}})


def test_the_scope_changes_with_what_decides_it_alone() -> None:
    before = crawl().scope_digest("shop")
    assert crawl(delay_s=3, product_urls=["/p/"]).scope_digest("shop") == before
    assert crawl(follow=["/p/"]).scope_digest("shop") != before
