"""The review sheet of a tree: categories whose node is uncertain, most uncertain first."""

from contextlib import closing

import pyarrow as pa

from align.category import Category
from align.review import EffectiveDecisions, UncertainPair
from align.review.sheet import read_examples
from align.similarity import label_similarity
from core.errors import UsageError
from storage import Snapshot

__all__ = ["uncertain_targets"]

_UNDECIDED = """
FROM targets ANTI JOIN decided USING (source, path)
WHERE target = ? AND rule NOT LIKE 'person:%' ORDER BY probability, source, path LIMIT ?
"""
_DECIDED = pa.schema([("source", pa.string()), ("path", pa.string())])


def uncertain_targets(
    snapshot: Snapshot, decided: EffectiveDecisions, tree: str, *, limit: int = 100, examples: int = 5
) -> list[UncertainPair]:
    """Return the categories of the last alignment with their node in a tree, most uncertain first.

    Args:
        snapshot: Dataset version.
        decided: Decisions of people; decided categories are excluded at once, before the next alignment.
        tree: Name of the tree.
        limit: Maximum number of categories.
        examples: Maximum number of products of each.

    Raises:
        UsageError: The last alignment had no such tree.
    """
    with closing(snapshot.connection(("targets", "products"))) as connection:
        names = [name for (name,) in connection.execute("SELECT DISTINCT target FROM targets ORDER BY 1").fetchall()]
        if tree not in names:
            known = ", ".join(names) or "none"
            raise UsageError(
                f"the last alignment has no tree {tree} (it has {known}). Set align.onto, run m5data align."
            )
        keys = [{"source": one.source, "path": one.text} for one, name in decided.targets if name == tree]
        connection.register("decided", pa.Table.from_pylist(keys, schema=_DECIDED))
        query = f"SELECT * {_UNDECIDED}"
        rows = connection.sql(query, params=[tree, limit]).to_arrow_table().to_pylist()
        shown = read_examples(connection, [Category(row["source"], tuple(row["category"])) for row in rows], examples)
    found = []
    for row in rows:
        a, b = Category(row["source"], tuple(row["category"])), Category(tree, tuple(row["node_path"]))
        found.append(
            UncertainPair(
                a,
                b,
                s_label=label_similarity(a.path[-1], b.path[-1]),
                s_content=0.0,
                probability=row["probability"],
                relation="same",
                merged=False,
                doubt=1 - row["probability"],
                evidence=(*row["evidence"], *(f"or {other}" for other in row["alternatives"])),
                examples_a=shown.get(a, ()),
                examples_b=(),
            )
        )
    return found
