"""The manager's page, a person's own answers, and two products side by side."""

from annotate.tasks import AnnotationTask, GoldTask
from tests.webapp.conftest import ORIGIN, OWNER_TOKEN, Browser, Filled, Site


def test_the_owners_link_opens_every_page_of_all_roles(site: Site) -> None:
    owner = Browser(site.new_client())
    owner.client.post(f"/in/{OWNER_TOKEN}", headers={"origin": ORIGIN})
    paths = ("/products", "/labels", "/sql", "/manage", "/annotate")
    assert [owner.client.get(path).status_code for path in paths] == [200, 200, 200, 200, 200]
    assert site.signed_in("rita", "reviewer").client.get("/manage").status_code == 403
    assert site.signed_in("ann").client.get("/manage").status_code == 403


def test_owner_judges_pairs_without_a_link(judged: Site) -> None:
    owner = judged.signed_in("mia", "manager")
    page = owner.client.get("/annotate")
    assert (page.status_code, 'href="/annotate"' in page.text) == (200, True)
    task = owner.post("/annotate/tasks")[1]["tasks"][0]["number"]  # type: ignore[index]
    answer = {"task": task, "label": "matched", "seconds": 3}
    assert owner.post("/annotate/answers", answer) == (200, {"new": True})
    assert owner.client.get("/annotate").status_code == 200  # a second visit adds nobody
    assert "<bdi>mia</bdi>" in owner.client.get("/manage").text


def test_enlisting_keeps_the_link_of_an_annotator(judged: Site) -> None:
    token = judged.board.invite(["ann"])["ann"]
    judged.board.enlist("ann")
    assert judged.board.worker_of(token) == "ann"


def test_a_manager_sees_answers_and_comments_and_ends_a_pause(judged: Site) -> None:
    manager, ann = judged.signed_in("mia", "manager"), judged.signed_in("ann")
    _, found = ann.post("/annotate/tasks")
    first, second = (task["number"] for task in found["tasks"][:2])  # type: ignore[index]
    answer = {"task": first, "label": "matched", "seconds": 3, "comment": "<b>same lid"}
    assert ann.post("/annotate/answers", answer) == (200, {"new": True})
    assert ann.post("/annotate/skip", {"task": second, "comment": "no idea"}) == (200, {"skipped": True})
    text = manager.client.get("/manage").text
    for shown in ("&lt;b&gt;same lid", "no idea", "<bdi>ann</bdi>", "/compare?a="):
        assert shown in text
    judged.board.add_gold(GoldTask(AnnotationTask(f"s:{n}", f"t:{n}"), "matched") for n in range(3))
    assert manager.post("/manage/resume", {"worker": "ann"}) == (200, {"resumed": True})
    assert ann.post("/manage/resume", {"worker": "ann"})[0] == 403


def test_people_see_their_own_answers_and_judge_again(judged: Site) -> None:
    ann, bob = judged.signed_in("ann"), judged.signed_in("bob")
    first = ann.post("/annotate/tasks")[1]["tasks"][0]["number"]  # type: ignore[index]
    ann.post("/annotate/answers", {"task": first, "label": "uncertain", "seconds": 3, "comment": "dark"})
    page = ann.client.get("/annotate/history").text
    assert "dark" in page
    assert f'data-task="{first}"' in page
    assert "data-task" not in bob.client.get("/annotate/history?page=x").text
    assert ann.post("/annotate/reopen", {"task": first}) == (200, {"reopened": True})
    assert ann.post("/annotate/tasks")[1]["tasks"][0]["number"] == first  # type: ignore[index]


def test_two_products_stand_side_by_side(site: Site, filled: Filled) -> None:
    left, right = list(filled.hostile.values())[:2]
    reviewer = site.signed_in("rita", "reviewer").client
    page = reviewer.get("/compare", params={"a": left, "b": right})
    assert page.status_code == 200
    assert f"/products/{left}" in page.text.replace("%3A", ":")
    assert reviewer.get("/compare", params={"a": left, "b": "nothing"}).status_code == 404
    assert reviewer.get("/compare").status_code == 404
