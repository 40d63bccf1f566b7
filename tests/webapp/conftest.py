"""A small workspace with hostile products, the application in this process, and signed-in people."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import sync_playwright
from starlette.testclient import TestClient

from annotate.settings import AnnotateSettings
from annotate.tasks import AnnotationTask, TaskBoard, TaskSettings
from core.stage import StageReport
from storage import Store
from tests.export.synthetic import picture, product, rows
from tests.webapp.chromium import find_chromium
from tests.webapp.hostile import HOSTILE
from webapp.app import make_app
from webapp.security.gate import CSRF_HEADER
from webapp.security.people import invite_reviewers
from webapp.settings import ServeSettings

KEY = bytes(32)
OWNER_TOKEN = "the-owner"
ORIGIN = "http://127.0.0.1:8765"
VIDEO = b"\0\0\0\x18ftypisom" + bytes(range(256)) * 2400
FRAMES = (b"\xff\xd8\xfffirst\xff\xd9", b"\xff\xd8\xffsecond\xff\xd9")
PAGE = b"<html><script>window.hacked=1</script>a private page</html>"


@dataclass(frozen=True)
class Filled:
    """The workspace, and the hashes of its objects."""

    store: Store
    image: str
    video: str
    frames: str
    page: str
    svg: str
    mfcc: str
    hostile: dict[str, str] = field(default_factory=dict)
    """Name of a hostile text -> product that has it in every field."""


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    store = Store.create(tmp_path_factory.mktemp("filled") / "workspace", buckets=2)
    with store.stage("fill", settings="") as stage:
        with store.objects.writer("media") as media:
            image = media.put(picture(9), mime="image/jpeg", url="https://shop.example/9")
            video = media.put(VIDEO, mime="video/mp4", url="https://shop.example/v")
            svg = media.put(b"<svg onload='window.hacked=1'/>", mime="image/svg+xml", url="https://shop.example/s")
        with store.objects.writer("derived") as derived:
            frames = derived.put(b"".join(FRAMES), mime="video/x-motion-jpeg", refers_to=video)
            mfcc = derived.put(b"numbers", mime="application/octet-stream", refers_to=video)
        with store.objects.writer("page") as pages:
            page = pages.put(PAGE, mime="text/html", url="https://shop.example/1")
        products = [
            {**product(n, text), "brand": text[:300], "url": f"https://shop.example/{n}?{text[:300]}",
             "category": [text[:300]]}
            for n, text in enumerate(HOSTILE.values())
        ]  # fmt: skip
        hostile = {name: str(row["product_id"]) for name, row in zip(HOSTILE, products, strict=True)}
        stage.write("products", rows("products", *products))
        specs = [
            {"product_id": hostile[name], "position": 0, "property": text[:500], "value": text}
            for name, text in HOSTILE.items()
        ]
        stage.write("specs", rows("specs", *specs))
        ok = {"state": "ok", "url": "https://shop.example/i", "position": 0}
        media_rows = [{**ok, "product_id": one, "kind": "image", "sha256": image} for one in hostile.values()]
        film = {**ok, "product_id": "shop:0", "kind": "video", "sha256": video, "mime": "video/mp4"}
        stage.write("media", rows("media", *media_rows, film))
        shots = [
            {"product_id": "shop:0", "video_sha256": video, "second": n, "object": frames, "length": len(FRAMES[n]),
             "offset": sum(map(len, FRAMES[:n]))}
            for n in range(2)
        ]  # fmt: skip
        stage.write("frames", rows("frames", *shots))
        stage.commit(StageReport("fill", len(products), len(products)))
    store.objects.close()
    return Filled(store, image, video, frames, page, svg, mfcc, hostile)


@pytest.fixture
def filled(filled_once: Filled, tmp_path: Path) -> Filled:
    """Return a copy that a test may change."""
    return replace(filled_once, store=Store.open(shutil.copytree(filled_once.store.root, tmp_path / "workspace")))


@pytest.fixture(scope="module")
def browser() -> Iterator[PlaywrightBrowser]:
    """Run a headless Chromium; it ends with the module because its driver holds an event loop of this thread."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: install one with make browser")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@dataclass
class HeldClock:
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_hours(self, hours: float) -> None:
        self.now += timedelta(hours=hours)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@dataclass(frozen=True)
class Site:
    """The running application."""

    new_client: Callable[[], TestClient]
    board: TaskBoard
    store: Store

    def link(self, name: str, role: str = "annotator") -> str:
        """Return the token of a new personal link."""
        if role == "annotator":
            return self.board.invite([name])[name]
        return invite_reviewers(self.store.state, [name], role="manager" if role == "manager" else "reviewer")[name]

    def signed_in(self, name: str, role: str = "annotator") -> "Browser":
        """Return the browser of a person who opened a new personal link."""
        browser = Browser(self.new_client())
        browser.sign_in(self.link(name, role))
        return browser


@dataclass
class Browser:
    """A client that sends what a page of the application would send."""

    client: TestClient
    csrf: str = ""

    def sign_in(self, token: str) -> None:
        answer = self.client.post(f"/in/{token}", headers={"origin": ORIGIN}, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        landing = answer.headers["location"]
        page = self.client.get("/labels" if landing == "/products" else landing)  # opening the catalogue takes 0.5 s
        assert page.status_code == 200, page.text
        self.csrf = page.text.split('<meta name="csrf" content="')[1].split('"')[0]

    def post(self, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        headers = {"origin": ORIGIN, CSRF_HEADER: self.csrf}
        answer = self.client.post(path, json=body if body is not None else {}, headers=headers)
        return answer.status_code, answer.json()


OpenSite = Callable[..., Site]


@pytest.fixture
def open_site(filled: Filled, clock: HeldClock) -> Iterator[OpenSite]:
    """Return a function that opens the application with given settings."""
    tasks = TaskSettings(gold_first=0, gold_learning=0, gold_share=0, fastest_s=0)
    with ExitStack() as stack:

        def make(**settings: object) -> Site:
            serving = ServeSettings.model_validate({"requests_per_s": 10_000, "burst": 10_000, **settings})
            app = make_app(
                filled.store,
                serving,
                AnnotateSettings(tasks=tasks),
                KEY,
                owner=OWNER_TOKEN,
                clock=clock,
            )
            board = stack.enter_context(TaskBoard(filled.store.state, tasks, clock))
            stack.enter_context(TestClient(app, base_url=ORIGIN))
            return Site(lambda: TestClient(app, base_url=ORIGIN, raise_server_exceptions=False), board, filled.store)

        yield make


@pytest.fixture
def site(open_site: OpenSite) -> Site:
    return open_site()


@pytest.fixture
def judged(site: Site, filled: Filled) -> Site:
    """Return the site with one task for each hostile product, compared with the first."""
    first, *others = filled.hostile.values()
    site.board.add_tasks(AnnotationTask(one, first) for one in others)
    return site
