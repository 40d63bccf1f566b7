"""Property values stated by the text in images, found by name, by place in a table, or by unit."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal

from align.properties import fold_property
from align.values import normal_value

__all__ = ["ImageLine", "PropertyNames", "ProposedValue", "common_names", "propose_values"]

Rule = Literal["named", "row", "unit", "size"]
_LONGEST_NAME, _LONGEST_VALUE = 24, 60
_MIN_CONFIDENCE = 0.8
_MIN_ROWS = 2
"""Minimum rows of names and values that count as a table if the names do not end in colons."""
_COLON = re.compile(r"\s*[:：]\s*|】\s*[:：]?\s*")
_LAST_SPACED = "\u2e7f"
"""Characters up to this one are signs, or belong to scripts written with spaces."""
_MARKS = " \t:：·•■●◆▪*|【】[]-—_"
_ENDS = " ,，;；|/、。.·【[(（"
_UNFINISHED = re.compile(r".*(?:[,，、/&和及与—-]|[^\d+]\+)\s*", re.DOTALL)
"""Values that continue on the next line."""
_NO_VALUE = re.compile(
    r"(?:如图|见图|见下|见包装|见详情|详见|参考|请|欢迎|咨询|可定制|任选|支持"
    r"|see\b|refer|as shown|contact|ask\b|please|choose|select|n/?a$|无$|[-—_.…]+$)|.*(?:[?？!！〈]|\.\.\.|…)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[约≈~]?\s*\d")
_SIZE = re.compile(
    r"(?:约\s?)?\d+(?:\.\d+)?\s*(?:mm|cm|m|in|inch|毫米|厘米|米|英寸)?(?:\s*[x×*X]\s*\d+(?:\.\d+)?\s*(?:mm|cm|m|in|inch|毫米|厘米|米|英寸)?){1,2}",
    re.IGNORECASE,
)
_LENGTH_UNIT = re.compile(r"(?:mm|cm|m|in|inch|毫米|厘米|米|英寸)$", re.IGNORECASE)
_OF_UNIT: Mapping[str, tuple[str, ...]] = {
    "ml": ("容量", "净含量"),
    "W": ("功率",),
    "V": ("电压",),
    "mAh": ("电池容量",),
}
"""Unit -> common names for a number that stands alone; the shop must use exactly one of them."""


@dataclass(frozen=True, slots=True)
class ImageLine:
    """A line of text in an image of a product."""

    position: int
    """Position of the image."""
    line: int
    """Position of the line in the image."""
    text: str
    confidence: float
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class ProposedValue:
    """A property value that an image states."""

    line: ImageLine
    """Line that contains the value."""
    property: str
    """Name as the shop spells it, else as in the common list, else as in the image."""
    value: str
    rule: Rule


@dataclass(frozen=True)
class PropertyNames:
    """The property names of one shop and of all shops together."""

    shared: Mapping[str, str]
    """Folded name -> shared name, from all shops' tables."""
    own: frozenset[str]
    """Names that the shop itself uses."""

    def known(self, name: str) -> bool:
        """Return whether a text is the name of a property."""
        folded = fold_property(name) if 0 < len(name) <= _LONGEST_NAME else ""
        return folded in self.shared or folded in common_names()

    def key(self, name: str) -> str:
        """Return the key that synonymous names share: the common name, else the shared name."""
        folded = fold_property(name)
        shared = self.shared.get(folded, name)
        return common_names().get(folded) or common_names().get(fold_property(shared)) or fold_property(shared)

    def spelt(self, name: str) -> str:
        """Return a name as the shop or the common list spells it, because OCR confuses 净 and 凈."""
        return self._spellings.get(fold_property(name), name)

    @cached_property
    def _spellings(self) -> Mapping[str, str]:
        return {**_common_spellings(), **{fold_property(name): name for name in sorted(self.own)}}

    def own_name(self, common: Iterable[str]) -> str | None:
        """Return the one of these common names that the shop uses; None if it uses none or several."""
        used = {self.key(name): name for name in sorted(self.own) if self.key(name) in common}
        return next(iter(used.values())) if len(used) == 1 else None


@cache
def common_names() -> Mapping[str, str]:
    """Return folded name -> the first name of its line in ``words/properties.txt``, where each line lists synonyms."""
    return {fold_property(name): group[0] for group in _groups() for name in group}


@cache
def _common_spellings() -> Mapping[str, str]:
    return {fold_property(name): name for group in _groups() for name in group}


def _groups() -> list[list[str]]:
    lines = files("align").joinpath("words/properties.txt").read_text(encoding="utf-8").splitlines()
    return [[name.strip() for name in line.split(",")] for line in lines if line and not line.startswith("#")]


def propose_values(lines: Iterable[ImageLine], names: PropertyNames, stated: Iterable[str]) -> list[ProposedValue]:
    """Return the values that a product's images state and its specification table lacks.

    A property that the table has under any name is left out, whatever its value; so is one for which the images state
    several values, as they do for the variants of a product.

    Args:
        lines: Text in the product's images, without contact details, watermarks and slogans.
        names: The shop's property names.
        stated: Property names of the product's own table.
    """
    by_image: defaultdict[int, list[ImageLine]] = defaultdict(list)
    for line in lines:
        if line.confidence >= _MIN_CONFIDENCE:
            by_image[line.position].append(line)
    found: defaultdict[str, list[ProposedValue]] = defaultdict(list)
    for image in by_image.values():
        for proposal in _in_image(image, names):
            found[names.key(proposal.property)].append(replace(proposal, property=names.spelt(proposal.property)))
    lacking = found.keys() - {names.key(name) for name in stated}
    return [found[key][0] for key in sorted(lacking) if len({_normal(one) for one in found[key]}) == 1]


