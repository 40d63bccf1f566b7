from crawler.crawl.languages import (
    Languages,
    alternates,
    language_tag,
    page_language,
    sitemap_languages,
    url_language,
)
from reader.document import read_document

HOME = "https://shop.example"


def test_tags_are_read_in_one_spelling_and_other_words_are_none() -> None:
    texts = ("EN", "pt_BR", "zh-Hant-TW", "es-419", "tv", "english", "e", "de-formal", "")
    assert [language_tag(text) for text in texts] == ["en", "pt-br", "zh-hant-tw", "es-419", *[None] * 5]


def test_a_url_names_its_language_in_its_first_segment_or_a_parameter() -> None:
    named = {"/en-gb/p/1": "en-gb", "/p/1?lang=de": "de", "/p/de/1": None, "/": None, "/desk": None}
    assert {path: url_language(HOME + path) for path in named} == named


def test_sitemaps_that_differ_in_their_language_alone_are_known() -> None:
    files = ["/map-items-en-gb.xml", "/map-items-fr.xml", "/map-is.xml", "/de/map.xml", "/it/map.xml", "/map-1.xml"]
    assert sitemap_languages(HOME + path for path in files) == {
        HOME + "/map-items-en-gb.xml": "en-gb", HOME + "/map-items-fr.xml": "fr",
        HOME + "/de/map.xml": "de", HOME + "/it/map.xml": "it",
    }  # fmt: skip


def test_a_page_says_its_language_and_its_alternates() -> None:
    page = read_document(
        b'<html lang="de-AT"><link rel="alternate" hreflang="en" href="/en/p"><link rel=alternate hreflang=x-default'
        b' href="/p"><link rel="alternate" type="application/rss+xml" href="/feed">text',
        HOME + "/p",
    )
    assert (page_language(page), alternates(page)) == ("de-at", {HOME + "/en/p": "en"})


def test_the_start_pages_language_is_taken_and_the_others_refused() -> None:
    shop = Languages().start_from(HOME + "/en-gb/", "en")
    assert shop.taken == ("en-gb",)
    paths = ("/en-gb/p", "/de/p", "/p", "/en/p", "/en-us/p", "/p?lang=fr")
    assert [shop.refuses(HOME + path) for path in paths] == [False, True, False, False, True, True]


def test_a_department_that_is_spelt_like_a_language_is_none() -> None:
    shop = Languages().start_from(HOME + "/it/", "en")
    assert (shop.taken, shop.refuses(HOME + "/tv/"), shop.refuses(HOME + "/no/")) == (("en",), False, False)


def test_languages_are_learnt_where_the_start_url_names_none() -> None:
    shop = Languages().start_from(HOME + "/", "en")
    assert not shop.refuses(HOME + "/it/p")  # ``it`` may be a department
    spoken = {HOME + "/p": "en", HOME + "/it/p": "it"}
    assert shop.excludes(HOME + "/it/p", "it", spoken)
    learnt = shop.learn(["it"])
    assert learnt.refuses(HOME + "/it/q")
    assert Languages.of((), learnt.learnt()) == learnt


def test_language_of_a_theme_excludes_no_page_without_a_setting() -> None:
    assert not Languages().start_from(HOME + "/", "pl").excludes(HOME + "/p", "en", {})
    assert Languages.of(["pl"], None).excludes(HOME + "/p", "en", {})
    assert not Languages.of(["pl", "en"], None).excludes(HOME + "/p", "en", {})


def test_without_any_language_nothing_is_refused() -> None:
    shop = Languages().start_from(HOME + "/", None)
    assert (shop.refuses(HOME + "/de/p"), shop.excludes(HOME + "/de/p", "de", {})) == (False, False)
