"""Reader of products of the newest dataset version, with a cache of cards."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from storage import Snapshot, Store
from webapp.catalogue.product_card import TABLES, ProductCard, read_cards

__all__ = ["ProductReader"]

_CARDS = 2000
"""Cards in the cache: usually 3 KB each, at worst 150 KB."""
_SEARCHED = (*TABLES, "labels", "splits", "duplicates")


class ProductReader:
    """Reads products; thread-safe, one thread at a time. Every method may block for milliseconds to a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._cards: OrderedDict[str, ProductCard] = OrderedDict()

    def cards(self, ids: Sequence[str]) -> dict[str, ProductCard]:
        """Return the cards of the products that exist; recent ones come from the cache."""
        with self.reading() as engine:
            lacking = [one for one in dict.fromkeys(ids) if one not in self._cards]
            if lacking:
                self._cards.update(read_cards(engine, lacking))
            found = {one: self._cards[one] for one in ids if one in self._cards}
            for one in found:
                self._cards.move_to_end(one)
            while len(self._cards) > _CARDS:
                self._cards.popitem(last=False)
            return found

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection with the tables of cards, labels, splits and duplicates."""
        with self._turn:
            self._renew()
            if self._engine is None:
                self._engine = self.snapshot.connection(only=_SEARCHED)
            yield self._engine

    @property
    def snapshot(self) -> Snapshot:
        """The dataset version that was read last."""
        if self._snapshot is None:
            self._snapshot = self._store.snapshot()
        return self._snapshot

    def newest(self) -> Snapshot:
        """Return the newest dataset version."""
        with self._turn:
            self._renew()
            return self.snapshot

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._forget()

    def _renew(self) -> None:
        """Switch to a newer version if there is one, because a take-down may have removed data of the old one."""
        newest = self._store.snapshot()
        if newest.number != self.snapshot.number:
            self._forget()
            self._snapshot = newest

    def _forget(self) -> None:
        self._cards.clear()
        if self._engine is not None:
            self._engine.close()
            self._engine = None
