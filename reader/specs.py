"""Specifications of a product in plain HTML: pairs of names and values, and which groups of them are specifications."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

from lxml import html

from core.currencies import CODE, SIGN, UNIT
from reader.refusals import is_command, is_delivery_note, is_paragraph, is_template
from reader.slots import is_unfilled
from reader.text import anywhere, as_a_whole, key_of, squash
from reader.visible import MONEY, Run, Visible, words

__all__ = ["MAX_NAME", "MAX_VALUE", "SpecGroup", "SpecPair", "find_specs", "spec_groups"]

MAX_NAME = 60
"""Longest name of a property, in characters; the longest seen on real pages had 55."""
MAX_VALUE = 1000
"""Longest value, in characters. Lists of ingredients are long; descriptions are longer."""

_Part = tuple[int, int, html.HtmlElement | None]
"""First run, the one after the last, and the child element with these runs (None for text of the element itself)."""

_MAX_RUNS = 100
"""Maximum runs of one value; more are prose."""
_COLON = ":：∶"
_INLINE_PAIR = re.compile(r"^[\s•·*\-–—■◆●▪►✓]*([^:：]{1,60}?)\s*(?:(?<!\d):|:(?!\d)|：)(?!//)\s*(\S.*)$", re.DOTALL)
_BRACKETED = re.compile(r"^[【\[]([^】\]]{1,40})[】\]]\s*[:：]?\s*(\S.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SpecPair:
    """Name and value of a candidate specification."""

    name: str
    """Name without the colon."""
    value: str
    start: int
    """Index of the run with the name."""
    end: int
    """Index after the last run of the value."""
    colon: bool
    """Whether a colon follows the name."""


@dataclass(frozen=True, slots=True)
class SpecGroup:
    """Pairs of one table or list."""

    pairs: tuple[SpecPair, ...]
    container: html.HtmlElement
    """Smallest element that contains all of them."""
    kind: str
    """``table``, ``dl`` or ``list``."""


def labelled_pairs(seen: Visible) -> Iterator[tuple[SpecPair, html.HtmlElement]]:
    """Yield pairs whose name ends in a colon, each with the smallest element that contains both.

    ``Width: 53 cm`` in one run; ``<b>Width:</b> 53 cm`` on one line; ``<h4>Width:</h4><p>53 cm</p>``.
    """
    runs = seen.runs
    heading = seen.title_span
    for index, run in enumerate(runs):
        if heading[0] <= index < heading[1]:
            continue
        if run.text[-1] in _COLON or (index + 1 < len(runs) and runs[index + 1].text in _COLON):
            yield from _split_label(seen, index)
        elif found := _INLINE_PAIR.match(run.text) or _BRACKETED.match(run.text):
            end = _line_end(runs, index)
            value = found[2] if end == index + 1 else f"{found[2]} {seen.text(index + 1, end)}"
            yield SpecPair(found[1].strip(), value, index, end, colon=True), run.element


def _line_end(runs: list[Run], index: int) -> int:
    """Return the index after the last run on the line of ``runs[index]``."""
    end = index + 1
    last = min(len(runs), index + _MAX_RUNS)
    while end < last and runs[end].line == runs[index].line:
        end += 1
    return end


def _is_label(runs: list[Run], index: int) -> bool:
    return runs[index].text[-1] in _COLON and len(runs[index].text) > 1


def _split_label(seen: Visible, index: int) -> Iterator[tuple[SpecPair, html.HtmlElement]]:
    """Yield the pair of the label at ``index``. Its value is the rest of the line, else the next part of the row."""
    runs = seen.runs
    name = runs[index].text.rstrip(_COLON + " ")
    after = index + 1
    if after < len(runs) and not runs[after].text.strip(_COLON):
        after += 1
    row = _row_of(seen, index, after)
    if not name or row is None or len(name) > MAX_NAME:
        return
    last = min(seen.spans[row][1], index + _MAX_RUNS)
    end = after
    while end < last and runs[end].line == runs[index].line and not _is_label(runs, end):
        end += 1
    if end == after:
        end = _next_part_end(seen, row, after, last)
    if end > after and not _is_label(runs, after) and not is_unfilled(runs[index].element, runs[after].element):
        yield SpecPair(name, seen.text(after, end), index, end, colon=True), row


def _row_of(seen: Visible, index: int, after: int) -> html.HtmlElement | None:
    """Return the smallest element that contains the label and a later run."""
    element: html.HtmlElement | None = seen.runs[index].element
    while element is not None:
        span = seen.spans.get(element)
        if span is not None and span[1] > after:
            return element
        element = element.getparent()
    return None


def _next_part_end(seen: Visible, row: html.HtmlElement, after: int, last: int) -> int:
    """Return the end of the part of ``row`` that starts with run ``after``, or the next label if it comes first."""
    end = after + 1
    element: html.HtmlElement | None = seen.runs[after].element
    while element is not None and element is not row:
        end = max(end, seen.spans[element][1])
        element = element.getparent()
    end = min(end, last)
    for index in range(after, end):
        if _is_label(seen.runs, index):
            return index
    return end


def parts_of(seen: Visible, element: html.HtmlElement) -> list[_Part]:
    """Return the parts of the text of an element: its child elements and the text between them."""
    start, end = seen.spans[element]
    parts: list[_Part] = []
    at = start
    for child in element:
        span = seen.spans.get(child)
        if span is None:
            continue
        if span[0] > at:
            parts.append((at, span[0], None))
        parts.append((*span, child))
        at = span[1]
    if at < end:
        parts.append((at, end, None))
    return parts


def paired_rows(seen: Visible) -> Iterator[tuple[SpecPair, html.HtmlElement]]:
    """Yield pairs without a colon from elements of two parts, the first a single run, each with its element."""
    for element, (start, end) in seen.spans.items():
        if end - start < 2 or end - start > 40:
            continue
        first = seen.runs[start]
        if len(first.text) > MAX_NAME or first.text[-1] in _COLON:
            continue
        parts = parts_of(seen, element)
        if len(parts) == 2 and parts[0][1] - parts[0][0] == 1 and parts[0][2] is not None:
            value = seen.text(parts[1][0], parts[1][1])
            filled = not is_unfilled(first.element, seen.runs[parts[1][0]].element)
            if filled and len(value) <= MAX_VALUE and value[0] not in _COLON:
                yield SpecPair(first.text, value, start, end, colon=False), element


_TITLES = frozenset(("h3", "h4", "h5", "h6", "strong", "b", "dt", "label"))


def alternating_pairs(seen: Visible) -> Iterator[tuple[SpecPair, html.HtmlElement]]:
    """Yield pairs of titles and the elements after them, if an element has at least three: ``h4 div h4 div``."""
    for element, (start, end) in seen.spans.items():
        if end - start < 6:
            continue
        titled = [child.tag for child in element if child.tag in _TITLES]
        if len(titled) < 3:
            continue
        parts = parts_of(seen, element)
        for part, following in pairwise(parts):
            alone = part[1] - part[0] == 1 and seen.runs[part[0]].line != seen.runs[following[0]].line
            value = following[2] is not None and not _is_title(following, titled[0])
            short = seen.letters(*following[:2]) <= MAX_VALUE * 2
            if alone and value and short and _is_title(part, titled[0]):
                yield _titled(seen, part, following), element


def _is_title(part: _Part, tag: str) -> bool:
    return part[2] is not None and part[2].tag == tag


def _titled(seen: Visible, title: _Part, following: _Part) -> SpecPair:
    return SpecPair(
        seen.runs[title[0]].text, seen.text(following[0], following[1]), title[0], following[1], colon=False
    )


Span = tuple[int, int]


def tables(seen: Visible) -> Iterator[SpecGroup]:
    """Yield tables whose rows mostly contain a name and a value, or several pairs.

    Tables with tables inside are layout, and tables of several columns are charts. A row of one cell is the title of
    a group and is left out.
    """
    for table in seen.spans:
        if table.tag == "table" and not any(inner in seen.spans for inner in table.iterdescendants("table")):
            pairs = _read_table(seen, table)
            if pairs:
                yield SpecGroup(tuple(pairs), table, "table")


def _read_table(seen: Visible, table: html.HtmlElement) -> list[SpecPair]:
    pairs: list[SpecPair] = []
    wide = 0
    for row in table.iter("tr"):
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        if row not in seen.spans or sum(cell in seen.spans for cell in cells) < 2:
            continue
        found = _read_row(seen, cells)
        if found:
            pairs += found
        else:
            wide += 1
    return pairs if wide * 2 <= len(pairs) else []


def _read_row(seen: Visible, cells: list[html.HtmlElement]) -> list[SpecPair]:
    """Read ``name value``, or ``name value name value`` if the names are marked up as labels."""
    filled = [cell for cell in cells if cell in seen.spans]
    if len(filled) == 2:
        found = _pair(seen, seen.spans[filled[0]], seen.spans[filled[1]])
        return [found] if found else []
    if len(filled) % 2 or not all(_is_label_cell(seen, cell) for cell in filled[::2]):
        return []
    if any(_is_label_cell(seen, cell) for cell in filled[1::2]):
        return []
    spans = [seen.spans[cell] for cell in filled]
    return [pair for name, value in zip(spans[::2], spans[1::2], strict=True) if (pair := _pair(seen, name, value))]


def _is_label_cell(seen: Visible, cell: html.HtmlElement) -> bool:
    names = (cell.get("class") or "").lower()
    return cell.tag == "th" or "label" in names or "name" in names or seen.text_of(cell)[-1] in ":："


def _pair(seen: Visible, name: Span, value: Span) -> SpecPair | None:
    if seen.letters(*name) > MAX_NAME * 3 or seen.letters(*value) > MAX_VALUE * 2:
        return None  # Unread, because each of several nested lists contains the text of all lists inside it.
    said = seen.text(*name)
    label, content = said.rstrip(":： "), seen.text(*value).lstrip(":： ")
    if not label or not content or len(label) > MAX_NAME * 2 or len(content) > MAX_VALUE:
        return None
    if is_unfilled(seen.runs[name[0]].element, seen.runs[value[0]].element):
        return None
    return SpecPair(label, content, name[0], value[1], colon=said[-1] in ":：")


def definition_lists(seen: Visible) -> Iterator[SpecGroup]:
    """Yield the pairs of definition lists. Lists of one pair each with the same parent form one group."""
    together: dict[html.HtmlElement, list[SpecPair]] = {}
    holders: dict[html.HtmlElement, html.HtmlElement] = {}
    for element in seen.spans:
        if element.tag != "dl":
            continue
        pairs = _read_list(seen, element)
        parent = element.getparent()
        lists = islice(parent.iterchildren("dl"), 2) if parent is not None else ()
        alone = len(pairs) == 1 and len(tuple(lists)) == 2
        key = parent if alone and parent is not None else element
        together.setdefault(key, []).extend(pairs)
        holders[key] = key
    for key, pairs in together.items():
        if pairs:
            yield SpecGroup(tuple(pairs), holders[key], "dl")


def _read_list(seen: Visible, element: html.HtmlElement) -> list[SpecPair]:
    """Pair each ``dt`` with the ``dd`` elements after it."""
    pairs: list[SpecPair] = []
    name: Span | None = None
    values: list[Span] = []
    for item in [*_own_items(element), None]:
        if item is not None and item.tag == "dd":
            if item in seen.spans:
                values.append(seen.spans[item])
            continue
        if name and values and (pair := _pair(seen, name, (values[0][0], values[-1][1]))):
            pairs.append(pair)
        name, values = (seen.spans.get(item) if item is not None else None), []
    return pairs


def _own_items(element: html.HtmlElement) -> Iterator[html.HtmlElement]:
    """Yield the ``dt`` and ``dd`` elements of a list, also inside wrappers, but not those of lists inside it."""
    walked = [iter(element)]
    while walked:
        for child in walked[-1]:
            if child.tag in ("dt", "dd"):
                yield child
            if child.tag != "dl":
                walked.append(iter(child))
                break
        else:
            walked.pop()


def spec_groups(seen: Visible) -> Iterator[SpecGroup]:
    """Yield the groups of names and values: tables and definition lists, lines with a colon, siblings of one shape."""
    marked = [*tables(seen), *definition_lists(seen)]
    yield from marked
    taken = {index for group in marked for pair in group.pairs for index in range(pair.start, pair.end)}
    labelled = [(pair, row) for pair, row in labelled_pairs(seen) if pair.start not in taken]
    names = {pair.start for group in marked for pair in group.pairs} | {pair.start for pair, _ in labelled}
    yield from _gather(seen, [found for found in labelled if _is_innermost(found[0], names)], least=1)
    taken.update(index for pair, _ in labelled for index in range(pair.start, pair.end))
    plain = [*alternating_pairs(seen), *paired_rows(seen)]
    rest = [found for found in plain if found[0].start not in taken]
    names.update(pair.start for pair, _ in rest)
    yield from _gather(seen, [found for found in rest if _is_innermost(found[0], names)], least=3)


def _is_innermost(pair: SpecPair, names: set[int]) -> bool:
    """Return whether the value of a pair contains no other name, which would make the pair the title of a section."""
    return not any(index in names for index in range(pair.start + 1, pair.end))


def _gather(seen: Visible, rows: Iterable[tuple[SpecPair, html.HtmlElement]], least: int) -> Iterator[SpecGroup]:
    """Group pairs of the same element, else of siblings, ignoring wrappers without other content."""
    inside: dict[html.HtmlElement, list[SpecPair]] = {}
    for pair, row in rows:
        inside.setdefault(row, []).append(pair)
    groups: dict[html.HtmlElement, list[SpecPair]] = {}
    for row, pairs in inside.items():
        groups.setdefault(row if len(pairs) > 1 else _holder(seen, row), []).extend(pairs)
    for holder, pairs in groups.items():
        if len(pairs) >= least:
            yield SpecGroup(tuple(pairs), holder, "list")


def _holder(seen: Visible, row: html.HtmlElement) -> html.HtmlElement:
    """Return the smallest element that contains a row and more."""
    span = seen.spans[row]
    element = row
    while (parent := element.getparent()) is not None and parent in seen.spans:
        if seen.spans[parent] != span:
            return parent
        element = parent
    return element


def find_specs(seen: Visible, groups: Sequence[SpecGroup], shop: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return names and values of the specifications as published, in page order, each pair once.

    Candidates are groups of pairs: rows of a table, a definition list, siblings of the same shape, lines with a
    colon. Each group is scored as a whole, because size charts, delivery terms, prices and reviews have the same
    shapes. A name of the shop, of which ``shop`` has the keys, is no value of a product unless it is its brand.
    """
    found: list[tuple[int, str, str]] = []
    for group in groups:
        pairs = [pair for pair in _properties(group) if _is_brand(pair.name) or key_of(pair.value) not in shop]
        if _score(seen, group, pairs) >= 1.0:
            found += [(pair.start, pair.name, pair.value) for pair in pairs]
    found.sort(key=lambda pair: pair[0])
    return list({(name.casefold(), value.casefold()): (name, value) for _, name, value in reversed(found)}.values())[
        ::-1
    ]


