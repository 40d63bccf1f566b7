"""Three people judge 200 pairs by keyboard in a real browser, while the server is killed twice."""

import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from annotate.tasks import AnnotationTask, TaskBoard, TaskSettings
from tests.webapp.demo_products import make_demo_workspace
from tests.webapp.served import PROGRAM, Served, open_link

WORKERS = ("ann", "bob", "eve")
KEYS = {"matched": ("1", "Enter"), "mismatched": ("2",), "uncertain": ("3",), "broken": ("4",)}
KILLED_AT = (60, 130)
"""Numbers of pairs that each worker has judged when the server is killed."""
ERRS_EVERY = 30
"""Each worker errs on one pair in 30, never two workers on the same."""
UNDOES_EVERY = 25
_SHOWN = """
() => document.getElementById('task').hidden ? null : Number(document.getElementById('task').dataset.number)
"""
_MOVED = """
(before) => !document.getElementById('message').hidden && document.getElementById('message').dataset.state !== 'loading'
    || !document.getElementById('task').hidden && Number(document.getElementById('task').dataset.number) !== before
"""


@dataclass
class Judge:
    """A worker at a keyboard who knows the truth and occasionally errs."""

    name: str
    page: Page
    truth: dict[int, str]
    place: int
    pressed: dict[int, str] = field(default_factory=dict)
    answers: int = 0

    def shown(self) -> int | None:
        number: int | None = self.page.evaluate(_SHOWN)
        return number

    def judge_one(self) -> bool:
        """Judge the pair on the screen; return False if there is none."""
        number = self.shown()
        if number is None:
            self.page.wait_for_function(_MOVED, arg=-1)
            number = self.shown()
        if number is None:
            return False
        if self.answers % UNDOES_EVERY == UNDOES_EVERY - 1:
            self.press(number, "uncertain")
            self.page.keyboard.press("u")
            assert self.shown() == number
        self.press(number, self.opinion(number))
        self.answers += 1
        return True

    def opinion(self, number: int) -> str:
        truth = self.truth[number]
        wrong = number % ERRS_EVERY == self.place
        return {"matched": "mismatched", "mismatched": "matched"}[truth] if wrong else truth

    def press(self, number: int, label: str) -> None:
        keys = KEYS[label]
        self.page.keyboard.press(keys[self.answers % len(keys)])
        self.pressed[number] = label
        assert self.shown() != number


def answers_in(workspace: Path) -> list[tuple[str, int, str]]:
    with closing(sqlite3.connect(workspace / "state.sqlite")) as connection:
        query = "select worker, task, label from annotation_work where label is not null order by 1, 2"
        return connection.execute(query).fetchall()


@pytest.mark.timeout(1800)
def test_no_judgement_is_lost_or_doubled_and_the_matches_are_found(tmp_path: Path, browser: Browser) -> None:
    root = tmp_path / "demo"
    workspace, pairs = make_demo_workspace(root)
    with TaskBoard(workspace.store.state, TaskSettings()) as board:
        board.add_tasks(AnnotationTask(query, candidate) for query, candidate, _ in pairs)
        tokens = board.invite(WORKERS)
    with closing(workspace.store.state.connect()) as connection:
        numbers = connection.execute("select task, query, candidate from annotation_tasks").fetchall()
    same = {(query, candidate): same for query, candidate, same in pairs}
    truth = {task: "matched" if same[query, candidate] else "mismatched" for task, query, candidate in numbers}
    with Served(root) as server:
        judges = []
        for place, (name, token) in enumerate(tokens.items()):
            page = browser.new_context(viewport={"width": 1100, "height": 800}).new_page()
            open_link(page, server.url, token, "/annotate")
            page.evaluate("window.loadedOnce = true")
            judges.append(Judge(name, page, truth, place))
        working = list(judges)
        while working:
            working = [judge for judge in working if judge.judge_one()]
            if judges[0].answers in KILLED_AT and judges[0] in working:
                server.kill()
                for judge in working:
                    judge.judge_one()
                server.start()
        for judge in judges:
            judge.page.wait_for_function("() => document.getElementById('waiting').className === 'tag'")
            assert judge.page.evaluate("window.loadedOnce"), "no reload"
            assert judge.page.inner_text("#reviewed") == "200"
            judge.page.context.close()
    given = sorted((judge.name, number, label) for judge in judges for number, label in judge.pressed.items())
    assert len(given) == 600
    assert answers_in(root) == given
    assert_matches(root, same)


def assert_matches(root: Path, same: dict[tuple[str, str], bool]) -> None:
    """Aggregate by the command line and compare with the known matches."""
    subprocess.run([PROGRAM, "annotate", "aggregate", "-w", root], check=True, capture_output=True)
    query = "select query, candidate from matches where decision = 'matched'"
    done = subprocess.run(
        [PROGRAM, "sql", query, "-w", root, "--format", "json"], check=True, capture_output=True, text=True
    )
    found = {(row["query"], row["candidate"]) for row in json.loads(done.stdout)}
    known = {pair for pair, is_same in same.items() if is_same}
    assert len(found & known) >= 0.98 * len(found)
    assert len(found & known) >= 0.98 * len(known)
