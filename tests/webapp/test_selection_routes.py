"""Tags, saved views and the map."""

from urllib.parse import quote

from tests.webapp.conftest import Filled, Site


def test_a_selection_is_tagged_found_by_its_tag_and_untagged(site: Site, filled: Filled) -> None:
    rita = site.signed_in("rita", "reviewer")
    one = filled.hostile["script"]
    assert rita.post("/tags", {"tag": "odd", "query": f"?q={quote(one)}"}) == (200, {"changed": 1})
    assert rita.post("/tags", {"tag": "odd", "product": one}) == (200, {"changed": 0})
    page = rita.client.get("/products?tag=odd").text
    assert "<strong>1 product</strong>" in page
    assert "m5data export --where" in page
    assert "tag IN (" in page
    assert f"<strong>{len(filled.hostile) - 1} products</strong>" in rita.client.get("/products?tag=").text
    assert "/products?tag=odd" in rita.client.get(f"/products/{one}").text
    assert rita.post("/tags", {"tag": "odd", "query": "", "remove": True}) == (200, {"changed": 1})
    assert rita.post("/tags", {"tag": " ", "query": ""})[0] == 422
    assert site.signed_in("ann").post("/tags", {"tag": "odd", "query": ""})[0] == 403


def test_what_a_tag_selects_is_selected_in_sql_too(site: Site, filled: Filled) -> None:
    one = filled.hostile["script"]
    site.signed_in("rita", "reviewer").post("/tags", {"tag": "odd", "product": one})
    query = "SELECT product_id FROM catalogue WHERE product_id IN (SELECT product_id FROM tags WHERE tag IN ('odd'))"
    assert filled.store.snapshot().sql(query)["product_id"].to_pylist() == [one]


def test_a_view_is_kept_under_its_name_until_it_is_deleted(site: Site) -> None:
    rita = site.signed_in("rita", "reviewer")
    assert rita.post("/views", {"name": "<i>cheap", "query": "?price=..9&page=3&evil=1"}) == (200, {"saved": True})
    page = site.signed_in("mia", "manager").client.get("/products").text
    assert "&lt;i&gt;cheap" in page
    assert 'href="/products?price=..9"' in page
    assert rita.post("/views", {"name": "", "query": ""})[0] == 422
    assert rita.post("/views", {"name": "<i>cheap", "delete": True}) == (200, {"saved": False})
    assert "&lt;i&gt;cheap" not in rita.client.get("/products").text


def test_the_map_has_a_point_for_each_product_and_an_area_chooses_some(site: Site, filled: Filled) -> None:
    rita = site.signed_in("rita", "reviewer").client
    assert rita.get("/map?source=shop").status_code == 200
    found = rita.get("/map/points?colour=source").json()
    assert (found["count"], found["values"]) == (len(filled.hostile), [["shop", len(filled.hostile)]])
    assert {point[3] for point in found["points"]} == set(filled.hostile.values())
    assert all(0 <= x < 10_000 and 0 <= y < 10_000 and place == 0 for x, y, place, _ in found["points"])
    x, y, _, product = found["points"][0]
    around = sum(abs(other[0] - x) <= 1 and abs(other[1] - y) <= 1 for other in found["points"])
    corners = "_".join(
        f"{max(0, min(9999, x + dx))},{max(0, min(9999, y + dy))}" for dx, dy in ((-2, -2), (2, -2), (2, 2), (-2, 2))
    )
    chosen = rita.get(f"/map/points?area={corners}").json()
    assert chosen["count"] == around
    assert product in {point[3] for point in chosen["points"]}
    assert (
        f"<strong>{around} {'product' if around == 1 else 'products'}</strong>"
        in rita.get(f"/products?area={corners}").text
    )
