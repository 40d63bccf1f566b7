"""Steps of breadcrumbs: what the page's elements delimit, without menus, home page and product."""

import pytest

from reader.parse import parse_page

URL = "https://shop.example/p/w-1"


def category(html: str, name: str = "Green lamp") -> tuple[str, ...]:
    page = (
        f"<html><head><title>{name}</title></head><body>{html}<h1>{name}</h1><p>$5.00</p><button>Add to cart</button>"
    )
    return parse_page(page.encode(), URL).category


HOME = '<a href="/">Home</a>'
LIGHT, LAMPS = '<a href="/light">Light</a>', '<a href="/light/lamps">Lamps</a>'


@pytest.mark.parametrize(
    "row",
    [
        f'<div class="breadcrumb">{HOME} / {LIGHT} / {LAMPS} / Green lamp</div>',
        f'<div class="breadcrumb">{HOME} › {LIGHT} › {LAMPS} › <i>Lamp, green - 1/8" / large</i></div>',
        f'<div class="crumbs"><p><b>{HOME} ›</b><b>{LIGHT} ›</b><b>{LAMPS} ›</b><b>Lamp 7</b></p></div>',
        f'<ul class="breadcrumbs"><li>{HOME}<i>»</i><li>{LIGHT}<i>»</i><li>{LAMPS}<i>»</i><li>A lamp</ul>',
        f'<ul><li class="home">{HOME}</li><li>{LIGHT}</li><li>{LAMPS}</li><li>Green lamp</li></ul>',
        f"<div><div>{HOME}</div> » <div>{LIGHT}</div> » <div>{LAMPS}</div> » <span>The lamp</span></div>",
        f'<div class="breadcrumb"><a href="/en/">Bright</a> &gt; {LIGHT} &gt; {LAMPS} &gt; Lamp</div>',
        f'<div class="breadcrumb"><a href="/light/lamps">Back</a> | {HOME} › {LIGHT} › {LAMPS} › Lamp</div>',
        (
            f'<ul class="breadcrumb"><li>{HOME}</li><li><div>{LIGHT}<ul class="menu"><li><a href="/a">Art</a></li>'
            f'<li><a href="/b">Beds</a></li></ul></div></li><li>{LAMPS}</li><li>Green lamp</li></ul>'
        ),
        (
            f'<p><span typeof="v:Breadcrumb">{HOME}</span><span typeof="v:Breadcrumb">{LIGHT}</span>'
            f'<span typeof="v:Breadcrumb">{LAMPS}</span></p>'
        ),
        '<div class="breadcrumbs">Home &gt; Light &gt; Lamps &gt; Green lamp</div>',
    ],
)
def test_path_of_a_breadcrumb(row: str) -> None:
    assert category(row) == ("Light", "Lamps")


@pytest.mark.parametrize(
    "row", [f"{HOME} &gt; <span>灯具</span> &gt; <span>台灯</span>", f"{HOME} &gt; 灯具 &gt; 台灯"]
)
def test_row_whose_only_link_is_the_home_page_keeps_its_last_step(row: str) -> None:
    assert category(f'<nav class="breadcrumb">{row}</nav>', "绿色护眼台灯 KX-100") == ("灯具", "台灯")


def test_name_cut_at_a_sign_within_it_is_no_path() -> None:
    assert category(f'<nav class="breadcrumb">{HOME} &gt; Satin ribbon – Red</nav>', "Satin ribbon – Red") == ()


@pytest.mark.parametrize(
    "name", ["Fabric, 90 g/m2", "Fleece г/м2", "Salt & pepper", "T-shirts/Tops", "A – Z", "1/8 inch"]
)
def test_name_of_a_step_stays_whole(name: str) -> None:
    row = f'<nav class="breadcrumb">{HOME} › <a href="/c/1">{name}</a> › <a href="/c/2">Lamps</a> › Green lamp</nav>'

    assert category(row) == (name, "Lamps")


def test_menu_after_the_home_page_is_no_path() -> None:
    assert (
        category('<div><a href="/">Home</a> | <a href="/about">About us</a> | <a href="/contact">Contact</a></div>')
        == ()
    )
