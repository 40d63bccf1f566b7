"""The decision table in docs/usage-rights.md equals that in the code."""

from collections.abc import Iterator
from pathlib import Path

from core.usage import Meaning
from crawler.rights.signals import CONTENT_SIGNALS, CONTENT_USAGES, DIRECTIVES

PAGE = Path(__file__).parents[3] / "docs/usage-rights.md"
CELLS = {"": "unknown", "−": "refused", "+": "allowed"}


def _documented() -> Iterator[tuple[str, str, Meaning]]:
    signal = ""
    text = PAGE.read_text(encoding="utf-8")
    for line in text[text.index("| signal | value |") : text.index("`rsl` means")].splitlines()[2:]:
        name, value, *verdicts = (cell.strip().strip("`") for cell in line.strip("|").split("|")) if line else ("", "")
        signal = name or signal
        if verdicts:
            yield signal, value, Meaning(*(CELLS[one] for one in verdicts))  # type: ignore[arg-type]


def test_the_decision_table() -> None:
    named = {
        **{("content-signal", "=".join(key)): meaning for key, meaning in CONTENT_SIGNALS.items()},
        **{("content-usage", "=".join(key)): meaning for key, meaning in CONTENT_USAGES.items()},
        **{(name, ""): meaning for name, meaning in DIRECTIVES.items()},
    }
    assert {(name, value): meaning for name, value, meaning in _documented()} == named
