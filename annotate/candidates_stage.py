"""The stage ``candidates``: the listings most similar to each query."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.candidates.encoders import Listing, Vectors, load_encoder
from annotate.candidates.feature_file import FeatureFile, Rows
from annotate.candidates.search import Neighbours, build_inverted_file, count_lists, count_probes, search_exactly
from annotate.candidates.vectors import Encoded, encode_elsewhere, encode_here
from annotate.settings import CandidateSettings
from core.engine import open_engine
from core.errors import DataError, MissingInputError
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from core.table_spec import Partition
from storage import Snapshot, Stage, Store
from storage.tables import TABLES
from storage.tasks import Runner

__all__ = ["run"]

_READS = ("products", "specs", "images", "labels", "duplicates", "reserve")
_QUERIES = 4096
_SAMPLE = 256
"""Queries on which the recall of an approximate search is measured."""

Search = Callable[[Vectors, int], Neighbours]


def run(
    store: Store,
    settings: CandidateSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
    runner: Runner | None = None,
) -> StageReport:
    """Sample queries from the reserve and find the best candidates of each in the reserve.

    All held-out products are read and kept; each can be a query or a candidate.

    Args:
        store: The workspace's store.
        settings: The encoder, the queries and the search.
        clock: Unused: candidates have no times.
        progress: Advanced for every encoded product.
        runner: Runs the encoding elsewhere; None: this process encodes.

    Raises:
        MissingInputError: The table ``reserve`` or the checkpoint does not exist.
        SettingsError: The encoder is unknown or lacks a setting.
        DataError: No category is large enough.
    """
    del clock
    began = time.monotonic()
    with store.stage("candidates", settings=_digest(settings), reads=_READS) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "reserve" not in stage.before.tables:
            raise MissingInputError("candidates: the table reserve is missing. Run m5data build-splits first.")
        products = held_out_products(stage.before)
        queries = sample_queries(products, settings)
        progress.start("candidates", products.num_rows)
        staging = store.root / "staging"
        staging.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=staging) as folder:
            _work(stage, store, settings, products["product_id"], queries, Path(folder), progress, runner)
        progress.finish()
        count = products.num_rows
        return stage.commit(StageReport("candidates", count, count, {}, time.monotonic() - began))


def _digest(settings: CandidateSettings) -> str:
    """Return a hash of the settings and of the model file, if any, so that a retrained model counts as changed."""
    if settings.encoder != "scale" or settings.checkpoint is None:
        return settings.digest()
    try:
        with settings.checkpoint.open("rb") as file:
            return f"{settings.digest()}-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    except OSError as error:
        raise MissingInputError(
            f"annotate.candidates.checkpoint: {settings.checkpoint} cannot be read ({error.strerror}). "
            "Run m5data train, or correct the path."
        ) from None


def _work(
    stage: Stage,
    store: Store,
    settings: CandidateSettings,
    ids: pa.ChunkedArray,
    queries: Rows,
    folder: Path,
    progress: Progress,
    runner: Runner | None,
) -> None:
    encoder = load_encoder(settings)
    place = {product: row for row, product in enumerate(ids.to_pylist())}
    listings = read_listings(stage.before, frozenset(place), description=settings.description)
    with FeatureFile(folder / "features", encoder.dimensions) as features:

        def keep(encoded: Encoded) -> None:
            for product, vector in zip(*encoded, strict=True):
                features.write(place[product], vector[None])
            progress.advance(len(encoded[0]))

        if runner is None:
            for encoded in encode_here(listings, settings, encoder, store.objects.read):
                keep(encoded)
        else:
            encode_elsewhere(stage, store.objects.index, listings, settings, _digest(settings), runner, keep)
        features.count = len(place)
        _search(stage, settings, features, ids, queries, folder)


def _search(
    stage: Stage,
    settings: CandidateSettings,
    features: FeatureFile,
    ids: pa.ChunkedArray,
    queries: Rows,
    folder: Path,
) -> None:
    """Write the pairs to files, a few thousand queries at a time, and then to the table, in bounded memory."""
    files = []
    with _searcher(settings, features, queries, folder) as search:
        for start in range(0, len(queries), _QUERIES):
            asked = queries[start : start + _QUERIES]
            found = search(features.read_rows(asked), settings.best + 1)
            files.append(str(folder / f"{start}.parquet"))
            pq.write_table(_pairs(ids, asked, found, settings.best), files[-1])
    with closing(open_engine()) as engine:
        stage.write("candidates", engine.read_parquet(files))


@contextmanager
def _searcher(settings: CandidateSettings, features: FeatureFile, queries: Rows, folder: Path) -> Iterator[Search]:
    if settings.search == "exact":
        yield lambda vectors, best: search_exactly(features, vectors, best)
        return
    sample = features.read_rows(queries[:: -(-len(queries) // _SAMPLE)])
    index = build_inverted_file(features, count_lists(features.count), folder / "sorted", settings.seed)
    with index.features:
        probes = count_probes(index, features, sample, settings.best + 1, settings.recall)
        yield lambda vectors, best: index.search(vectors, best, probes)


def _pairs(ids: pa.ChunkedArray, queries: Rows, found: Neighbours, best: int) -> pa.Table:
    """Return rows of the table ``candidates``, without the query itself."""
    rows, similarity = found
    other = (rows >= 0) & (rows != queries[:, None])
    rank = np.cumsum(other, axis=1) - 1
    kept = other & (rank < best)
    query = np.broadcast_to(queries[:, None], rows.shape)[kept]
    columns = [ids.take(pa.array(query)), ids.take(pa.array(rows[kept])), rank[kept].astype(np.int32), similarity[kept]]
    return pa.table(columns, schema=TABLES["candidates"].schema)


_HELD = """
select product_id, l.sub_class_id from products p
join duplicates d using (product_id) join reserve r on r.group_id = p.product_id left join labels l using (product_id)
where d.kept and r.held_out order by product_id
"""


def held_out_products(snapshot: Snapshot) -> pa.Table:
    """Return product_id and sub_class_id (-1 or null if none) of the held-out products, sorted.

    Dropped exact duplicates are excluded.
    """
    with closing(snapshot.connection(["products", "duplicates", "reserve", "labels"])) as connection:
        return connection.sql(_HELD).to_arrow_table()


def read_listings(snapshot: Snapshot, wanted: frozenset[str], *, description: bool) -> Iterator[list[Listing]]:
    """Yield the listings of products, one partition at a time, sorted by id within each.

    Args:
        snapshot: A dataset version.
        wanted: Their ids.
        description: Whether the description follows the caption.
    """
    texts = ["caption", "description"] if description else ["caption"]
    for bucket in snapshot.partitions("products"):
        captions = snapshot.table("products", ["product_id", "gtin14", *texts], only=[bucket]).to_pylist()
        specs, images = _specs(snapshot, bucket), _images(snapshot, bucket)
        yield [
            Listing(
                product_id=(one := row["product_id"]),
                caption="\n".join(filter(None, map(row.get, texts))) or None,
                specs=tuple(specs.get(one, ())),
                image=images.get(one, (None, None))[0],
                phash=images.get(one, (None, None))[1],
                gtin=row["gtin14"],
            )
            for row in captions
            if row["product_id"] in wanted
        ]


def _specs(snapshot: Snapshot, bucket: Partition) -> dict[str, list[tuple[str, str]]]:
    names = ["product_id", "property", "value", "property_norm", "value_norm"]
    found: dict[str, list[tuple[str, str]]] = {}
    for row in snapshot.table("specs", names, only=[bucket]).to_pylist():
        line = row["property_norm"] or row["property"], row["value_norm"] or row["value"]
        found.setdefault(row["product_id"], []).append(line)
    return found


def _images(snapshot: Snapshot, bucket: Partition) -> dict[str, tuple[str, int]]:
    """Return the first stored image of each product, usually the main one."""
    rows = snapshot.table("images", ["product_id", "position", "sha256", "phash"], only=[bucket]).to_pylist()
    return {row["product_id"]: (row["sha256"], row["phash"]) for row in reversed(rows)}


def sample_queries(products: pa.Table, settings: CandidateSettings) -> Rows:
    """Return ascending row numbers of queries, drawn at random from categories of at least ``min_category``.

    M5Product: "sample queries in categories with > 2,000 instances", from everything outside train. Categories
    here are those of the second level, and only held-out products count.

    Args:
        products: product_id, sub_class_id.
        settings: Number of queries, minimum category and seed.

    Raises:
        DataError: No category is large enough.
    """
    category = products["sub_class_id"].to_numpy().astype(np.float64)
    category = np.where(np.isnan(category), -1, category).astype(np.int64)
    names, place, sizes = np.unique(category, return_inverse=True, return_counts=True)
    large = (sizes >= settings.min_category) & (names >= 0)
    if not large.any():
        largest = int(sizes[names >= 0].max(initial=0))
        raise DataError(
            f"annotate.candidates.min_category: no category has {settings.min_category} products outside train; "
            f"the largest has {largest}. Set a smaller min_category."
        )
    rows = np.flatnonzero(large[place])
    drawn = np.random.default_rng(settings.seed).permutation(rows)[: settings.queries]
    return np.sort(drawn)
