"""Which modalities are looked at: each alone, and one added after the other."""

from scale.settings import Modality

__all__ = ["combinations", "name_of"]

INITIALS = {"text": "T", "image": "I", "table": "Tab", "video": "V", "audio": "A"}


def combinations(streams: tuple[Modality, ...]) -> tuple[tuple[Modality, ...], ...]:
    """Return the rows of the papers' Tables 3 and 4: every modality by itself, then the first two, three and so on."""
    alone = [(name,) for name in streams]
    added = [streams[:count] for count in range(2, len(streams) + 1)]
    return (*alone, *added)


def name_of(modalities: tuple[Modality, ...]) -> str:
    """Return e.g. ``T + I + Tab``."""
    return " + ".join(INITIALS[name] for name in modalities)
