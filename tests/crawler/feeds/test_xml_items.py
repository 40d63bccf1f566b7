"""Items of RSS and Atom: which element each field is read from."""

from pathlib import Path

import pytest

from core.errors import FeedError
from crawler.feeds.rows import FeedRowError
from crawler.feeds.xml_items import read_xml

G = 'xmlns:g="http://base.google.com/ns/1.0"'
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def read(folder: Path, text: str | bytes) -> list[object]:
    path = folder / "feed.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    rows = (item.row for item in read_xml(path))
    return [str(row) if isinstance(row, FeedRowError) else row.model_dump(exclude_defaults=True) for row in rows]


def rss(inside: str, namespaces: str = f"{G} {MEDIA} {DC}") -> str:
    return f'<rss version="2.0" {namespaces}><channel><item>{inside}</item></channel></rss>'


def atom(inside: str, attributes: str = "") -> str:
    return f"<feed {ATOM} {G} {attributes}><entry>{inside}</entry></feed>"


@pytest.mark.parametrize(
    ("inside", "field", "value"),
    [
        ("<id>plain</id><g:id>S1</g:id>", "id", "S1"),
        ("<guid>tag:shop,1</guid><g:id>S1</g:id>", "id", "S1"),
        ("<guid isPermaLink='false'>tag:shop,1</guid>", "id", "tag:shop,1"),
        ("<dc:identifier>D1</dc:identifier>", "id", "D1"),
        ("<media:title>Photo</media:title><title>Cup</title>", "title", "Cup"),
        ("<dc:title>Short</dc:title><title>Cup</title>", "title", "Cup"),
        ("<media:title>Photo of a cup</media:title>", "title", "Photo of a cup"),
        ("<x:title xmlns:x='urn:x'>Other</x:title><title>Cup</title>", "title", "Cup"),
        ("<title>A <b>bold</b> cup</title>", "title", "A bold cup"),
        ("<title><![CDATA[Cup & saucer &nbsp;]]></title>", "title", "Cup & saucer &nbsp;"),
        ("<title>Caf&eacute; cups & saucers&nbsp;&#50;&lt;</title>", "title", "Café cups & saucers\xa02<"),
        ("<link>https://shop.example/p?a=1&b=2</link>", "url", "https://shop.example/p?a=1&b=2"),
        ("<guid>https://shop.example/p/1</guid>", "url", "https://shop.example/p/1"),
        ("<guid>https://shop.example/p/1</guid><link>https://shop.example/p/2</link>", "url", "https://shop.example/p/2"),
        ("<price>5 EUR</price><g:price>6 EUR</g:price>", "price", "6 EUR"),
        ("<g:image_link>http://a/1</g:image_link><media:content url='http://a/2'/>", "image_urls", ("http://a/1",)),
        ("<g:additional_image_link>http://a/1, http://a/2,3</g:additional_image_link>", "image_urls", ("http://a/1", "http://a/2,3")),
        ("<media:content url='http://a/2' type='image/png'/>", "image_urls", ("http://a/2",)),
        ("<media:group><media:thumbnail url='http://a/3'/></media:group>", "image_urls", ("http://a/3",)),
        ("<enclosure url='http://a/4.jpg' type='image/jpeg'/>", "image_urls", ("http://a/4.jpg",)),
        ("<enclosure url='http://a/5.mp4' type='video/mp4'/>", "video_urls", ("http://a/5.mp4",)),
    ],
)  # fmt: skip
def test_rss_element_that_a_field_is_read_from(tmp_path: Path, inside: str, field: str, value: object) -> None:
    [row] = read(tmp_path, rss(inside))
    assert isinstance(row, dict)
    assert row[field] == value