_AMOUNT = re.compile(
    rf"^\W*(?:US|C|A|HK|NT|R)?\s?(?:{SIGN}|{CODE})\s*\d[\d.,\s]*$"
    rf"|^\W*\d[\d.,\s]*(?:{SIGN}|{CODE}\b|{UNIT})"
)
_SIZE = re.compile(
    r"^(?:(?:\d?x{0,4}[sml]|x{1,4}l|one size|uk|us|eu|fr|it|de|jp|cm|inch)\b[\s/-]*)+[\d.,/\s-]*$"
    r"|^[\d.,/½¼¾\s-]+(?:cm|mm|m|in|inch|\"|kg|g)?$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\b(?:19|20)\d\d\b.*\d|^\d{1,2}[./:]\d{2}")
_NO_NAME = re.compile(r"[!?！？]$|^\d+[).]\s|^(?:[a-z]+(?:[A-Z][a-z]+)+|[a-z]+(?:_[a-z]+)+|https?)$|://|[{}<>=]")
_BRACKETS = re.compile(r"\([^)]*\)")
_CLAUSE = 7
"""Words, brackets aside, from which a name is a clause; the longest real name seen had six."""
_STEPPER = re.compile(r"^[-–−]\s*\+")
"""The buttons of a field for the quantity."""
_BEFORE_DECOY = re.compile(r"^(?:product|item|total|our|your|estimated|产品|商品|預計|预计)\s*")
_BEYOND_LATIN = "\u0370"
"""First character of scripts whose decoy words count anywhere in a name, as they are rarely part of another word."""
_MAX = 1.6
"""Highest score of the surroundings; property names weigh more."""
_LONGEST_HEADING = 500
"""Maximum characters of a heading; one that its page never closes is longer, and would be searched for every group."""
_ANCESTORS = 6
"""Number of enclosing elements whose class and id count; farther ones enclose too much."""