def _in_image(lines: Sequence[ImageLine], names: PropertyNames) -> Iterator[ProposedValue]:
    rest = []
    for line in lines:
        pairs = [(name, value) for name, value in _pairs(line.text, names) if _is_value(value, names)]
        yield from (ProposedValue(line, name, value, "named") for name, value in pairs)
        if not pairs:
            rest.append(line)
    rows = list(_rows(rest, names))
    for _, value, proposal in rows:
        if proposal is not None and _is_value(proposal.value, names):
            yield proposal
            rest.remove(value)
    yield from _alone(rest, names)


def _pairs(text: str, names: PropertyNames) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a line: ``材质：棉 产地：中国``, ``容量 500ml``."""
    found: list[tuple[int, int, str]] = []
    for colon in _COLON.finditer(text):
        name = _name_before(text[: colon.start()], names, later=bool(found))
        if name:
            found.append((colon.start() - len(name), colon.end(), name))
    ends = [start for start, _, _ in found[1:]] + [len(text)]
    for (_, start, name), end in zip(found, ends, strict=False):
        if end < len(text) or not _UNFINISHED.fullmatch(text[start:end]):
            yield name, text[start:end].strip(_ENDS)
    if not found:
        yield from _name_and_number(text.strip(_MARKS), names)


def _name_before(text: str, names: PropertyNames, *, later: bool) -> str | None:
    """Return the longest name at the end of a text that starts the text or follows a separator.

    A later name of a line may directly follow Chinese characters, because OCR loses spaces: ``材质：纯棉产地：中国``.
    """
    for start in range(max(0, len(text) - _LONGEST_NAME), len(text)):
        name = text[start:]
        glued = start > 0 and text[start - 1].isalnum() and name[0].isalnum()
        may_be_glued = later and len(name) > 1 and name[0] > _LAST_SPACED
        if name[0] not in _MARKS and (may_be_glued or not glued) and names.known(name):
            return name
    return None


def _name_and_number(text: str, names: PropertyNames) -> Iterator[tuple[str, str]]:
    """Yield a name with the number and unit, or the size, right after it."""
    for end in range(min(_LONGEST_NAME, len(text) - 1), 1, -1):
        name, value = text[:end].strip(), text[end:].strip()
        if _NUMBER.match(value) and not text[end - 1].isdigit() and names.known(name):
            if normal_value(value, name).unit is not None or _is_size(value):
                yield name, value
            return


def _rows(
    lines: Sequence[ImageLine], names: PropertyNames
) -> Iterator[tuple[ImageLine, ImageLine, ProposedValue | None]]:
    """Yield each name with the line to its right, in tables of names and values."""
    pairs = []
    for line in lines:
        name = line.text.strip(_MARKS)
        right = _right_of(line, lines) if names.known(name) else None
        if right is not None and not names.known(right.text.strip(_MARKS)):
            pairs.append((line, right, ProposedValue(right, name, right.text.strip(_ENDS), "row")))
    for name_line, value, proposal in pairs:
        if len(pairs) >= _MIN_ROWS or name_line.text.rstrip().endswith((":", "：")):
            yield name_line, value, proposal


def _right_of(line: ImageLine, lines: Sequence[ImageLine]) -> ImageLine | None:
    """Return the nearest line to the right in the same row."""
    middle = (line.top + line.bottom) / 2
    row = [
        other
        for other in lines
        if other.left >= line.right
        and other.top <= middle <= other.bottom
        and line.top <= (other.top + other.bottom) / 2 <= line.bottom
    ]
    return min(row, key=lambda other: other.left, default=None)


def _alone(lines: Sequence[ImageLine], names: PropertyNames) -> Iterator[ProposedValue]:
    """Yield sizes and numbers that stand alone, under the one name that the shop has for them."""
    for line in lines:
        text = line.text.strip(_MARKS)
        if _is_size(text) and (name := names.own_name({"尺寸"})):
            yield ProposedValue(line, name, text, "size")
        elif (unit := normal_value(text).unit) in _OF_UNIT and (name := names.own_name(_OF_UNIT[unit or ""])):
            yield ProposedValue(line, name, text, "unit")


def _is_size(text: str) -> bool:
    return _SIZE.fullmatch(text) is not None and _LENGTH_UNIT.search(text) is not None


def _is_value(value: str, names: PropertyNames) -> bool:
    return (
        0 < len(value) <= _LONGEST_VALUE
        and any(character.isalnum() for character in value)
        and not _UNFINISHED.fullmatch(value)
        and not _NO_VALUE.match(value)
        and not names.known(value)
    )


def _normal(proposal: ProposedValue) -> tuple[str, str | None]:
    normal = normal_value(proposal.value, proposal.property)
    return "".join(normal.text.casefold().split()), normal.unit
