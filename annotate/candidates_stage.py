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

from annotate.candidates.encoders import Vectors, load_encoder
from annotate.candidates.feature_file import FeatureFile, Rows
from annotate.candidates.listings import held_out_products, read_listings, sample_queries
from annotate.candidates.search import Neighbours, build_inverted_file, count_lists, count_probes, search_exactly
from annotate.candidates.vectors import encode_elsewhere, encode_here
from annotate.settings import CandidateSettings
from m5data.errors import MissingInputError
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store
from storage.engine import open_engine
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

    Reads and keeps all held-out products; each can be a query or a candidate.

    Args:
        store: The workspace's.
        settings: The encoder, the queries and the search.
        clock: Unused: candidates have no times.
        progress: Advanced by every product that was encoded.
        runner: Encodes products elsewhere; None: this process does.

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
    listings = read_listings(stage.before, frozenset(place))
    encoded = (
        encode_here(listings, settings, encoder, store.objects.read)
        if runner is None
        else encode_elsewhere(stage, store.objects.index, listings, settings, _digest(settings), runner)
    )
    with FeatureFile(folder / "features", encoder.dimensions) as features:
        for products, vectors in encoded:
            for product, vector in zip(products, vectors, strict=True):
                features.write(place[product], vector[None])
            progress.advance(len(products))
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
    """Write the pairs to files, some queries at a time, and the files to the table, in bounded memory."""
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
