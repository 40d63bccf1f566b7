"""Personal links and the pages that they open."""

import asyncio

import pytest

from tests.webapp.conftest import ORIGIN, Browser, Filled, HeldClock, OpenSite, Site
from webapp.security.gate import COOKIE
from webapp.security.people import People, Person
from webapp.security.sessions import Signer

PAGES = ("/", "/annotate", "/products", "/products/shop:0", "/labels")


def test_a_link_shows_whose_it_is_and_its_button_signs_in(site: Site) -> None:
    token = site.link("ann")
    client = site.new_client()
    shown = client.get(f"/in/{token}")
    assert (shown.status_code, "ann" in shown.text, len(client.cookies)) == (200, True, 0)
    answer = client.post(f"/in/{token}", headers={"origin": ORIGIN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/annotate")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/").status_code == 200


def test_cookies_travel_encrypted_where_pages_do(open_site: OpenSite) -> None:
    origin = "https://label.example.org"
    site = open_site(origin=origin, secret="s" * 32)
    answer = site.new_client().post(f"/in/{site.link('ann')}", headers={"origin": origin}, follow_redirects=False)
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("token", ["x", "a" * 43, "..%2f..", "%00", "'", "a" * 5000])
def test_a_forged_link_opens_nothing(site: Site, token: str) -> None:
    site.link("ann")
    client = site.new_client()
    for answer in (client.get(f"/in/{token}"), client.post(f"/in/{token}", headers={"origin": ORIGIN})):
        assert answer.status_code in {403, 404}
    assert len(client.cookies) == 0


def test_a_foreign_page_cannot_sign_anybody_in(site: Site) -> None:
    token = site.link("eve")
    for origin in ("https://evil.example", "null", ""):
        answer = site.new_client().post(f"/in/{token}", headers={"origin": origin})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_nobody_signed_in_sees_anything(site: Site, filled: Filled) -> None:
    client = site.new_client()
    for path in (*PAGES, f"/objects/{filled.image}", f"/frames/{filled.frames}/0/10"):
        answer = client.get(path)
        assert (answer.status_code, "shop:" in answer.text) == (401, False), path


def test_each_role_has_its_pages(site: Site) -> None:
    annotator, reviewer = site.signed_in("ann"), site.signed_in("rita", "reviewer")
    assert [annotator.client.get(path).status_code for path in PAGES] == [200, 200, 403, 403, 403]
    assert [reviewer.client.get(path).status_code for path in PAGES] == [200, 403, 200, 200, 200]
    assert annotator.post("/labels/pairs", {"limit": 1})[0] == 403
    assert reviewer.post("/annotate/tasks")[0] == 403


def test_another_link_opens_its_own_person_and_the_first_is_gone(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.sign_in(site.link("rita", "reviewer"))
    assert [browser.client.get(path).status_code for path in ("/annotate", "/products")] == [403, 200]


def test_a_changed_cookie_is_nobodys(site: Site) -> None:
    browser = site.signed_in("ann")
    cookie = browser.client.cookies[COOKIE]
    body, mac = cookie.rsplit(".", 1)
    forged = Signer(b"another key").sign("session", ["x", "y", 9e9])
    for value in (body, f"{body}.", f".{mac}", f"{body[:-2]}AA.{mac}", forged, "x" * 4000):
        client = site.new_client()
        client.cookies.set(COOKIE, value)
        assert client.get("/annotate").status_code == 401


def test_sessions_end_with_their_time_and_with_their_link(site: Site, clock: HeldClock) -> None:
    browser = site.signed_in("ann")
    clock.pass_hours(24 * 14 + 1)
    assert browser.client.get("/annotate").status_code == 401


def test_signing_out_forgets_the_cookie(site: Site) -> None:
    browser = site.signed_in("ann")
    assert browser.post("/out") == (200, {"out": True})
    assert browser.client.get("/annotate").status_code == 401


def test_a_renewed_link_ends_what_the_old_one_opened() -> None:
    now = 0.0
    holders: dict[str, Person] = {"old": Person("ann", "annotator")}
    people = People(holders.get, lambda: now)
    assert asyncio.run(people.find("old")) == Person("ann", "annotator")
    holders["new"] = holders.pop("old")
    now = 1.0
    assert asyncio.run(people.find("old")) is None
    assert asyncio.run(people.find("new")) == Person("ann", "annotator")


def test_a_reviewers_name_is_no_annotators_name(site: Site) -> None:
    token = site.link("kim", "reviewer")
    site.link("kim")
    browser = Browser(site.new_client())
    browser.sign_in(token)
    assert browser.client.get("/annotate").status_code == 403


def test_signed_out_session_ends_for_all_copies_of_its_cookie(open_site: OpenSite) -> None:
    site = open_site()
    ann = site.signed_in("ann")
    stolen, other = site.new_client(), site.new_client()
    stolen.cookies.update(ann.client.cookies)
    assert stolen.get("/annotate").status_code == 200
    assert ann.post("/out")[0] == 200
    assert stolen.get("/annotate").status_code == 401
    again = open_site().new_client()  # after a restart
    again.cookies.update(stolen.cookies)
    assert again.get("/annotate").status_code == 401
    assert other.get("/annotate").status_code == 401
