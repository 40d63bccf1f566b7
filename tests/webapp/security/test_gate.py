"""Forged requests, other people's work, floods, and the headers of every response."""

from itertools import product

import pytest

from tests.webapp.conftest import ORIGIN, Filled, OpenSite, Site
from webapp.app import SECURITY_HEADERS
from webapp.security.gate import CSRF_HEADER

WRITES = (
    *("/annotate/tasks", "/annotate/answers", "/annotate/skip", "/annotate/reopen", "/manage/resume"),
    *("/labels/pairs", "/labels/decisions", "/tags", "/views", "/out"),
)


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_a_write_needs_the_pages_own_proof(judged: Site, role: str) -> None:
    browser, other = judged.signed_in("ann", role), judged.signed_in("bob", role)
    proof = {"origin": ORIGIN, CSRF_HEADER: browser.csrf}
    forged: list[dict[str, str]] = [
        {},
        {"origin": ORIGIN},
        {**proof, "origin": "https://evil.example"},
        {**proof, "origin": "null"},
        {CSRF_HEADER: browser.csrf},
        {**proof, CSRF_HEADER: other.csrf},
        {**proof, CSRF_HEADER: browser.csrf[:-1]},
        {**proof, CSRF_HEADER: "é"},
    ]
    for path, headers in product(WRITES, forged):
        encoded = {name.encode(): value.encode() for name, value in headers.items()}
        assert browser.client.post(path, json={}, headers=encoded).status_code == 403, (path, headers)
    for path in WRITES:  # the last one signs out
        assert browser.client.post(path, json={}, headers=proof).status_code != 401, path


def test_reading_changes_nothing_by_get(judged: Site) -> None:
    browser = judged.signed_in("ann")
    for path in WRITES:
        assert browser.client.get(path).status_code == 405


def test_nobody_answers_for_another(judged: Site) -> None:
    ann, eve = judged.signed_in("ann"), judged.signed_in("eve")
    _, handed = ann.post("/annotate/tasks")
    task = handed["tasks"][0]["number"]  # type: ignore[index]
    stolen = {"task": task, "label": "matched", "seconds": 1, "worker": "ann"}
    assert eve.post("/annotate/answers", stolen)[0] == 409
    assert eve.post("/annotate/reopen", {"task": task}) == (200, {"reopened": False})
    assert ann.post("/annotate/answers", {**stolen, "worker": "eve"}) == (200, {"new": True})
    assert eve.post("/annotate/reopen", {"task": task}) == (200, {"reopened": False})
    progress = {name: judged.board.progress(name).reviewed for name in ("ann", "eve")}
    assert progress == {"ann": 1, "eve": 0}


def test_answers_sent_again_are_kept_once(judged: Site) -> None:
    ann = judged.signed_in("ann")
    first, second = (task["number"] for task in ann.post("/annotate/tasks")[1]["tasks"][:2])  # type: ignore[index]
    answers = [{"task": task, "label": "matched", "seconds": 1} for task in (first, second)]
    assert [ann.post("/annotate/answers", answer)[1]["new"] for answer in answers * 2] == [True, True, False, False]
    assert ann.post("/annotate/answers", {**answers[0], "label": "uncertain"})[0] == 409
    undone = [ann.post("/annotate/reopen", {"task": second})[1]["reopened"] for _ in range(3)]
    assert undone == [True, False, False]
    assert judged.board.progress("ann").reviewed == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"task": 1}',
        b'{"task": "x", "label": "matched", "seconds": 1}',
        b'{"task": 1, "label": "matched", "seconds": NaN}',
        b'{"task": 99999999999999999999999, "label": "matched", "seconds": 1}',
        b'{"task": -1, "label": "matched", "seconds": 1}',
        b'{"task": 1, "label": "' + b"x" * 500 + b'", "seconds": 1}',
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
def test_a_senseless_body_is_refused(judged: Site, body: bytes) -> None:
    ann = judged.signed_in("ann")
    headers = {"origin": ORIGIN, CSRF_HEADER: ann.csrf}
    assert ann.client.post("/annotate/answers", content=body, headers=headers).status_code == 422


def test_a_body_too_large_is_not_read(judged: Site) -> None:
    ann = judged.signed_in("ann")
    headers = {"origin": ORIGIN, CSRF_HEADER: ann.csrf}
    assert ann.client.post("/annotate/answers", content=b"x" * 100_000, headers=headers).status_code == 413


def test_a_flood_is_refused_and_the_others_work_on(open_site: OpenSite) -> None:
    site = open_site(requests_per_s=0.001, burst=20)
    ann, bob = site.signed_in("ann"), site.signed_in("bob")
    answers = [ann.client.get("/annotate") for _ in range(60)]
    assert sorted({answer.status_code for answer in answers}) == [200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert bob.client.get("/annotate").status_code == 200
    strangers = [site.new_client().get("/in/guess").status_code for _ in range(60)]
    assert (strangers[0], strangers[-1]) == (403, 429)


def test_a_strangers_name_for_this_server_is_refused(site: Site) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "127.0.0.1:8765@evil.example"):
        assert site.new_client().get("/", headers={"host": host}).status_code == 400


def test_every_answer_carries_the_headers(judged: Site, filled: Filled) -> None:
    rita = judged.signed_in("rita", "reviewer")
    for path in ("/", "/products", "/products/nothing", "/nothing", "/static/site.css", "/annotate"):
        headers = rita.client.get(path).headers
        for name, value in SECURITY_HEADERS.items():
            if name != "cache-control" or not path.startswith("/static"):
                assert headers[name] == value, (path, name)
    policy = SECURITY_HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert rita.client.get(f"/objects/{filled.image}").headers["x-content-type-options"] == "nosniff"


def test_path_tricks_lead_nowhere(site: Site) -> None:
    rita = site.signed_in("rita", "reviewer")
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/objects/../m5data.toml",
        "/objects/%2e%2e%2fsecret.key",
        "/objects/" + "0" * 64,
        "/objects/" + "G" * 64,
        "/objects/%00",
        "/frames/..%2f/0/1",
        "/products/../../etc/passwd",
        "/products/%00",
        "/products/" + "x" * 5000,
        "/products/shop:0' or '1'='1",
    ):
        answer = rita.client.get(path)
        assert answer.status_code == 404, path
        assert b"root:" not in answer.content, path
