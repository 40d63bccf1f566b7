import json
from pathlib import Path

import pytest

from align.onto import TargetNode, read_tree
from align.onto.tree_files import parse_tree, trees_digest
from core.errors import DataError, SettingsError


def nodes(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(node.id, node.path) for node in parse_tree("t", text.encode()).nodes]


def test_google_text_with_ids_in_any_language() -> None:
    text = "\ufeff# Google_Product_Taxonomy_Version: 2020-01-01\r\n7 - 鞋靴 / 服饰\r\n8 - 鞋靴 / 服饰 > 童鞋\r\n\r\n"
    assert nodes(text) == [("7", ("鞋靴 / 服饰",)), ("8", ("鞋靴 / 服饰", "童鞋"))]


def test_google_text_without_ids_and_plain_paths() -> None:
    assert nodes("# Google_Product_Taxonomy_Version: 2020-01-01\nTools\nTools > Saws") == [
        ("Tools", ("Tools",)),
        ("Tools > Saws", ("Tools", "Saws")),
    ]


def test_ancestors_that_a_file_leaves_out_are_nodes() -> None:
    assert nodes("Tools>Saws > Hand saws") == [
        ("Tools", ("Tools",)),
        ("Tools > Saws", ("Tools", "Saws")),
        ("Tools > Saws > Hand saws", ("Tools", "Saws", "Hand saws")),
    ]


def test_shopify_text() -> None:
    text = "# Format: {GID} : {path}\n\ngid://shopify/TaxonomyCategory/zz     : Tools\n"
    text += "gid://shopify/TaxonomyCategory/zz-1-2 : Tools > Saws: parts"
    assert nodes(text) == [
        ("gid://shopify/TaxonomyCategory/zz", ("Tools",)),
        ("gid://shopify/TaxonomyCategory/zz-1-2", ("Tools", "Saws: parts")),
    ]


def test_equal_paths_of_a_translation_are_one_node() -> None:
    assert nodes("1 - A\n2 - A > B\n3 - A > B") == [("1", ("A",)), ("2", ("A", "B"))]


def test_shopify_json_with_attributes_and_values() -> None:
    colour = {"id": "c", "name": "Colour"}
    category = {"id": "z-1", "full_name": "Tools > Saws", "attributes": [colour]}
    listed = [{**colour, "values": [{"id": "1", "name": "Red"}, {"id": "2", "name": "Blue"}]}]
    vertical = {"name": "Tools", "categories": [{"id": "z", "full_name": "Tools", "attributes": []}, category]}
    whole = {"version": "1", "verticals": [vertical], "attributes": listed}
    alone = {"version": "1", "verticals": [vertical]}
    assert parse_tree("t", json.dumps(whole).encode()).nodes == (
        TargetNode("z", ("Tools",)),
        TargetNode("z-1", ("Tools", "Saws"), {"Colour": ("Red", "Blue")}),
    )
    assert parse_tree("t", json.dumps(alone).encode()).nodes[1].attributes == {"Colour": ()}


def gpc(level: int, code: int, title: str, *childs: object, **more: object) -> dict[str, object]:
    return {"Level": level, "Code": code, "Title": title, "Active": True, "Childs": list(childs), **more}


def test_gs1_json_stops_at_bricks_and_leaves_out_inactive_ones() -> None:
    kind = gpc(5, 50, "Blade", gpc(6, 60, "STEEL"), gpc(6, 61, "TIN", Active=False))
    brick = gpc(4, 40, "Saws > hand", kind, Definition="Cuts wood.")
    tree = gpc(1, 10, "Tools", gpc(2, 20, "Hand tools", gpc(3, 30, "Cutting", brick, gpc(4, 41, "Old", Active=False))))
    found = parse_tree("t", json.dumps({"LanguageCode": "EN", "Schema": [tree]}).encode()).nodes
    assert [node.id for node in found] == ["10", "20", "30", "40"]
    path = ("Tools", "Hand tools", "Cutting", "Saws / hand")
    assert found[-1] == TargetNode("40", path, {"Blade": ("STEEL",)}, "Cuts wood.")


def test_gs1_xml_in_any_namespace() -> None:
    text = """<g:schema xmlns:g="urn:x"><g:segment code="1" text="Tools"><g:family code="2" text="Hand">
      <g:class code="3" text="Cut" active="false"><g:brick code="9" text="Gone"/></g:class>
      <g:class code="4" text="Saw"><g:brick code="5" text="Saws" definition="Cuts.">
        <g:attType code="6" text="Blade"><g:attValue code="7" text="STEEL"/></g:attType>
      </g:brick></g:class></g:family></g:segment></g:schema>"""
    found = parse_tree("t", text.encode()).nodes
    assert [node.id for node in found] == ["1", "2", "4", "5"]
    assert found[-1] == TargetNode("5", ("Tools", "Hand", "Saw", "Saws"), {"Blade": ("STEEL",)}, "Cuts.")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "there is no category in it"),
        (b"# only a comment", "there is no category in it"),
        (b"\xff\xfe1\x00", "byte 0 is not UTF-8"),
        (b"1 - A\nB", "line 2: 'B' has no id, unlike the first line"),
        (b"A > > B", "line 1: a level of 'A >  > B' has no name"),
        (b"A\nB\x00C", "line 2: the name 'B\\x00C' has a control character"),
        (b">".join([b"A"] * 17), "line 1: 17 levels, more than 16"),
        (b"A" * 301, f"line 1: the name '{'A' * 40}' has 301 characters, more than 300"),
        (b'{"a": 1}', "the JSON has neither the key verticals (Shopify) nor Schema (GS1 GPC)"),
        (b'{"verticals": [{"categories": [{"id": 1}]}]}', "entry 1 of categories has no full_name"),
        (b'{"Schema": [{"Code": 1, "Title": "A", "Childs": 3}]}', "Schema or Childs is no list"),
        (b"<a/>", "the XML has no element segment (GS1 GPC)"),
        (b'<schema><segment text="A"/></schema>', "line 1: the element segment has no code"),
        (b"<!DOCTYPE a><schema/>", "the XML declares a document type, which GS1's files do not"),
    ],
)
def test_hostile_files_are_refused_in_one_line(body: bytes, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_tree("t", body)
    assert str(caught.value) == reason


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{nothing", b"<schema><segment></schema>"])
def test_broken_syntax_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(DataError, match=r"^this is not (JSON|XML) \(.{1,80}\)$"):
        parse_tree("t", body)


def test_message_names_setting_and_file(tmp_path: Path) -> None:
    missing, file = tmp_path / "none.txt", tmp_path / "tree.txt"
    with pytest.raises(SettingsError, match=f"^align.onto.google: {missing}: No such file or directory. Name a file"):
        read_tree("google", missing)
    file.write_text("A > ", "utf-8")
    with pytest.raises(SettingsError, match=f"^align.onto.google: {file}: line 1: a level of 'A > ' has no name. Give"):
        read_tree("google", file)


def test_digest_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "tree.txt"
    file.write_text("A", "utf-8")
    before = trees_digest({"t": file})
    file.write_text("B", "utf-8")
    assert (trees_digest({}), before.partition(":")[0]) == ("", "t")
    assert trees_digest({"t": file}) != before
