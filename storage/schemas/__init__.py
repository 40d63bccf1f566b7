"""Every table: its columns with their meaning, its key, its partitions."""

from storage.schemas.annotation import CANDIDATES, JUDGEMENTS, MATCHES
from storage.schemas.bookkeeping import OBJECTS, REJECTS
from storage.schemas.catalogue import MEDIA, PRODUCTS, SPECS
from storage.schemas.column import Column, TableSpec
from storage.schemas.dataset import RECIPES, RESERVE, SPLITS
from storage.schemas.derived import AUDIO, DUPLICATES, FRAMES, IMAGES, REGIONS
from storage.schemas.labels import LABEL_MAP, LABEL_PAIRS, LABELS, SPEC_NORMS

__all__ = ["TABLES", "Column", "TableSpec"]

TABLES: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        PRODUCTS,
        SPECS,
        MEDIA,
        FRAMES,
        AUDIO,
        IMAGES,
        REGIONS,
        DUPLICATES,
        LABEL_MAP,
        LABEL_PAIRS,
        LABELS,
        SPEC_NORMS,
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
"""Name -> table, in the order of a product's journey."""
