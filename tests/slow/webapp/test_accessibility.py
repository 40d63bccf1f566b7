"""axe-core finds nothing serious on any page, wide or narrow, light or dark; all work can be done by keyboard alone."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from annotate.tasks import AnnotationTask, TaskBoard, TaskSettings
from tests.webapp.demo_products import make_demo_workspace
from tests.webapp.served import Served, open_link
from workspace import Workspace

SERIOUS = {"serious", "critical"}
SCREENS = [(1440, 900, "light"), (390, 844, "light"), (1440, 900, "dark")]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str], list[str]]]:
    root = tmp_path_factory.mktemp("demo") / "workspace"
    _, pairs = make_demo_workspace(root)
    opened = Workspace.open(root)
    with TaskBoard(opened.store.state, TaskSettings(gold_first=0, gold_share=0, fastest_s=0)) as board:
        board.add_tasks(AnnotationTask(query, candidate) for query, candidate, _ in pairs)
        tokens = board.invite(["ann", "bob"])
        for task in board.next_tasks("bob", 4):
            board.answer("bob", task.number, "matched", 3, "same lid")
    with Served(root) as server:
        yield server, tokens, [pairs[0][0], pairs[0][1]]


def owner_pages(products: list[str]) -> list[str]:
    left, right = products
    return [
        *("/products", "/products?q=红&source=north", f"/products/{left}", f"/compare?a={left}&b={right}", "/map"),
        *("/sql", "/sql?query=SELECT+source,+count(*)+FROM+products+GROUP+BY+1", "/labels", "/manage", "/nowhere"),
    ]


def findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:150]} ({len(one['nodes'])} times)"
        for one in found
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing_serious(
    browser: Browser,
    workspace: tuple[Served, dict[str, str], list[str]],
    width: int,
    height: int,
    scheme: str,
    language: str,
) -> None:
    server, tokens, products = workspace
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="zh-CN" if language == "zh" else "en-US",
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(server.owner_link)
    found = findings(page)
    open_link(page, server.url, server.owner_link.rpartition("/")[2], "/products")
    for path in owner_pages(products):
        page.goto(server.url + path)
        page.wait_for_load_state("networkidle")
        found += findings(page)
    context.clear_cookies()
    open_link(page, server.url, tokens["ann"], "/annotate")
    page.wait_for_selector("#task:not([hidden])")
    found += findings(page)
    open_link(page, server.url, tokens["bob"], "/annotate")
    page.goto(server.url + "/annotate/history")
    found += findings(page)
    context.close()
    assert found == []


def focus_by_keyboard(page: Page, selector: str, most: int = 150) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{page.url}: Tab does not reach {selector}")


def test_the_keyboard_alone_searches_tags_maps_compares_and_judges(
    browser: Browser, workspace: tuple[Served, dict[str, str], list[str]]
) -> None:
    server, tokens, products = workspace
    page = browser.new_page()
    open_link(page, server.url, server.owner_link.rpartition("/")[2], "/products")
    focus_by_keyboard(page, "input[name=q]")
    page.keyboard.type("红")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    focus_by_keyboard(page, "[data-post='/tags'] input[name=tag]")
    page.keyboard.type("red ones")
    page.keyboard.press("Enter")
    page.wait_for_selector("a[href*='tag=red']", state="attached")
    focus_by_keyboard(page, "a[href^='/map']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/map*")
    page.wait_for_function("() => document.querySelector('#legend li')")
    focus_by_keyboard(page, "canvas")
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    for _ in range(24):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    page.wait_for_selector("#chosen:not([hidden])")
    focus_by_keyboard(page, "#open")
    page.keyboard.press("Enter")
    page.wait_for_url("**area=*")
    page.goto(f"{server.url}/products/{products[0]}")
    focus_by_keyboard(page, "#gallery a")
    page.keyboard.press("Enter")
    page.wait_for_selector("#lightbox[open]")
    page.keyboard.press("Escape")
    open_link(page, server.url, tokens["ann"], "/annotate")
    page.wait_for_selector("#task:not([hidden])")
    page.keyboard.press("c")
    page.keyboard.type("2 the same lid")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    page.wait_for_function("() => document.getElementById('waiting').className === 'tag'")
    page.goto(server.url + "/annotate/history")
    assert "2 the same lid" in page.inner_text("main")
    focus_by_keyboard(page, "button.reopen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/annotate")
    page.close()
