"""All tables, each with its columns, key and partitions."""

from storage.engine import bucket_of, bucket_sql
from storage.tables.catalogue import MEDIA, OBJECTS, PRODUCTS, REJECTS, SPECS
from storage.tables.dataset import CANDIDATES, JUDGEMENTS, MATCHES, RECIPES, RESERVE, SPLITS
from storage.tables.derived import AUDIO, DUPLICATE_PAIRS, DUPLICATES, FRAMES, IMAGES, REGIONS, TEXTS
from storage.tables.labels import LABEL_MAP, LABEL_PAIRS, LABELS, SPEC_NORMS
from storage.tables.spec import Column, Partition, TableSpec

__all__ = ["TABLES", "Column", "Partition", "TableSpec", "bucket_of", "bucket_sql"]

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
        TEXTS,
        DUPLICATES,
        DUPLICATE_PAIRS,
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