def _properties(group: SpecGroup) -> list[SpecPair]:
    """Return the pairs of a group without prices, delivery terms, sellers, sizes and names that are not words."""
    pairs = [pair for pair in group.pairs if _is_property(pair)]
    if group.kind == "list" and len(pairs) <= 2:
        # An id with its label next to the heading is not a list of properties.
        return [pair for pair in pairs if not as_a_whole("own_ids").fullmatch(squash(pair.name))]
    return pairs


def _is_property(pair: SpecPair) -> bool:
    name, value = pair.name, pair.value
    if not any(c.isalpha() for c in name) or not any(c.isalnum() or c in "+-✓✔✗×√" for c in value):
        return False
    if _NO_NAME.search(name) or _SIZE.match(name) or _DATE.search(name) or _is_decoy(name) or _is_clause(name):
        return False
    if _STEPPER.match(value) or squash(name) == squash(value):
        return False
    if is_template(name) or is_template(value) or is_command(name) or is_command(value):
        return False
    return not _AMOUNT.match(value) and not is_paragraph(value) and not is_delivery_note(value)


def _is_clause(name: str) -> bool:
    """Return whether a name is part of a sentence or of an offer: many words, an amount, or half a bracket."""
    words = len(_BRACKETS.sub(" ", name).split())
    return words >= _CLAUSE or name.count("(") != name.count(")") or MONEY.search(name) is not None


