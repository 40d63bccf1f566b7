"""Reading of one page into the fields of a record: candidates, their evidence, and the model's choice.

| step | module |
|---|---|
| text, headings and tiles of the main part | ``visible`` |
| schema.org nodes, OpenGraph | ``markup``, ``facts`` |
| objects in scripts, attributes, forms | ``state`` |
| page data that all candidate finders share | ``evidence`` |
| candidates with their evidence | ``text_candidates``, ``price_candidates``, ``category_candidates``, … |
| the page as a whole: its kind, its stock | ``page_kind`` |
| probability of each candidate | ``model`` |
| template learned from other pages of the shop | ``template`` |
| specifications | ``specs`` |
| description, selling points | ``descriptions`` |
| former price, ratings, condition | ``offer_details`` |
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from core.records import Availability, Condition
from reader.category_candidates import categories
from reader.descriptions import find_description, find_features
from reader.document import Document, canonical_url
from reader.evidence import Page
from reader.facts import Facts, MarkedProduct, choose_product, product_facts
from reader.jsonld import jsonld_nodes
from reader.markup import Node, microdata_nodes
from reader.media_candidates import find_videos, gallery, images
from reader.model import Candidate, Choice, Model, read_model, shipped_model
from reader.offer_details import find_condition, find_list_price, find_rating
from reader.opengraph import opengraph_facts
from reader.page_kind import claims_product, kind_evidence, page_kind, says_in_stock, says_out_of_stock, stock_evidence
from reader.price_candidates import currencies, prices, shown_sign
from reader.specs import find_specs
from reader.template import Prior, Template
from reader.text import squash
from reader.text_candidates import brands, captions, gtins, is_far, is_part_number, own_ids, part_numbers, sellers
from reader.url_ids import fallback_id, id_from_url
from reader.visible import Visible, find_title, page_titles, read_visible

__all__ = ["Reader", "Reading", "reader_of"]

_Text = tuple[str, str]
"""A value and its origin."""
_MAX_SPECS = 500
"""Maximum specifications of one product; the longest real table seen had 90."""


_LIKELY = 0.9
"""Probability from which an id that the page shows is accepted without considering ids in the URL."""
_WORD = 6
"""Length below which a number in a URL may be a word of the product's name."""
_UNOPPOSED = 0.25
"""Probability from which a product is out of stock if its page says so and never the contrary."""


class Reader(NamedTuple):
    """Model, thresholds and template for reading the pages of a source."""

    model: Model | None = None
    """None for the one that comes with m5data."""
    least: Mapping[str, float] = {}
    """Field -> probability below which it stays empty, where it overrides the model's."""
    template: Template | None = None
    """Template learned from other pages of the shop."""


@cache
def reader_of(
    model: str | None = None, least: tuple[tuple[str, float], ...] = (), template: tuple[Prior, ...] = ()
) -> Reader:
    """Return the reader with a source's own model file, thresholds and template.

    Raises:
        SettingsError: The file is not a reader model.
    """
    own = read_model(Path(model)) if model else None
    return Reader(own, dict(least), Template(template) if template else None)


class _Markup(NamedTuple):
    origin: str
    nodes: list[Node]
    product: MarkedProduct


