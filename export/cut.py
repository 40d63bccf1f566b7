"""What is cut out of shards."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = ["Cut"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Products, and the names of groups that were theirs."""

    products: Collection[str]
    groups: Mapping[str, str]
    """Group or label that is called after a product -> its new name."""

    def names(self, product_id: object) -> bool:
        """Tell whether a sample goes."""
        return product_id in self.products

    def touches(self, product_id: object, group_id: object, label: object) -> bool:
        """Tell whether a sample goes or changes."""
        return self.names(product_id) or group_id in self.groups or label in self.groups
