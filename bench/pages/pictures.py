"""Pictures of the page reader as SVG: risk against coverage, and observed against stated probability."""

from collections.abc import Mapping, Sequence

from reader.learning.teach import Prediction, reliability, risk_coverage

__all__ = ["reliability_picture", "risk_picture"]

_FIELDS = {
    "price": "#0072b2",
    "native_id": "#d55e00",
    "brand": "#cc79a7",
    "image_urls": "#009e73",
    "category": "#e69f00",
}
_FIELDS |= {"currency": "#56b4e9", "caption": "#000000"}
_COVERAGES = [step / 20 for step in range(1, 21)]
_WIDTH, _HEIGHT, _LEFT, _TOP = 480, 240, 44, 12
_MAX = 0.4
"""Largest risk shown."""
_FEWEST = 300
"""Predictions of a field from which its probabilities are shown."""

_Line = Sequence[tuple[float, float]]


def risk_picture(predictions: Sequence[Prediction]) -> str:
    """Plot the share of wrong answers against the share of pages that get an answer, the most certain first."""
    lines = {field: [*zip(_COVERAGES, risk_coverage(predictions, field, _COVERAGES), strict=True)] for field in _FIELDS}
    return _picture(lines, "share of pages that get an answer, the surest first", _MAX)


def reliability_picture(predictions: Sequence[Prediction]) -> str:
    """Plot the share of right answers against their mean stated probability, ten classes of it per field."""
    lines: dict[str, _Line] = {}
    for field in _FIELDS:
        if sum(one.example.field == field for one in predictions) >= _FEWEST:
            lines[field] = [(stated, right) for stated, right, _ in reliability(predictions, field)]
    diagonal = f'<path d="M{_x(0):.0f} {_y(0, 1):.0f}L{_x(1):.0f} {_y(1, 1):.0f}" stroke="#888" stroke-dasharray="4"/>'
    return _picture(lines, "probability that the reader states; dashed: as observed", 1.0, diagonal)


def _picture(lines: Mapping[str, _Line], label: str, most: float, extra: str = "") -> str:
    drawn = [_axes(label, most), extra]
    for place, (field, line) in enumerate(lines.items()):
        colour = _FIELDS[field]
        points = " ".join(f"{_x(x):.1f},{_y(y, most):.1f}" for x, y in line)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = _TOP + 14 + 16 * place
        drawn.append(f'<text x="{_LEFT + 14}" y="{y}" fill="{colour}">{field}</text>')
    size = f'viewBox="0 0 {_LEFT + _WIDTH + 16} {_TOP + _HEIGHT + 44}"'
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n' + "\n".join(filter(None, drawn)) + "\n</svg>\n"


def _axes(label: str, most: float) -> str:
    ticks = [f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="white" stroke="#888"/>']
    for step in range(5):
        share, height = step / 4, most * step / 4
        ticks.append(f'<text x="{_x(share):.0f}" y="{_TOP + _HEIGHT + 16}" text-anchor="middle">{share:.2f}</text>')
        ticks.append(f'<text x="{_LEFT - 6}" y="{_y(height, most) + 4:.0f}" text-anchor="end">{height:.2g}</text>')
    middle = _LEFT + _WIDTH / 2
    ticks.append(f'<text x="{middle:.0f}" y="{_TOP + _HEIGHT + 36}" text-anchor="middle">{label}</text>')
    return "\n".join(ticks)


def _x(share: float) -> float:
    return _LEFT + _WIDTH * share


def _y(height: float, most: float) -> float:
    return _TOP + _HEIGHT * (1 - min(height, most) / most)
