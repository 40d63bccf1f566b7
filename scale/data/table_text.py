"""A specification table as one row of tokens, each knowing which property or value it is part of."""

from collections.abc import Sequence

from scale.data.tokens import CLS, SEP, Vocabulary

__all__ = ["table_tokens"]


def table_tokens(specs: Sequence[tuple[str, str]], vocabulary: Vocabulary, limit: int) -> tuple[list[int], list[int]]:
    """Return ids and parts of a table: [CLS] name value [SEP] name value [SEP] …, cut at ``limit``.

    A token's part is 1 + 2 i in the name of row i, 2 + 2 i in its value, and 0 elsewhere.
    """
    ids, parts = [CLS], [0]
    for row, pair in enumerate(specs):
        for side, text in enumerate(pair):
            pieces = vocabulary.encode(text)
            ids += pieces
            parts += [1 + 2 * row + side] * len(pieces)
        ids.append(SEP)
        parts.append(0)
        if len(ids) >= limit:
            break
    return ids[:limit], parts[:limit]
