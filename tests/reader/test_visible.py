from crawler import is_product, parse_page
from reader.document import read_document
from reader.visible import other_pages, read_visible, tiles

URL = "https://shop.example/books/the-c-book_12/"


def tile(name: str, number: int, price: str = "£9.99") -> str:
    link = f'<a href="/books/{name.lower()}_{number}/">'
    return (
        f'<li>{link}<img src="/i/{number}.jpg" alt="{name}"></a><h3>{link}{name}</a></h3>'
        f'<p class="price">{price}</p><p class="instock">In stock</p><button>Add to basket</button></li>'
    )


def page(*, caption: str = "The C Book", stock: str = "Unavailable", tiles: str = "") -> bytes:
    return f"""<html><head><title>{caption} | The shop</title></head><body>
<ol class="breadcrumb"><li><a href="/">Home</a></li><li><a href="/books/">Books</a></li><li><a href="/books/c/">C</a>
</li><li>{caption}</li></ol>
<div class="product"><img src="/i/12.jpg" alt="{caption}"><h1>{caption}</h1><p class="price">£24.50</p>
<p class="{"outofstock" if stock == "Unavailable" else "instock"} availability">{stock}</p>
<form action="/basket/add/12/"><button>Add to basket</button></form></div>
<table><tr><th>Pages</th><td>240</td></tr><tr><th>Binding</th><td>Paperback</td></tr>
<tr><th>Publisher</th><td>Grey Press</td></tr></table>
<h2>Recommended items</h2><ul>{tiles}</ul></body></html>""".encode()


def test_tile_has_image_words_and_price_for_one_other_page() -> None:
    document = read_document(page(tiles=tile("Snow", 3) + tile("Tides", 4)), URL)
    seen = read_visible(document)
    shown = [[seen.runs[index].text for index in one] for one in tiles(seen, other_pages(document)).values()]
    assert shown == [[name, "£9.99", "In stock", "Add to basket"] for name in ("Snow", "Tides")]


def test_a_logo_beside_the_products_own_price_is_no_tile() -> None:
    logo = '<div><a href="/brands/grey/"><img src="/grey.png"></a><p>£24.50</p></div>'
    document = read_document(page().replace(b"<table>", f"{logo}<table>".encode()), URL)
    assert tiles(read_visible(document), other_pages(document)) == {}


def test_tiles_give_neither_price_nor_specification_nor_image() -> None:
    alone, among = (parse_page(page(stock="In stock", tiles=tiles), URL) for tiles in ("", tile("Snow", 3) * 3))
    assert (alone.price, alone.specs, alone.image_urls) == (among.price, among.specs, among.image_urls)
    assert [pair.property for pair in among.specs] == ["Pages", "Binding", "Publisher"]


def test_product_may_be_named_by_a_letter_number_or_category() -> None:
    for caption in ("C", "2001"):
        record = parse_page(page(caption=caption), URL)
        assert (record.caption, record.category) == (caption, ("Books", "C"))


def test_a_step_of_a_list_of_breadcrumbs_is_not_split() -> None:
    record = parse_page(page(caption="Bowl - Black"), URL)
    assert (record.caption, record.category) == ("Bowl - Black", ("Books", "C"))


def test_a_page_of_tiles_alone_is_a_listing_whatever_it_says() -> None:
    every = "".join(tile(f"Book{n}", n) for n in range(4))
    body = f"<html><title>C | The shop</title><body><h1>C</h1><p>4 books in stock</p><ul>{every}</ul></body></html>"
    assert is_product(parse_page(body.encode(), "https://shop.example/books/c/")).reason == "listing"


def test_row_items_are_tiles_wherever_their_image_stands() -> None:
    link = '<a href="/books/{0}/">Book {0}</a>'
    items = (
        "<li>" + link + " £{0}.99</li>",
        '<li><div><img src="/i/{0}.jpg"></div><div><h3>' + link + "</h3><p><b>£{0}.99</b></p></div></li>",
    )
    for item in items:
        document = read_document(page(tiles="".join(item.format(number) for number in (3, 4, 5))), URL)
        seen = read_visible(document)
        shown = [[seen.runs[index].text for index in one] for one in tiles(seen, other_pages(document)).values()]
        assert shown == [[f"Book {number}", f"£{number}.99"] for number in (3, 4, 5)]


def test_a_link_beside_the_products_own_price_is_no_tile() -> None:
    priced = page().replace(b"</p>\n<p class", b' <a href="/shipping/">plus shipping</a></p>\n<p class', 1)
    document = read_document(priced, URL)
    assert tiles(read_visible(document), other_pages(document)) == {}
