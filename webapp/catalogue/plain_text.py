"""Text of strangers, made fit to be looked at."""

__all__ = ["plain"]

_CONTROLS = dict.fromkeys({*range(32), *range(127, 160), *range(0xD800, 0xE000)} - {9, 10}, "\ufffd")


def plain(text: str, longest: int) -> str:
    """Return at most ``longest`` characters of a text, control characters shown as U+FFFD.

    Markup stays as it is: pages show it as text. A text that is cut ends in ``…``. Signs that turn the direction
    of writing stay too: pages isolate each text (HTML ``bdi``).
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return cut.translate(_CONTROLS)