def _is_brand(name: str) -> bool:
    return as_a_whole("brands").fullmatch(squash(name)) is not None


def _is_decoy(name: str) -> bool:
    """Return whether a name starts with a word for prices, delivery or the like, or contains one beyond Latin."""
    found = anywhere("decoy_names").search(_BEFORE_DECOY.sub("", squash(name), count=1))
    return found is not None and (found.start() == 0 or found[0][0] >= _BEYOND_LATIN)


def _score(seen: Visible, group: SpecGroup, pairs: Sequence[SpecPair]) -> float:
    """Return the score of a group as specifications. A score of at least 1 is accepted.

    Known property names, a heading, class or id of specifications, a table or definition list, and short names
    raise the score. Other headings, long values and dropped rows lower it.
    """
    if not pairs:
        return -1.0
    known = sum(bool(anywhere("property_names").search(squash(pair.name))) for pair in pairs) / len(pairs)
    left_out = 1 - len(pairs) / len(group.pairs)
    score = 1.6 * known - 1.2 * left_out
    score += {"table": 0.4, "dl": 0.4, "list": 0.0}[group.kind]
    score += 0.2 if sum(pair.colon for pair in pairs) * 2 > len(pairs) else 0.0
    score += 0.3 if len(pairs) >= 4 else -0.3 if len(pairs) == 1 else 0.0
    context = _context(seen, group.container, pairs[0].start)
    if len(pairs) == 1 and group.kind == "list" and context < 0.8:
        return -1.0
    return score + context - _wordiness(pairs)


