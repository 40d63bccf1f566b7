"""Hostile texts, small screens and both languages in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from annotate.tasks import AnnotationTask, TaskBoard, TaskSettings
from tests.webapp.conftest import Filled
from tests.webapp.served import Served, open_link
from webapp.security.people import invite_reviewers
from workspace import Workspace

CONTRAST = """
() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length === 3) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(':disabled')) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""
"""Script that lists elements whose text has less contrast than WCAG 2.2 AA requires (4.5:1)."""


@pytest.fixture(scope="module")
def served(filled_once: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    root = Path(shutil.copytree(filled_once.store.root, tmp_path_factory.mktemp("served") / "workspace"))
    (root / "m5data.toml").write_text("[serve]\nrequests_per_s = 10000\nburst = 10000\n", encoding="utf-8")
    workspace = Workspace.open(root)
    with TaskBoard(
        workspace.store.state, TaskSettings(gold_first=0, gold_learning=0, gold_share=0, fastest_s=0)
    ) as board:
        first, *others = filled_once.hostile.values()
        board.add_tasks(AnnotationTask(one, first) for one in others)
        board.add_tasks([AnnotationTask(first, "", ("<script>window.hacked=1</script>", "水壶", "茶具"))])
        tokens = board.invite(["ann", "bob", "eve"])
    tokens |= invite_reviewers(workspace.store.state, ["rita"])
    with Served(root) as server:
        yield server, tokens


def open_page(context: BrowserContext, served: tuple[Served, dict[str, str]], name: str) -> Page:
    server, tokens = served
    page = context.new_page()
    open_link(page, server.url, tokens[name], "/products" if name == "rita" else "/annotate")
    return page


def wait_for_task(page: Page) -> None:
    page.wait_for_selector("#task:not([hidden])")


def check_inert(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('main iframe, main svg, main script, main b b').length") == 0
    assert page.evaluate("[...document.querySelectorAll('main *')].some((e) => e.hasAttribute('onerror'))") is False


def test_hostile_texts_are_shown_and_do_nothing(
    browser: Browser, served: tuple[Served, dict[str, str]], filled_once: Filled
) -> None:
    context = browser.new_context()
    complaints: list[str] = []
    page = open_page(context, served, "ann")
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    wait_for_task(page)
    seen = ""
    while page.locator("#task").is_visible():
        seen += page.inner_text("#task")
        check_inert(page)
        page.keyboard.press("2")
        page.wait_for_function("() => document.getElementById('message').dataset.state !== 'loading'")
    assert "<script>window.hacked=1</script>" in seen
    assert '"><img src=x onerror="window.hacked=1">' in seen
    assert "before\ufffdafter" in seen
    reviewer = open_page(context, served, "rita")
    reviewer.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for path in ("/products", *(f"/products/{product}" for product in filled_once.hostile.values())):
        reviewer.goto(served[0].url + path)
        check_inert(reviewer)
    context.close()
    assert complaints == []


def test_a_task_that_comes_late_ends_the_loading(browser: Browser, served: tuple[Served, dict[str, str]]) -> None:
    context = browser.new_context()
    page = open_page(context, served, "eve")
    wait_for_task(page)
    held: list[Route] = []
    page.route("**/annotate/tasks", lambda route: held.append(route))  # noqa: PLW0108 - Playwright sets an attribute on the function
    while page.locator("#task").is_visible():
        page.keyboard.press("2")
    assert page.get_attribute("#message", "data-state") == "loading"
    page.wait_for_function("() => document.getElementById('waiting').className === 'tag'")
    held[0].continue_()
    wait_for_task(page)
    assert page.get_attribute("#message", "data-state") is None
    context.close()


def test_the_policy_stops_a_script_that_got_in(browser: Browser, served: tuple[Served, dict[str, str]]) -> None:
    context = browser.new_context()
    page = open_page(context, served, "rita")
    page.evaluate("""() => {
        const script = document.createElement('script');
        script.append('window.hacked = 1');
        try { document.body.append(script); } catch {}
        try { document.body.innerHTML = '<img src=x onerror="window.hacked=1">'; } catch {}
    }""")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hacked") is None
    context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (340, 740)])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_pages_fit_the_screen_and_can_be_read(
    browser: Browser, served: tuple[Served, dict[str, str]], width: int, height: int, locale: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, locale=locale, has_touch=width < 500)
    annotator = open_page(context, served, "bob")
    wait_for_task(annotator)
    reviewer = open_page(context, served, "rita")
    for page, path in (
        (annotator, None),
        (reviewer, "/products"),
        (reviewer, "/products/shop:0"),
        (reviewer, "/labels"),
    ):
        if path:
            page.goto(served[0].url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CONTRAST) == [], path
    if width < 500:
        assert annotator.locator("#options button").first.bounding_box() is not None
        sizes = [button.bounding_box() for button in annotator.locator("#options button").all()]
        assert all(box is not None and box["height"] >= 40 and box["y"] + box["height"] <= height for box in sizes)
    context.close()


@pytest.mark.parametrize(("locale", "csv"), [("en-US", "Download CSV"), ("zh-CN", "下载 CSV")])
def test_result_of_a_query_is_downloaded_by_keyboard(
    browser: Browser, served: tuple[Served, dict[str, str]], locale: str, csv: str
) -> None:
    context = browser.new_context(locale=locale)
    page = open_page(context, served, "rita")
    page.goto(served[0].url + "/sql")
    page.fill("#query", "SELECT 'a' AS x\nUNION ALL\nSELECT '=2'\nORDER BY x")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".files")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == csv:
            break
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.path().read_text("utf-8-sig") == '"x"\n"\'=2"\n"a"\n'
    assert page.input_value("#query") == "SELECT 'a' AS x\nUNION ALL\nSELECT '=2'\nORDER BY x"
    context.close()


def test_frames_stand_on_the_timeline_by_their_seconds(browser: Browser, served: tuple[Served, dict[str, str]]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = open_page(context, served, "rita")
    page.goto(served[0].url + "/products/shop:0")
    page.wait_for_function("() => document.querySelector('.track').style.gridTemplateColumns")
    boxes = [
        page.locator(".track").bounding_box(),
        *(one.bounding_box() for one in page.locator("figure[data-second]").all()),
    ]
    track, *frames = [box for box in boxes if box is not None]
    starts = [round((frame["x"] - track["x"]) / track["width"], 2) for frame in frames]
    assert starts == [0.0, 0.5]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_the_next_pair_is_loaded_before_it_is_asked_for(
    browser: Browser, served: tuple[Served, dict[str, str]]
) -> None:
    context = browser.new_context()
    page = open_page(context, served, "eve")
    wait_for_task(page)
    page.wait_for_function("() => document.querySelector('#candidate .picture img').complete")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/objects/" in request.url else None)
    page.keyboard.press("2")
    page.wait_for_function("() => document.querySelector('#candidate .picture img').complete")
    page.wait_for_function("() => document.getElementById('waiting').className === 'tag'")
    assert [url for url in asked if "/objects/" in url and not url.endswith(page_video(page))] == []
    context.close()


def page_video(page: Page) -> str:
    """Return the end of the URL of the video on the screen; videos are not preloaded."""
    source: str = page.evaluate("document.querySelector('#candidate video').src || 'none'")
    return source[-64:]
