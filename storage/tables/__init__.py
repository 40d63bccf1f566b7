"""All tables, each with its columns, key and partitions."""

from collections.abc import Iterator, Mapping

from core.modalities import modality_tables
from core.table_spec import TableSpec
from storage.tables.catalogue import HISTORY, MEDIA, OBJECTS, PRODUCTS, REJECTS, SPECS, USAGE_RIGHTS, VARIANTS
from storage.tables.dataset import CANDIDATES, JUDGEMENTS, MATCHES, RECIPES, RESERVE, SPLITS
from storage.tables.derived import (
    AUDIO,
    DUPLICATE_PAIRS,
    DUPLICATES,
    FINGERPRINTS,
    FRAMES,
    IMAGE_TEXT,
    IMAGES,
    LABEL_MAP,
    LABEL_PAIRS,
    LABELS,
    PROPERTIES,
    REGIONS,
    SPEC_NORMS,
    SPEC_PROPOSALS,
    TARGETS,
    TEXTS,
)

__all__ = ["TABLES"]

_FIXED: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        PRODUCTS,
        SPECS,
        VARIANTS,
        MEDIA,
        HISTORY,
        USAGE_RIGHTS,
        FRAMES,
        AUDIO,
        IMAGES,
        IMAGE_TEXT,
        REGIONS,
        TEXTS,
        DUPLICATES,
        DUPLICATE_PAIRS,
        FINGERPRINTS,
        LABEL_MAP,
        LABEL_PAIRS,
        TARGETS,
        LABELS,
        PROPERTIES,
        SPEC_NORMS,
        SPEC_PROPOSALS,
        RESERVE,
        CANDIDATES,
        JUDGEMENTS,
        MATCHES,
        SPLITS,
        RECIPES,
        REJECTS,
        OBJECTS,
    )
}


class _Tables(Mapping[str, TableSpec]):
    """The fixed tables, then those that modalities declare."""

    def __getitem__(self, name: str) -> TableSpec:
        return _FIXED.get(name) or _declared()[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*_FIXED, *_declared()))

    def __len__(self) -> int:
        return len(_FIXED) + len(_declared())


def _declared() -> dict[str, TableSpec]:
    """Return the tables of modalities by name.

    Raises:
        ValueError: One has the name of a fixed table.
    """
    specs = {spec.name: spec for spec in modality_tables()}
    if taken := sorted(_FIXED.keys() & specs.keys()):
        raise ValueError(f"The table {taken[0]} exists already. Give the modality's table another name.")
    return specs


TABLES: Mapping[str, TableSpec] = _Tables()
"""Name -> table, in pipeline order."""