def _wordiness(pairs: Sequence[SpecPair]) -> float:
    """Return the penalty for long names and values, as in letters, questions and descriptions."""
    names = sum(len(pair.name.split()) > 7 or len(pair.name) > 45 for pair in pairs) / len(pairs)
    values = sum(len(pair.value) > 300 for pair in pairs) / len(pairs)
    return 1.5 * names + 1.0 * values


def _context(seen: Visible, container: html.HtmlElement, start: int) -> float:
    """Score the surroundings of a group: class and id of enclosing elements, and the headings in them before it.

    The nearest words decide. At equal distance, words against specifications prevail.
    """
    titles = [span for span in seen.headings if span[0] <= start][-3:]
    titles = [span for span in titles if seen.letters(*span) <= _LONGEST_HEADING]
    score = 0.0
    element: html.HtmlElement | None = container
    for step in range(_ANCESTORS):
        if element is None or element.tag in ("body", "html"):
            break
        names = words(f"{element.get('class', '')} {element.get('id', '')} {element.get('data-testid', '')}")
        first = seen.spans[element][0]
        inside = [seen.text(*span) for span in titles if span[0] >= first]
        if not score and (_says_decoy(names) or any(map(_names_decoy, inside[-1:]))):
            return -1.5 + 0.15 * step
        if _says_specs(names) or any(map(_says_specs, inside)):
            score = min(score + 1.0 - 0.1 * step, _MAX)
            titles = [span for span in titles if span[0] < first]
        element = element.getparent()
    return score


@lru_cache(maxsize=4096)
def _says_specs(names: str) -> bool:
    return len(names) > 2 and bool(anywhere("spec_places").search(squash(names)))


@lru_cache(maxsize=4096)
def _says_decoy(names: str) -> bool:
    return len(names) > 2 and bool(anywhere("decoy_places").search(squash(names)))


def _names_decoy(heading: str) -> bool:
    return len(heading) < 120 and _says_decoy(heading) and not _says_specs(heading)
