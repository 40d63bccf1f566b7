"""Random SELECTs over a small workspace, in which names are aliased, shadowed, correlated and nested."""

from collections.abc import Mapping, Sequence
from random import Random

import duckdb

from storage import Snapshot, Store
from tests.storage.synthetic import commit, ids, product, spec, table

__all__ = ["answers", "fill", "random_query", "whole_tables"]

_IDS = ids(5)
_ASKED = (*_IDS[:2], *_IDS[:2], *_IDS)
"""Products of conditions; few, so that conditions of one query agree."""
_COLUMNS: Mapping[str, Sequence[str]] = {
    "products": ("product_id", "source", "caption"),
    "specs": ("product_id", "property", "value", "property_norm", "value_norm", "unit", "position"),
    "duplicates": ("product_id", "group_id", "rule"),
    "spec_values": ("product_id", "property", "value"),
    "spec_numbers": ("product_id", "value", "unit", "position"),
    "ledger": ("product_id", "caption", "video"),
}
_JOINS = ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN")
_SET_OPERATIONS = ("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL")

Scope = Mapping[str, Sequence[str]]
"""Alias -> its columns."""


def fill(store: Store) -> Snapshot:
    """Commit five products in four buckets, with specifications, normalised values and duplicates."""
    lines = [spec(name, position, str(position)) for name in _IDS for position in range(3)]
    norms = [
        {
            "product_id": name,
            "position": position,
            "value_norm": f"{position}0",
            "unit": "mm",
            "number": position * 10.0,
        }
        for name in _IDS[::2]
        for position in (0, 2)
    ]
    names: dict[str, object] = {"source": "shop", "property": "colour", "lines": 27, "property_norm": "color"}
    names |= {"terms": [], "weights": [], "others": [], "agreement": []}
    groups = [
        {"product_id": name, "group_id": _IDS[at // 2], "rule": "alone", "kept": True, "size": 2}
        for at, name in enumerate(_IDS)
    ]
    return commit(
        store,
        {
            "products": table("products", [product(name, f"caption {name[-1]}") for name in _IDS]),
            "specs": table("specs", lines),
            "spec_norms": table("spec_norms", norms),
            "properties": table("properties", [names]),
            "duplicates": table("duplicates", groups),
        },
    )


def whole_tables(snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
    """Return a connection whose views show whole tables, with normalised values."""
    engine = snapshot.connection()
    engine.execute(snapshot.aligned_specs_view("specs"))
    return engine


def answers(snapshot: Snapshot, whole: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[str]]:
    """Return the sorted rows of a query: as the workspace answers, and as whole tables do."""
    own = snapshot.sql(query)
    rows = zip(*(column.to_pylist() for column in own.columns), strict=True)
    return sorted(map(repr, rows)), sorted(map(repr, whole.sql(query).fetchall()))


def random_query(random: Random) -> str:
    """Return a SELECT whose rows do not depend on their order."""
    return _Writer(random).query()


class _Writer:
    """Writes one query."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ctes: dict[str, Sequence[str]] = {}
        self._aliases = 0

    def query(self) -> str:
        ctes = []
        for name in self._random.sample(["a", "b", "c", "specs"], self._random.choice((0, 0, 0, 0, 1, 2))):
            body, columns = self._select({}, self._random.randint(0, 1))
            kind = self._random.choice(("", "MATERIALIZED ", "NOT MATERIALIZED "))
            ctes.append(f"{name} AS {kind}({body})")
            self._ctes[name] = columns
        body, columns = self._select({}, self._random.choice((1, 1, 1, 2)))
        if self._random.random() < 0.2:
            operation = self._random.choice(_SET_OPERATIONS)
            other = self._select_of(len(columns), 1)
            body = f"({body}) {operation} ({other})"
        return f"WITH {', '.join(ctes)} {body}" if ctes else body

    def _select(self, outer: Scope, depth: int) -> tuple[str, Sequence[str]]:
        """Return a SELECT with columns c0, c1, … or ``product_id``, and their names."""
        tables, inner = self._from(outer, depth)
        scope = {**outer, **inner}
        names = self._random.sample(("product_id", "value", "c0", "c1"), self._random.randint(1, 3))
        expressions = [self._expression(inner, scope, depth) for _ in names]
        where = f" WHERE {self._condition(scope, depth)}" if self._random.random() < 0.5 else ""
        end = ""
        if self._random.random() < 0.15:
            expressions[-1], end = "count(*)::VARCHAR", " GROUP BY ALL" if len(names) > 1 else ""
        elif self._random.random() < 0.15 and not any("(" in what for what in expressions):
            end = f" QUALIFY row_number() OVER (PARTITION BY {expressions[0]} ORDER BY {', '.join(expressions)}) = 1"
        elif self._random.random() < 0.15:
            end = f" ORDER BY ALL LIMIT {self._random.randint(1, 9)}"
        listed = ", ".join(f"{what} AS {name}" for what, name in zip(expressions, names, strict=True))
        return f"SELECT {listed} FROM {tables}{where}{end}", names

    def _select_of(self, columns: int, depth: int) -> str:
        """Return a SELECT with a number of columns."""
        while True:
            body, names = self._select({}, depth)
            if len(names) == columns:
                return body

    def _from(self, outer: Scope, depth: int) -> tuple[str, Scope]:
        tables, alias, columns = self._relation({}, depth)
        scope = {alias: columns}
        for _ in range(self._random.choice((0, 0, 0, 0, 1, 2))):
            how = self._random.random()
            if how < 0.2:
                body, columns = self._select({**outer, **scope}, depth - 1) if depth else self._select({}, 0)
                alias = self._alias()
                tables += f", LATERAL ({body}) {alias}"
            else:
                other, alias, columns = self._relation({}, depth - 1)
                if how < 0.35:
                    tables += f", {other}"
                elif (
                    how < 0.5 and all("product_id" in names for names in (*scope.values(), columns)) and len(scope) == 1
                ):
                    tables += f" JOIN {other} USING (product_id)"
                else:
                    join = self._random.choice(_JOINS)
                    both = {**scope, alias: columns}
                    on = self._condition(both, 0, other=alias)
                    tables += f" {join} {other} ON {on}"
                    if join in ("SEMI JOIN", "ANTI JOIN"):
                        continue
            scope[alias] = columns
        return tables, scope

    def _relation(self, outer: Scope, depth: int) -> tuple[str, str, Sequence[str]]:
        if depth > 0 and self._random.random() < 0.35:
            body, columns = self._select(outer, depth - 1)
            alias = self._alias()
            return f"({body}) {alias}", alias, columns
        known = {**_COLUMNS, **self._ctes}
        weights = [9 if name in ("products", "specs", "duplicates") else 2 if "_" in name else 1 for name in known]
        (name,) = self._random.choices([*known], weights)
        alias = self._alias()
        columns = known[name]
        if name in ("products", "duplicates") and name not in self._ctes and self._random.random() < 0.2:
            columns = ("c0", "product_id")  # the name of the key for another column
            return f"{name} {alias}({', '.join(columns)})", alias, columns
        return f"{name} {self._random.choice(('AS ', ''))}{alias}", alias, columns

    def _alias(self) -> str:
        """Return a fresh alias."""
        self._aliases += 1
        return f"t{self._aliases}"

    def _expression(self, inner: Scope, scope: Scope, depth: int) -> str:
        choice = self._random.random()
        if choice < 0.1:
            return f"'{self._random.choice(_IDS)}'"
        if depth and choice < 0.3:
            tables, found = self._from({}, 0)
            return f"(SELECT count(*)::VARCHAR FROM {tables} WHERE {self._condition({**scope, **found}, 0)})"
        if choice < 0.35:
            return f"{self._random.choice([*inner])}::VARCHAR"
        return f"{self._column(inner)}::VARCHAR"

    def _column(self, scope: Scope, preferred: str = "product_id") -> str:
        alias = self._random.choice([*scope])
        columns = scope[alias]
        name = preferred if preferred in columns and self._random.random() < 0.8 else self._random.choice([*columns])
        return f"{alias}.{name}"

    def _condition(self, scope: Scope, depth: int, other: str = "") -> str:
        parts = [self._comparison(scope, depth, other) for _ in range(self._random.choice((1, 1, 1, 2)))]
        if other:
            before = {name: columns for name, columns in scope.items() if name != other}
            parts.append(f"{self._column(before)}::VARCHAR = {self._column({other: scope[other]})}::VARCHAR")
        return self._random.choice((" AND ",) * 5 + (" OR ",)).join(parts)

    def _comparison(self, scope: Scope, depth: int, other: str) -> str:
        name, column = self._random.choice(_ASKED), f"{self._column(scope)}::VARCHAR"
        if depth and not other and self._random.random() < 0.15:
            return self._membership(scope, column)
        bare = self._column(scope)
        bare = f"{bare}::VARCHAR" if bare.endswith("position") else bare
        forms = {
            f"{bare} = '{name}'": 6,
            f"'{name}' = {bare}": 6,
            f"{column} IN ('{name}', '{self._random.choice(_IDS)}')": 2,
            f"{column} = {self._column(scope)}::VARCHAR": 2,
            f"NOT ({column} = '{name}')": 1,
            f"{column} IS NOT DISTINCT FROM '{name}'": 1,
            f"{column} > '{name}'": 2,
        }
        return self._random.choices([*forms], [*forms.values()])[0]

    def _membership(self, scope: Scope, column: str) -> str:
        tables, found = self._from({}, 0)
        condition = self._condition({**scope, **found}, 0)
        which = self._random.choice(("EXISTS", "NOT EXISTS", f"{column} IN", f"{column} NOT IN"))
        what = "*" if which.endswith("EXISTS") else f"{self._column(found)}::VARCHAR"
        return f"{which} (SELECT {what} FROM {tables} WHERE {condition})"
