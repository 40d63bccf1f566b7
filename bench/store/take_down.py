"""Take-down of one merchant in a workspace of ``bench.store.workspace``, and a search for anything left of it.

    python -m bench.store.take_down FOLDER [MERCHANT]

The search is for ids, URLs, captions, objects and the merchant's hash: as values in every text column of every Parquet
file of any version, and as bytes in every file, including Delta logs, footers and SQLite's pages.
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from bench.store.timing import run_command
from core.contacts import hash_merchant
from core.engine import open_engine, quote
from storage import Store
from storage.identity import load_or_create_key
from storage.tables.data_files import file_sql

_KNOWN_BY = """
    WITH own AS (SELECT * FROM products WHERE merchant = $1)
    SELECT unnest([product_id, url, caption, merchant]) FROM own
    UNION SELECT unnest([url, sha256]) FROM media WHERE product_id IN (SELECT product_id FROM own)
"""


def known_by(folder: Path, merchant: str) -> list[str]:
    """Return the words that identify a merchant in the newest version; captions only if no other merchant has them."""
    hashed = hash_merchant(merchant, load_or_create_key(folder))
    query = f"""
        SELECT * FROM ({_KNOWN_BY}) AS known(word) WHERE word IS NOT NULL
            AND word NOT IN (SELECT caption FROM products WHERE merchant <> $1 AND caption IS NOT NULL)
    """
    return [str(word) for word in Store.open(folder).snapshot().sql(query, [hashed])["word"].to_pylist()]


def places(folder: Path, words: list[str]) -> Iterator[str]:
    """Yield the files that hold one of the words."""
    patterns = [word.encode() for word in words]
    with closing(open_engine()) as engine:
        engine.register("words", pa.table({"word": words}))
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            data = path.read_bytes()
            if any(pattern in data for pattern in patterns):
                yield f"{path}: bytes"
            if path.suffix == ".parquet":
                columns = engine.execute(f"DESCRIBE FROM {file_sql(path)}").fetchall()
                found = " OR ".join(f"{quote(name)} IN (FROM words)" for name, kind, *_ in columns if kind == "VARCHAR")
                if engine.execute(f"SELECT 1 FROM {file_sql(path)} WHERE {found or False} LIMIT 1").fetchall():
                    yield f"{path}: rows"


def main() -> None:
    """Search, take the merchant down, and search again."""
    folder, merchant = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "m0001200"
    words = known_by(folder, merchant)
    before = len(list(places(folder, words)))
    print(f"{merchant}: {len(words)} words, in {before} files", flush=True)
    run = run_command(["forget", "--merchant", merchant, "-w", str(folder)])
    print(f"{run.output}\nforget: {run.seconds:.1f} s, {run.peak:.2f} GB", flush=True)
    left = list(places(folder, words))
    print("\n".join(left) or "nothing left anywhere")
    sys.exit(bool(left) or not before)


if __name__ == "__main__":
    main()
