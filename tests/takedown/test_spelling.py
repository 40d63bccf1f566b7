"""Targets as people write them: found in any spelling, or named as nearly the same."""

from pathlib import Path

import pytest

from core.errors import UsageError
from core.files import file_sha256
from takedown.forget import forget
from takedown.plan import Target, TargetKind
from takedown.receipt import Receipt
from takedown.register import open_register
from takedown.spelling import url_key
from tests.m5data.marker_search import places_with
from tests.takedown.planted import HOME, MERCHANT, PLANTED, URL, WORDS, now
from workspace import Workspace


def ask(folder: Path, kind: TargetKind, value: str, *, dry_run: bool = False) -> Receipt:
    return forget(Workspace.open(folder).store, Target(kind, value), dry_run=dry_run, clock=now)


@pytest.mark.parametrize(
    "spelt",
    [
        "http://shop.example/p/PLANTEDURL-k7",
        "https://www.shop.example/p/PLANTEDURL-k7/",
        "HTTPS://SHOP.example:443/p/PLANTED%55RL-k7?utm_source=mail#top",
        "  <shop.example/p/PLANTEDURL-k7> ",
        "//m.shop.example/p/%50LANTEDURL%2Dk7?gclid=1",
    ],
)
def test_url_is_found_in_any_spelling(folder: Path, spelt: str) -> None:
    done = ask(folder, "url", spelt)
    assert (done.products, done.near) == (1, ())
    assert places_with(folder, WORDS) == []


def test_url_of_image_is_found_in_another_spelling(folder: Path) -> None:
    done = ask(folder, "url", "http://www.shop.example/img/k8%2D1.jpg")
    assert done.rows["media"] == 1
    assert places_with(folder, ["/k8-1.jpg"]) == []


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("product", "k7", (PLANTED,)),
        ("product", "SHOP:K7", (PLANTED,)),
        ("product", "other:k7", (PLANTED,)),
        ("product", URL, (PLANTED,)),
        ("url", f"{HOME}/p/PLANTEDURL-k77", (URL,)),
        ("merchant", "plantedmerchant", (MERCHANT,)),
        ("merchant", "Söhne 商行", (MERCHANT,)),
    ],
)
def test_nearly_the_same_is_named_and_nothing_changes(
    folder: Path, kind: TargetKind, value: str, meant: tuple[str, ...]
) -> None:
    Workspace.open(folder).store.objects.close()
    before = {path: file_sha256(path) for path in sorted((folder / "tables").rglob("*")) if path.is_file()}
    marks = len(open_register(Workspace.open(folder).store))
    receipt = ask(folder, kind, value)
    assert (receipt.is_empty, receipt.near[: len(meant)]) == (True, meant)
    assert {path: file_sha256(path) for path in before} == before
    assert len(open_register(Workspace.open(folder).store)) == marks
    assert not (folder / "receipts").exists()


def test_merchant_name_in_urls_of_others_takes_nothing_down(folder: Path) -> None:
    assert ask(folder, "merchant", "shop").is_empty
    assert len(Workspace.open(folder).table("products")) == 5


def test_repeated_take_down_says_that_it_is_done(folder: Path) -> None:
    ask(folder, "url", URL)
    again = ask(folder, "url", URL.replace("https:", "http:"))
    assert (again.is_empty, again.taken_before) == (True, True)


def test_target_that_never_was_here_is_kept_out_in_both_schemes(folder: Path) -> None:
    receipt = ask(folder, "url", "http://elsewhere.example/p/1")
    register = open_register(Workspace.open(folder).store)
    assert (receipt.is_empty, receipt.taken_before) == (True, False)
    assert register.holds("url", "https://elsewhere.example/p/1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.example/p/caf%C3%A9-1?b=2&a=1", "https://www.a.example/p/café-1/?a=1&b=2&utm_x=3"),
        ("https://xn--bcher-kva.example/x", "bücher.example/x"),
        ("https://a.example/?id=7", "http://a.example?id=7&gclid=9"),
        ("https://a.example/p?a=1&amp;b=2", "https://a.example/p?b=2&a=1"),
    ],
)
def test_spellings_share_a_key(one: str, other: str) -> None:
    assert url_key(one) == url_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/p/1", "https://a.example/p/2"),
        ("https://a.example/p?id=1", "https://a.example/p?id=2"),
        ("https://a.example/p", "https://b.example/p"),
        ("https://a.example/P", "https://a.example/p"),
    ],
)
def test_other_pages_have_other_keys(one: str, other: str) -> None:
    assert url_key(one) != url_key(other)


@pytest.mark.parametrize(
    "spelt",
    [
        f"{URL}?utm_source=mail&fbclid=IwAR0",
        f"[our page]({URL})",
        f"({URL}).",
        f"\u201c{URL}\u201d,",
        f"view-source:{URL}",
        URL.replace("https:", "hxxps:"),
        URL.replace("/", "\\"),
        URL.replace("://", ":/"),
        f"\ufeff{URL}\u200b",
    ],
)
def test_url_is_found_in_what_a_person_copied(folder: Path, spelt: str) -> None:
    found = ask(folder, "url", spelt, dry_run=True)
    assert (found.products, found.near) == (1, ())


@pytest.mark.parametrize("spelt", [" shop:k7\n", "SHOP : k7", "shop\uff1ak7", "\u201cshop:\uff4b7\u201d\u200b"])
def test_id_is_found_in_what_a_person_copied(folder: Path, spelt: str) -> None:
    found = ask(folder, "product", spelt, dry_run=True)
    assert (found.products, found.near) == (1, ())


def test_what_no_browser_opens_is_no_target(folder: Path) -> None:
    with pytest.raises(UsageError, match="is no URL"):
        ask(folder, "url", "http://[::1")


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [("product", "K7", PLANTED), ("url", f"{URL}?sessionid=3", URL), ("merchant", "\u5546\u884c", MERCHANT)],
)
def test_more_that_is_nearly_the_same_is_named(folder: Path, kind: TargetKind, value: str, meant: str) -> None:
    assert ask(folder, kind, value).near[:1] == (meant,)
