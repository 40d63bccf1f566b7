"""Train and evaluate the recognition of listings: ``python -m bench.pages.kinds --shops DIR``.

Three shop programs state the kind of a page in the classes of ``body``, which serve as truth for pages without a
product. Pages with markup are learned both with and without those words, pages without markup only without; all are
judged without them. Printed: precision and recall of listings on held-out shops. ``--write FILE`` writes the model
learned from all shops.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from bench.pages.shop_folder import read_shops
from core.errors import PageError
from reader.document import read_document
from reader.evidence import name_words
from reader.learning.fit import fit, temperature
from reader.learning.labelled import Example, LabelledPage, without_markup
from reader.learning.teach import TrainedModel, predict_left_out, write_model
from reader.model import evidence_hash
from reader.page_kind import listing_evidence
from reader.reading import Reading

_LISTING = re.compile(r"tax-product|tax-pa_|post-type-archive-product|template-collection|catalog-category")
_OTHER = re.compile(
    r"page-template-default|template-(?:page|article|blog|login|404|list-collections)|single-post|customer-account"
    r"|\bblog\b|archive category"
)
_OF_BODY = ("body:", "body-id:", "html:", "html-id:")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="file of the model")
    arguments = parser.parse_args()
    examples: list[Example] = []
    rules = Counter[tuple[bool, bool]]()
    for number, page in enumerate(read_shops(arguments.shops)):
        if page.truth is None:
            for one in (page, replace(page, body=_bare(page), markup=False)):
                examples += _examples(one, number, rules)
    shops = len({one.shop for one in examples})
    examples += [one for number, plain in enumerate(_plain_pages()) for one in _of_plain(number, *plain)]
    groups = {one.shop: one.shop for one in examples}
    scored = predict_left_out(examples, groups)
    judged = [
        (one, table.score(one.evidence[0]) > 0) for one, table in scored if not one.markup and one.shop not in _PLAIN
    ]
    right = Counter((bool(one.right[0]), said) for one, said in judged)
    for name, counts in (("rules: repeated amounts or a next page", rules), ("learned", right)):
        precision = counts[True, True] / max(1, counts[True, True] + counts[False, True])
        recall = counts[True, True] / max(1, counts[True, True] + counts[True, False])
        print(f"{name}: precision {precision:.3f}, recall {recall:.3f} of {counts.total()} pages, {shops} shops")
    if arguments.write:
        heat = temperature(scored)
        lesson = TrainedModel({"listing": fit(examples, groups)}, {"listing": heat}, {}, [], shops, len(judged))
        write_model(arguments.write, lesson, "python -m bench.pages.kinds")
        print(f"{arguments.write}: {arguments.write.stat().st_size} bytes, temperature {heat:.2f}")


_PLAIN = ("plain pages 0", "plain pages 1", "plain pages 2")


def _plain_pages() -> Iterator[tuple[bool, str]]:
    """Yield synthetic unstyled pages, like those of small shops and tests, and whether they are listings."""
    tiles = ("<a href='/p/{0}'>Lamp {0}</a>", "<a href='/p/{0}'><img src='/{0}.jpg'>Lamp {0}</a>", "Lamp {0}")
    for count, tile, following in product((4, 6, 12), tiles, ("", "<a rel='next' href='?page=2'>next</a>")):
        for amount in ("", "<b>€ {0}.99</b>"):
            items = "".join(f"<li>{tile} {amount}</li>".format(one + 5) for one in range(count))
            if amount or (following and count > 4):
                yield True, f"<h1>Lamps</h1><ul>{items}</ul>{following}"
                yield True, f"<div>{items}</div>{following}"
    for body in (
        "",
        "<p>x</p>",
        "<p>€ 5.00</p>",
        "<h1>Lamp</h1>",
        "<h1>Lamp</h1><p>€ 5.00</p>",
        "<a href='/p/1'>Lamp</a>",
    ):
        for _ in _PLAIN:
            yield False, body
    for count, links in product((0, 1, 3, 8), (0, 2, 3)):
        prose = "<p>" + "We have sold lamps in the old town since the year of the great storm. " * 3 + "</p>"
        further = "".join(f"<p><a href='/page/{one}'>Page {one}</a></p>" for one in range(links))
        yield False, f"<h1>About the shop</h1><p>Open from 9 to 5.</p>{prose * count}{further}"


def _of_plain(number: int, is_listing: bool, body: str) -> Iterator[Example]:  # noqa: FBT001 - as it is yielded
    html = f"<html lang=en><title>Shop</title><body>{body}"
    page = LabelledPage(_PLAIN[number % 3], f"https://x.example/page{number}", html.encode(), None)
    yield _example(page, -number - 1, _evidence(page)[1], is_listing=is_listing)


def _bare(page: LabelledPage) -> bytes:
    return without_markup(page.body.decode("utf-8", "replace")).encode("utf-8", "replace")


def _examples(page: LabelledPage, number: int, rules: Counter[tuple[bool, bool]]) -> Iterator[Example]:
    try:
        said, evidence = _evidence(page)
    except PageError:
        return
    is_listing = bool(_LISTING.search(said))
    if not is_listing and not _OTHER.search(said):
        return
    blind = {one for one in evidence if not one.startswith(_OF_BODY)} - {f"has:{word}" for word in name_words(said)}
    if not page.markup:
        rules[is_listing, "many" in evidence or "next" in evidence] += 1
    for pieces in (blind,) if not page.markup else (evidence, blind):
        yield _example(page, number, pieces, is_listing=is_listing)


def _evidence(page: LabelledPage) -> tuple[str, set[str]]:
    """Return the classes of ``body`` and the evidence of a page."""
    reading = Reading(read_document(page.body, page.url, {"content-type": "text/html; charset=utf-8"}))
    body = reading.document.tree.find("body")
    evidence = listing_evidence(reading.page, reading.candidates("page")[0].evidence)
    return (body.get("class") or "") if body is not None else "", evidence


def _example(page: LabelledPage, number: int, evidence: set[str], *, is_listing: bool) -> Example:
    hashes = np.array(sorted(map(evidence_hash, evidence)), dtype=np.int64)
    truth = frozenset(("listing",) if is_listing else ())
    owner, right = np.zeros(1, dtype=np.int64), np.array([is_listing])
    return Example(page.shop, number, "listing", page.markup, (hashes,), owner, right, ("listing",), truth)


if __name__ == "__main__":
    main()