@pytest.mark.parametrize(
    ("links", "url"),
    [
        ('<link rel="self" href="http://a/feed"/><link rel="alternate" href="http://a/1"/>', "http://a/1"),
        ('<link rel="edit" href="http://a/edit"/><link href="http://a/1"/>', "http://a/1"),
        ('<link type="application/json" href="http://a/j"/><link type="text/html" href="http://a/1"/>', "http://a/1"),
        ('<link rel="http://www.iana.org/assignments/relation/alternate" href="http://a/1"/>', "http://a/1"),
        ('<link rel="enclosure">http://a/file</link><link href="http://a/1"/>', "http://a/1"),
        ('<link href="p/1"/>', "http://shop.example/shop/p/1"),
        ('<link rel="self" href="http://a/feed"/>', None),
    ],
)
def test_atom_link_that_is_the_page(tmp_path: Path, links: str, url: str | None) -> None:
    [row] = read(tmp_path, atom(f"<id>tag:1</id>{links}", 'xml:base="http://shop.example/shop/"'))
    assert row == {"id": "tag:1"} | ({"url": url} if url else {})


def test_atom_id_yields_to_googles(tmp_path: Path) -> None:
    assert read(tmp_path, atom("<id>tag:1</id><g:id>S1</g:id>")) == [{"id": "S1"}]


def test_rss_1_is_identified_by_rdf(tmp_path: Path) -> None:
    text = f"""<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {DC}>
        <channel r:about="http://a/"><items><r:Seq><r:li resource="http://a/1"/></r:Seq></items></channel>
        <item r:about="http://a/1"><dc:title>no</dc:title><title>Cup</title></item></r:RDF>"""
    assert read(tmp_path, text) == [{"id": "http://a/1", "url": "http://a/1", "title": "Cup"}]


@pytest.mark.parametrize("namespaces", ["", 'xmlns:g="https://base.google.com/ns/1.0/"', 'xmlns:g="urn:slip"'])
def test_googles_prefix_is_known_however_it_is_declared(tmp_path: Path, namespaces: str) -> None:
    assert read(tmp_path, rss("<g:id>S1</g:id>", namespaces)) == [{"id": "S1"}]


def test_parts_of_a_detail_may_hold_its_marks(tmp_path: Path) -> None:
    parts = "<g:section_name>Display: front</g:section_name><g:attribute_name>Size: a</g:attribute_name>"
    detail = f"<g:product_detail>{parts}<g:attribute_value>3:4, 5</g:attribute_value></g:product_detail>"
    assert read(tmp_path, rss(detail)) == [{"specs": ({"property": "Size: a", "value": "3:4, 5"},)}]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16", "utf-8", "utf-8-sig"])
def test_declared_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>{rss("<title>Größe</title>")}'
    assert read(tmp_path, text.encode(encoding)) == [{"title": "Größe"}]


def test_declared_entities_are_expanded_and_bombs_refused(tmp_path: Path) -> None:
    own = '<!DOCTYPE rss [<!ENTITY shop "Cups &amp; more">]>'
    assert read(tmp_path, own + rss("<title>&shop;</title>")) == [{"title": "Cups & more"}]
    bomb = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    with pytest.raises(FeedError, match=r"after item 0: .*Maximum entity amplification"):
        read(tmp_path, f'<!DOCTYPE rss [<!ENTITY l0 "lol">{bomb}]>' + rss("<title>&l11;</title>"))


def test_fault_is_named_with_line_column_and_entity(tmp_path: Path) -> None:
    text = f"<rss {G}><item><g:id>1</g:id></item>\n<item><title>&shop;</title></item></rss>"
    with pytest.raises(FeedError, match=r"feed\.xml: .* after item 1: line 2, column 20: Entity 'shop' not defined"):
        read(tmp_path, text)


def test_repairs_reach_over_the_pieces_of_a_file(tmp_path: Path) -> None:
    titles = [f"{'x' * 997}&eacute;" if n % 2 else f"<![CDATA[{'y' * 990}&eacute; & ]]>" for n in range(3_000)]
    rows = read(tmp_path, f"<rss>{''.join(f'<item><title>{title}</title></item>' for title in titles)}</rss>")
    assert rows == [{"title": "x" * 997 + "é" if n % 2 else "y" * 990 + "&eacute; &"} for n in range(3_000)]