class Reading:
    """One page, read once. Every field is read on first access.

    Args:
        document: The page.
        reader: Model and thresholds; None for those that come with m5data.
    """

    def __init__(self, document: Document, reader: Reader | None = None) -> None:
        self.document = document
        self._reader = reader or Reader()
        self._certain: dict[str, float] = {}
        self._found: dict[str, Sequence[Candidate]] = {}

    @cached_property
    def model(self) -> Model:
        """The model, which finding candidates does not need."""
        return self._reader.model or shipped_model()

    def _is_sure(self, field: str, choice: Choice) -> bool:
        """Return whether a choice fills a field; a value stated in markup does, unless the settings set a threshold."""
        known = 0.0 if choice.candidate.is_stated else self.model.least.get(field, 0.0)
        return choice.probability >= self._reader.least.get(field, known)

    @cached_property
    def url(self) -> str:
        """Canonical URL."""
        return canonical_url(self.document)

    @property
    def own_url(self) -> str | None:
        """URL that markup gives the product itself; None if it gives none."""
        stated = (one.url for one in self.page.marked if one.origin != "opengraph")
        return next(filter(None, stated), None)

    @cached_property
    def seen(self) -> Visible:
        """Visible text of the main part."""
        seen = read_visible(self.document)
        if not seen.is_named:
            heading, seen.title = seen.title, None
            named = find_title(self.document, seen)
            seen.title = heading if named is None else named
        return seen

    @cached_property
    def page(self) -> Page:
        """The page with its markup, as the candidate finders see it."""
        page = Page(self.document, self.seen, page_titles(self.document, self.seen))
        page.marked = self._marked(page)
        return page

    def _marked(self, page: Page) -> list[Facts]:
        titles = [text for text, _ in page.titles]
        scripts = jsonld_nodes(self.document)
        found = (("json-ld", scripts or page.state[1]), ("microdata", microdata_nodes(self.document)))
        self._markup = [_Markup(origin, nodes, choose_product(self.document, nodes, titles)) for origin, nodes in found]
        nodes = [(one.product.node, one.origin) for one in self._markup]
        facts = [product_facts(self.document, node, origin) for node, origin in nodes if node is not None]
        return [*facts, opengraph_facts(self.document)]

    def candidates(self, field: str) -> Sequence[Candidate]:
        """Return the candidates of a field of ``model.FIELDS``; a yes-or-no field has one."""
        found = self._found.get(field)
        if found is None:
            found = self._found[field] = self._candidates(field)
        return found

    def _candidates(self, field: str) -> Sequence[Candidate]:
        page = self.page
        if field == "page":
            listed = sum(one.product.listed for one in self._markup if one.product.node is None)
            return [Candidate("product", "html", kind_evidence(page, listed))]
        if field == "availability":
            return [Candidate("OutOfStock", "html", stock_evidence(page))]
        if field == "category":
            return categories(page, [(one.origin, one.nodes) for one in self._markup])
        found = _MAKERS[field](page)
        template = self._reader.template
        return found if template is None else [one for one in found if not template.is_shared(field, one.value)]

    def odds(self, field: str) -> list[Choice]:
        """Return the candidates of a field of ``model.FIELDS`` with their probabilities, the likeliest first."""
        found = self.model.odds(field, self.candidates(field), self._reader.template)
        return sorted(found, key=lambda one: -one.probability)

    def _choose(self, field: str) -> Candidate | None:
        choice = self.model.choose(field, self.candidates(field), self._reader.template)
        if choice is None or not self._is_sure(field, choice):
            return None
        self._certain[field] = choice.probability
        return choice.candidate

    def _text(self, field: str) -> _Text | None:
        found = self._choose(field)
        return (str(found.value), found.origin) if found else None

    @cached_property
    def is_marked(self) -> bool:
        """Whether markup states that the page is that of one product."""
        return claims_product(self.page)

    @property
    def likelihood(self) -> float:
        """Probability of the kind of the page; 1 for a product page that markup states."""
        return self._certain["page"] if self.kind else 0.0

    @cached_property
    def kind(self) -> str:
        """Kind of the page: ``product:<origin>``, ``listing``, ``not-found`` or ``other``.

        A missing page, a page of other products alone and a site's front page are products only by their markup.
        """
        statement = self.candidates("page")[0]
        none = not statement.evidence.isdisjoint(("missing", "home")) or self.page.only_lists
        probability = 0.0 if none else self.model.probability("page", statement.evidence)
        kind, self._certain["page"] = page_kind(
            self.page, statement.evidence, 1.0 if self.is_marked else probability, self.model.least.get("page", 0.5)
        )
        return kind

    @cached_property
    def caption(self) -> _Text | None:
        """The product's name."""
        return self._text("caption")

    @cached_property
    def native_id(self) -> _Text:
        """The shop's own id; one that the page shows, unless it is the GTIN, is preferred to parts of the URL.

        The key of the product in the URL is preferred to a part number, and what markup states to a distant label.
        """
        keys = map(id_from_url, (self.url, self.document.url))
        own = next((key for key in keys if key and not self._is_word_of_name(key)), None)
        others = {self.gtin[0]} if self.gtin else set()
        known = [one for one in self.candidates("native_id") if not (own and is_part_number(one))]
        known = [one for one in known if one.origin != "url" or not self._is_word_of_name(str(one.value))]
        if any(one.is_stated for one in known):
            known = [one for one in known if one.is_stated or not is_far(one)]
        shown = [one for one in known if one.origin != "url" and one.value not in others]
        choice = self.model.choose("native_id", shown, self._reader.template)
        if choice is None or choice.probability < _LIKELY:
            choice = self.model.choose("native_id", known, self._reader.template)
        if choice is not None and self._is_sure("native_id", choice):
            self._certain["native_id"] = choice.probability
            if not (own and choice.candidate.origin == "url"):
                return str(choice.candidate.value), choice.candidate.origin
        return (own, "url") if own else (fallback_id(self.url), "url-hash")

    def _is_word_of_name(self, key: str) -> bool:
        """Return whether a short key of a URL is a word of the heading, such as a model's number."""
        start, end = self.seen.title_span
        return len(key) < _WORD and key.casefold() in squash(self.seen.text(start, end)).split()

    @cached_property
    def category(self) -> tuple[tuple[str, ...], str] | None:
        """Path of categories."""
        found = self._choose("category")
        return (tuple(map(str, found.value)), found.origin) if found and isinstance(found.value, tuple) else None

    @cached_property
    def brand(self) -> _Text | None:
        """Brand as published."""
        return self._text("brand")

    @cached_property
    def price(self) -> tuple[Decimal, str | None, str] | None:
        """Price, currency, origin."""
        found = self._choose("price")
        if found is None or not isinstance(found.value, Decimal):
            return None
        currency = self._choose("currency")
        return found.value, str(currency.value) if currency else shown_sign(self.page), found.origin

    @cached_property
    def availability(self) -> tuple[Availability, str] | None:
        """InStock or OutOfStock. A product with a price is in stock unless the page says otherwise.

        A page that says out of stock and never in stock is believed at a lower probability.
        """
        for one in self.page.marked:
            if one.availability is not None:
                return one.availability, one.origin
        evidence = self.candidates("availability")[0].evidence
        out = self.model.probability("availability", evidence)
        self._certain["availability"] = max(out, 1.0 - out)
        unopposed = says_out_of_stock(evidence) and not says_in_stock(evidence)
        if out >= (_UNOPPOSED if unopposed else 0.5):
            return "OutOfStock", "html"
        if self.price or says_in_stock(evidence):
            return "InStock", "html"
        return ("OutOfStock", "html") if unopposed else None

    @cached_property
    def merchant_name(self) -> _Text | None:
        """Name of the seller. It may leave the page object only as a hash."""
        marked = [(one.merchant_name, one.origin) for one in self.page.marked if one.merchant_name]
        return next(((name, origin) for name, origin in [*marked, *sellers(self.page)] if len(name) <= 120), None)

    @cached_property
    def gtin(self) -> _Text | None:
        """GTIN, as digits."""
        return self._text("gtin")

    @cached_property
    def mpn(self) -> _Text | None:
        """Manufacturer's part number; None if it repeats the shop's own id and no markup states it."""
        found = self._text("mpn")
        stated = any(found and one.mpn == found[0] for one in self.page.marked)
        return found if found and (stated or found[0] != self.native_id[0]) else None

    @cached_property
    def description(self) -> _Text | None:
        """What the shop writes about the product, a paragraph a line."""
        return find_description(self.page)

    @cached_property
    def features(self) -> list[str]:
        """Entries of the list of selling points."""
        return find_features(self.page)

    @cached_property
    def list_price(self) -> tuple[Decimal, str] | None:
        """Price that the price replaces."""
        return find_list_price(self.page, self.price[0]) if self.price else None

    @cached_property
    def rating(self) -> tuple[Decimal | None, int | None, str] | None:
        """Mean rating, number of ratings, origin."""
        return find_rating(self.page)

    @cached_property
    def condition(self) -> tuple[Condition, str] | None:
        """Condition of the product."""
        return find_condition(self.page, self.specs)

    @cached_property
    def item_group(self) -> _Text | None:
        """The shop's own id of the group of variants."""
        return next(((one.item_group, one.origin) for one in self.page.marked if one.item_group), None)

    @cached_property
    def images(self) -> list[_Text]:
        """Image URLs, main image first."""
        found = self.candidates("image_urls")
        choice = self.model.choose("image_urls", found, self._reader.template)
        if choice is None or not self._is_sure("image_urls", choice):
            return []
        self._certain["image_urls"] = choice.probability
        return gallery(self.page, choice.candidate, found)

    @cached_property
    def videos(self) -> list[_Text]:
        """URLs of video files."""
        marked = [one for one in self.page.marked if one.video_urls]
        said = next((one for one in marked if one.origin != "opengraph"), None)
        if said is None and (shown := find_videos(self.document)):
            return [(url, "html") for url in shown]
        said = said or next(iter(marked), None)
        return [(url, said.origin) for url in dict.fromkeys(said.video_urls)] if said else []

    @cached_property
    def specs(self) -> list[tuple[str, str, str]]:
        """Names, values and origins of specifications: those shown, then those of the markup with new names."""
        specs = [
            (name, value, "html:specs") for name, value in find_specs(self.seen, self.page.groups, self.page.shop_keys)
        ]
        for one in self.page.marked:
            known = {name.casefold() for name, _, _ in specs}
            specs += [(name, value, one.origin) for name, value in one.specs if name.casefold() not in known]
        return specs[:_MAX_SPECS]

    def origins(self) -> dict[str, str]:
        """Return the origin and probability of each field that has a value, and the kind of the page under ``page``."""
        single = {
            "native_id": self.native_id,
            "caption": self.caption,
            "category": self.category,
            "brand": self.brand,
            "price": self.price,
            "currency": self.price if self.price and self.price[1] else None,
            "availability": self.availability,
            "merchant": self.merchant_name,
            "gtin": self.gtin,
            "mpn": self.mpn,
            "description": self.description,
            "features": ("html:features",) if self.features else None,
            "list_price": self.list_price,
            "rating": self.rating,
            "condition": self.condition,
            "item_group": self.item_group,
        }
        several: dict[str, Sequence[tuple[str, ...]]] = {
            "image_urls": self.images,
            "video_urls": self.videos,
            "specs": self.specs,
        }
        found = {name: str(value[-1]) for name, value in single.items() if value}
        for name, values in several.items():
            if values:
                found[name] = "+".join(dict.fromkeys(value[-1] for value in values))
        found["page"] = self.kind
        return {name: self._with_probability(name, origin) for name, origin in found.items()}

    def _with_probability(self, field: str, origin: str) -> str:
        certain = self._certain.get(field)
        return origin if certain is None else f"{origin} {certain:.2f}"


_MAKERS: Mapping[str, Callable[[Page], list[Candidate]]] = {
    "caption": captions,
    "price": prices,
    "currency": currencies,
    "native_id": own_ids,
    "brand": brands,
    "gtin": gtins,
    "mpn": part_numbers,
    "image_urls": images,
}
"""Field -> finder of its candidates."""
