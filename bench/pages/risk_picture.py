"""Risk-coverage curves of the page reader as an SVG."""

from collections.abc import Sequence

from reader.learning.teach import Prediction, risk_coverage

__all__ = ["risk_picture"]

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
_MOST = 0.4
"""Largest risk shown."""


def risk_picture(predictions: Sequence[Prediction]) -> str:
    """Plot the share of wrong answers against the share of pages that get an answer, the most certain first."""
    lines = [_axes()]
    for place, (field, colour) in enumerate(_FIELDS.items()):
        risks = risk_coverage(predictions, field, _COVERAGES)
        points = " ".join(f"{_x(c):.1f},{_y(r):.1f}" for c, r in zip(_COVERAGES, risks, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = _TOP + 14 + 16 * place
        lines.append(f'<text x="{_LEFT + 14}" y="{y}" fill="{colour}">{field}</text>')
    size = f'viewBox="0 0 {_LEFT + _WIDTH + 16} {_TOP + _HEIGHT + 44}"'
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n' + "\n".join(lines) + "\n</svg>\n"


def _axes() -> str:
    ticks = [f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="white" stroke="#888"/>']
    for step in range(5):
        share, risk = step / 4, _MOST * step / 4
        ticks.append(f'<text x="{_x(share):.0f}" y="{_TOP + _HEIGHT + 16}" text-anchor="middle">{share:.2f}</text>')
        ticks.append(f'<text x="{_LEFT - 6}" y="{_y(risk) + 4:.0f}" text-anchor="end">{risk:.1f}</text>')
    middle = _LEFT + _WIDTH / 2
    label = "share of pages that get an answer, the surest first"
    ticks.append(f'<text x="{middle:.0f}" y="{_TOP + _HEIGHT + 36}" text-anchor="middle">{label}</text>')
    return "\n".join(ticks)


def _x(share: float) -> float:
    return _LEFT + _WIDTH * share


def _y(risk: float) -> float:
    return _TOP + _HEIGHT * (1 - min(risk, _MOST) / _MOST)
