import tomllib

from demo_shops.workspace import write_settings


def test_settings_name_both_shops_and_map_their_first_levels() -> None:
    data = tomllib.loads(write_settings({"north": "http://127.0.0.1:1", "south": "http://127.0.0.1:2"}))
    rights = {"crawl_authorised": True, "share_authorised": True, "licence": "CC0-1.0", "local": True, "delay_s": 0.0}
    assert data["sources"] == {
        "north": {"start": ["http://127.0.0.1:1/sitemap.xml"], "product_urls": [], **rights},
        "south": {"start": ["http://127.0.0.1:2/index.html"], "product_urls": [r"/product/\d+\.html$"], **rights},
    }
    assert data["align"]["third_level"] == ["水杯", "耳机"]
    assert data["align"]["first_level"] == {
        "south:个护化妆": "美妆护肤",
        "south:电器城": "家用电器",
        "south:零食酒水": "食品生鲜",
        "south:居家百货": "家居日用",
        "south:衣帽鞋袜": "服饰鞋包",
        "south:数码影音": "手机数码",
    }


def test_settings_of_the_tiny_shops_hold_only_what_they_sell() -> None:
    data = tomllib.loads(write_settings({"north": "http://127.0.0.1:1", "south": "http://127.0.0.1:2"}, "tiny"))
    assert data["align"]["third_level"] == ["水杯"]
    assert sorted(data["align"]["first_level"].values()) == ["家用电器", "服饰鞋包", "美妆护肤", "食品生鲜"]
