"""The digest of a recipe's splits, by which published splits are recognised."""

import duckdb

__all__ = ["digest_splits"]


def digest_splits(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return split -> number of rows and the exclusive or of their md5, which is independent of their order.

    Args:
        connection: DuckDB with ``relation``.
        relation: A table or view with the columns of ``splits.build``.
    """
    row = "product_id, role, coalesce(label, chr(30)), label_level, group_id, image_position"
    query = f"""
        SELECT split, count(*) || ':' || bit_xor(md5_number(concat_ws(chr(31), {row})))
        FROM {relation} GROUP BY split ORDER BY split
    """  # noqa: S608
    return {str(split): str(digest) for split, digest in connection.sql(query).fetchall()}
