"""Hostile texts in the server's responses; test_browser_pages shows them in a browser."""

import json
from html.parser import HTMLParser

from tests.webapp.conftest import Filled, Site

FOREIGN = {"iframe", "svg", "b"}


class Elements(HTMLParser):
    """Collector of the elements and attributes that a parser finds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def check_inert(text: str) -> None:
    parser = Elements()
    parser.feed(text)
    for tag, attributes in parser.found:
        assert tag not in FOREIGN or tag == "b", tag
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert tag != "script" or (attributes.get("src") or "").startswith("/static/")
        for name in ("href", "src", "action"):
            assert not (attributes.get(name) or "").lower().startswith(("javascript:", "data:")), attributes


def test_pages_hold_hostile_texts_as_text(site: Site, filled: Filled) -> None:
    rita = site.signed_in("rita", "reviewer").client
    for path in ("/products", *(f"/products/{product}" for product in filled.hostile.values())):
        answer = rita.get(path)
        assert answer.status_code == 200, path
        assert len(answer.content) < 100_000, "a caption of a million letters is cut"
        assert "\0" not in answer.text
        check_inert(answer.text)


def test_a_hostile_search_is_answered_as_text(site: Site) -> None:
    rita = site.signed_in("rita", "reviewer").client
    for text in (
        '"><script>alert(1)</script>',
        "' or 1=1 --",
        "%",
        "\0",
        "\ud800".encode(errors="replace").decode(),
        "长" * 999,
    ):
        answer = rita.get("/products", params={"q": text, "source": text, "class": text, "split": text, "after": text})
        assert answer.status_code == 200
        check_inert(answer.text)


def test_tasks_hold_hostile_texts_cut_and_without_controls(judged: Site) -> None:
    _, found = judged.signed_in("ann").post("/annotate/tasks")
    text = json.dumps(found, ensure_ascii=False)
    assert len(text) < 100_000
    assert all(ord(sign) >= 32 for sign in text)
    assert "shop:" not in text, "annotators are not told which shop sells what"


def test_hostile_languages_and_cookies_change_nothing(site: Site) -> None:
    client = site.new_client()
    client.cookies.set("m5data_language", "../../etc/passwd")
    for language in ("zh", "xx", "<script>", ""):
        answer = client.get("/", params={"lang": language})
        check_inert(answer.text)
    assert 'lang="zh-Hans"' in client.get("/", params={"lang": "zh"}).text
