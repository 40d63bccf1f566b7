"""Two people decide 50 doubtful label pairs at once by keyboard; reload, closed tab and killed server lose nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from align.review import all_decisions
from core.stage import StageReport
from tests.export.synthetic import product, rows
from tests.webapp.demo_products import SETTINGS
from tests.webapp.served import Served, open_link
from webapp.security.people import invite_reviewers
from workspace import Workspace

PAIRS = 50
SHOWN = "document.getElementById('task').hidden ? null : document.querySelector('#a .path').textContent"
READY = f"""
(before) => document.getElementById('message').dataset.state === 'done'
    || ((shown) => shown && shown !== before)({SHOWN})
"""
SAVED = "() => document.getElementById('waiting').className === 'tag'"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "shops", SETTINGS)
    with made.store.stage("fill", settings="") as stage:
        listings = [
            {**product(number, f"{shop} 第{number}件"), "product_id": f"{shop}:{number}", "source": shop,
             "category": ["家居", f"类{number:02}"]}
            for shop in ("north", "south")
            for number in range(PAIRS)
        ]  # fmt: skip
        stage.write("products", rows("products", *listings))
        doubtful = [
            {
                "source_a": "north", "source_b": "south", "category_a": ["家居", f"类{n:02}"],
                "category_b": ["家居", f"类{n:02}"], "path_a": f"家居 > 类{n:02}", "path_b": f"家居 > 类{n:02}",
                "s_label": 1.0, "s_content": 0.7, "relation": "same", "merged": True, "doubt": 1 - n / 100,
                "evidence": ["-0.050 titles, S_content: 0.700"], "rule": "mep3m",
            }
            for n in range(PAIRS)
        ]  # fmt: skip
        stage.write("label_pairs", rows("label_pairs", *doubtful))
        stage.commit(StageReport("fill", 1, 1))
    return made


@dataclass
class Reviewer:
    """A reviewer at a keyboard, with the decisions they entered, in order."""

    name: str
    context: BrowserContext
    page: Page
    pressed: list[tuple[str, str, str]] = field(default_factory=list)

    def decide_one(self) -> bool:
        self.page.wait_for_function(READY, arg="")
        path: str | None = self.page.evaluate(SHOWN)
        if path is None:
            return False
        kind = ("accept", "reject", "rename", "split")[int(path[-2:]) % 4]
        self.page.keyboard.press({"accept": "1", "reject": "2", "rename": "3", "split": "4"}[kind])
        name = ""
        if kind == "rename":
            name = f"新{path[-2:]}"
            self.page.keyboard.type(name)
            self.page.keyboard.press("Enter")
        self.pressed.append((kind, path.removeprefix("家居"), name))
        return True


def test_decisions_of_two_people_survive_reload_crash_and_kill(workspace: Workspace, browser: Browser) -> None:
    tokens = invite_reviewers(workspace.store.state, ["kim", "rita"])
    with Served(workspace.root) as server:
        people = []
        for name, token in tokens.items():
            context = browser.new_context()
            page = context.new_page()
            open_link(page, server.url, token, "/products")
            page.goto(f"{server.url}/labels")
            people.append(Reviewer(name, context, page))
        accidents: dict[int, Callable[[], None]] = {
            8: server.kill,
            10: server.start,
            16: lambda: reload(people[0]),
            24: lambda: crash(people[1], server.url),
        }
        working, rounds = list(people), 0
        while working:
            if rounds in accidents:
                accidents[rounds]()
            working = [one for one in working if one.decide_one()]
            rounds += 1
        for one in people:
            one.page.wait_for_function(SAVED)
            one.context.close()
    log = all_decisions(workspace.store.state)
    for one in people:
        mine = [(d.kind, d.a.path[-1], d.name) for d in log if d.reviewer == one.name]
        assert mine == one.pressed
    assert {path for one in people for _, path, _ in one.pressed} == {f"类{n:02}" for n in range(PAIRS)}


def reload(reviewer: Reviewer) -> None:
    reviewer.page.reload()


def crash(reviewer: Reviewer, address: str) -> None:
    """Close the reviewer's tab without running its unload handlers, and open another."""
    lost = reviewer.page
    reviewer.page = reviewer.context.new_page()
    lost.close(run_before_unload=False)
    reviewer.page.goto(f"{address}/labels")


def test_a_decision_can_be_taken_anew_and_put_off(workspace: Workspace, browser: Browser) -> None:
    token = invite_reviewers(workspace.store.state, ["rita"])["rita"]
    with Served(workspace.root) as server:
        context = browser.new_context()
        page = context.new_page()
        open_link(page, server.url, token, "/products")
        page.goto(f"{server.url}/labels")
        page.wait_for_function(f"() => ({SHOWN}) === '家居类00'")
        page.keyboard.press("6")
        page.keyboard.press("1")
        page.keyboard.press("u")
        assert page.evaluate(SHOWN) == "家居类01"
        page.keyboard.press("3")
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        assert page.evaluate(SHOWN) == "家居类02"
        page.wait_for_function(SAVED)
        context.close()
    log = [(decision.kind, decision.a.path[-1]) for decision in all_decisions(workspace.store.state)]
    assert log == [("accept", "类01"), ("reject", "类01")]
