"""The stage ``export``: one folder of shards per format, with a manifest, a dataset card and Croissant metadata."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from core.errors import NotAuthorisedError, UsageError
from core.modalities import modalities, modality_tables
from core.records import Reject
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from core.version import __version__
from export.card import dataset_card
from export.chosen import chosen_sql
from export.condition import check_condition
from export.croissant import croissant
from export.folders import folder_name, open_folder
from export.links import LINK_FORMS, link_folders, link_rows, published_digests
from export.manifest import CARD, CROISSANT, Claim, is_whole
from export.product1m_files import product1m_lines
from export.reader import sample_rows, split_names
from export.registry import remember_export
from export.rights import LeftOutCounts, Rights, Use, check_rights, count_left_out, left_out
from export.row_files import LineFile, write_row_files
from export.settings import ExportSettings, ShardFormat
from export.shards import FORMATS, Part, Shard, Target, Writing, as_rows
from storage import Snapshot, Stage, Store
from storage.identity import workspace_mark
from storage.partitions import Results
from storage.tasks import Runner, in_processes

__all__ = ["READS", "run"]

READS = ("splits", "products", "specs", "media", "frames", "audio", "labels", "usage_rights")
"""Tables that samples are read from, in addition to those that modalities declare."""

_CATALOGUE = ("duplicates", "rejects")
"""Further tables that the view ``catalogue`` needs."""
_REBUILT = ("images", "duplicates", "reserve", "matches", "recipes")
"""Further tables that links name, so that a dataset can be rebuilt."""

_Claimed = tuple[Claim, str]
"""The claim to a format's folder, and the folder's path or URL."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One export."""

    store: Store
    snapshot: Snapshot
    recipe: str
    splits: tuple[str, ...]
    settings: ExportSettings
    rights: Mapping[str, Rights]
    left_out: LeftOutCounts
    progress: Progress
    use: Use
    """Intended use of the samples."""

    def splits_of(self, form: ShardFormat) -> tuple[str, ...]:
        """Return the splits of a format: unless they are chosen, links also name the products that no split uses."""
        return self.splits if self.settings.splits or form not in LINK_FORMS else (*self.splits, "unused")


def run(
    store: Store,
    settings: ExportSettings,
    *,
    recipe: str,
    rights: Mapping[str, Rights],
    folder: str | None = None,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
    runner: Runner | None = None,
) -> StageReport:
    """Write the shards of a recipe's splits.

    Reads one sample per row of ``splits``, and drops those whose shop refuses the purpose; the reason is the kind of
    signal that does (``source``: the settings no longer authorise it). If killed and run again, it resumes after the
    last finished shard.

    Args:
        store: The workspace's storage.
        settings: Formats, splits, sizes and place.
        recipe: Recipe whose splits are written.
        rights: Source -> its rights.
        folder: Name of the folder below the place; None: the recipe's, or at the usual place that of the selection.
        clock: Unused by the shards, which carry no time.
        progress: Advanced by the samples of every shard.
        runner: Writes the same shards elsewhere; None: they are written on this machine.

    Raises:
        NotAuthorisedError: A source in the splits may not be shared, or no sample may be used for the purpose.
        MissingInputError: The recipe has not been built.
        UsageError: It has no such split, or the destination cannot be written to.
        QueryError: The condition on products is wrong, or takes too much memory or time.
    """
    del clock
    began = time.monotonic()
    digest = _digest(settings, recipe, rights)
    with store.stage("export", settings=digest, reads=_reads(settings)) as stage, ExitStack() as opened:
        noted, places = _places(store, stage, settings, recipe, folder, is_local=runner is None)
        if not stage.unchanged:
            check_rights(stage.before, recipe, rights)
        splits = _chosen(settings, split_names(stage.before, recipe), recipe)
        folders = {form: opened.enter_context(open_folder(place)) for form, place in places.items()}
        if stage.unchanged and all(is_whole(folders[form], place) for form, place in places.items()):
            return stage.report_unchanged()
        if settings.where is not None:
            check_condition(stage.before, settings.where)
        use = Use(settings.purpose, [name for name, right in rights.items() if not right.crawl])
        asked = (stage.before, chosen_sql(settings.where), recipe, splits, use)
        refused = count_left_out(left_out(*asked))
        job = _Job(store, stage.before, recipe, splits, settings, rights, refused, progress, use)
        _check_any_left(job)
        claims = {
            form: (Claim(folders[form], place, workspace_mark(store.root)), place) for form, place in places.items()
        }
        for place in noted.values():
            remember_export(store, place, recipe, stage.before.number)
        count = _export(stage, job, claims, digest, runner)
        stage.reject(Reject(one.product_id, one.signals[0], f"{one.split}: {one.detail}") for one in left_out(*asked))
        seconds = time.monotonic() - began
        return stage.commit(StageReport("export", count + refused.total, count, refused.by_first, seconds=seconds))


def _digest(settings: ExportSettings, recipe: str, rights: Mapping[str, Rights]) -> str:
    return json.dumps([settings.digest(), recipe, sorted((k, r.share, r.licence, r.crawl) for k, r in rights.items())])


def _places(
    store: Store, stage: Stage, settings: ExportSettings, recipe: str, folder: str | None, *, is_local: bool
) -> tuple[dict[ShardFormat, str], dict[ShardFormat, str]]:
    """Return format -> its folder, as the workspace remembers it, and as every machine that writes to it reaches it."""
    top = str(settings.out or store.root / "shards").rstrip("/")
    reached = top if is_local or settings.out is not None else f"{stage.location}/shards"
    name = folder or (recipe if settings.out else folder_name(recipe, settings.where))
    noted, places = ({form: f"{one}/{name}/{form}" for form in settings.formats} for one in (top, reached))
    return noted, places


def _check_any_left(job: _Job) -> None:
    """Raise if the shops refuse the purpose for every sample."""
    if job.left_out.total and not _count(job):
        named = ", ".join(f"{signal} {count:,}" for signal, count in job.left_out.by_signal.items())
        raise NotAuthorisedError(
            f"export of recipe {job.recipe!r}: no sample may be used to {job.settings.purpose}: {named}. m5data rights "
            "shows who refuses it; export for another purpose, or ask the shops."
        )


def _reads(settings: ExportSettings) -> tuple[str, ...]:
    condition = _CATALOGUE if settings.where else ()
    rebuilt = _REBUILT if any(form in LINK_FORMS for form in settings.formats) else ()
    return tuple(dict.fromkeys((*READS, *condition, *rebuilt, *(spec.name for spec in modality_tables()))))


def _export(stage: Stage, job: _Job, claims: Mapping[ShardFormat, _Claimed], digest: str, runner: Runner | None) -> int:
    """Write the shards and descriptions of every format; return the number of samples per format."""
    job.progress.start("export", _count(job) * len(claims))
    tables = {name: version for name, version in job.snapshot.tables.items() if name in _reads(job.settings)}
    targets = [
        Target(
            claim,
            place,
            form,
            job.settings.max_shard_bytes,
            {source: right.licence for source, right in job.rights.items()},
            tuple(job.use.forbidden),
            json.dumps([digest, tables, __version__]),
        )
        for form, (claim, place) in claims.items()
    ]
    for target in targets:
        target.claim.begin()
    spool, location = (stage.spool, str(job.store.root)) if runner is None else (stage.shared_spool, stage.location)
    writing = Writing(Results(stage.name, spool, location, job.store.objects.index), job.progress.advance)
    by_samples = [target for target in targets if target.form in FORMATS]
    writing.run(_parts(writing, job, by_samples), runner or in_processes)
    counts = []
    for target in targets:
        if target.form in FORMATS:
            shards = {split: writing.shards(target.form, split) for split in job.splits_of(target.form)}
        else:
            shards = _write_rows(stage, job, target)
        counts.append(_describe(job, target, shards, tables))
    job.progress.finish()
    return counts[0]


def _write_rows(stage: Stage, job: _Job, target: Target) -> dict[str, list[Shard]]:
    """Write the files of a format that one query makes, in this process."""
    splits = job.splits_of(target.form)
    asked = (job.snapshot, job.recipe, splits, job.settings.where, job.use)
    if target.form in LINK_FORMS:
        form = LINK_FORMS[target.form]
        found = write_row_files(
            target, link_rows(*asked, target.licences), link_folders(splits), stage.spool, lambda _: None, *form
        )
        job.progress.advance(sum(shard.samples for split in job.splits for shard in found[split]))
        return found
    return write_row_files(target, product1m_lines(*asked), splits, stage.spool, job.progress.advance, LineFile, ".txt")


def _parts(writing: Writing, job: _Job, targets: Sequence[Target]) -> Iterator[Part]:
    """Yield the shards of every format and split."""
    for target in targets:
        for split in job.splits_of(target.form):
            form = FORMATS[target.form]
            asked = job.snapshot, split, job.recipe, job.settings.where, job.use, form.facts_of
            groups = (sample_rows(*asked, with_image=one) for one in ((True, False) if form.by_image else (None,)))
            yield from writing.parts(target, split, groups)


def _describe(job: _Job, target: Target, shards: Mapping[str, Sequence[Shard]], tables: Mapping[str, int]) -> int:
    """Write the card and the metadata of one format and, last, its manifest; return its number of samples."""
    splits = job.splits_of(target.form)
    sizes = {split: sum(shard.samples for shard in shards[split]) for split in splits}
    purpose = (job.settings.purpose, job.left_out.by_signal)
    card = dataset_card(job.recipe, job.snapshot, sizes, job.rights, target.form, purpose, job.settings.where)
    target.claim.write(CARD, card.encode())
    description = croissant(job.recipe, tables["splits"], job.snapshot.created, sizes, job.rights, target.form)
    target.claim.write(CROISSANT, description)
    content: dict[str, object] = {
        "recipe": job.recipe,
        "where": job.settings.where,
        "purpose": job.settings.purpose,
        "left_out": job.left_out.by_split,
        "format": target.form,
        "tables": dict(tables),
        "modalities": [modality.name for modality in modalities()],
        "splits": {split: as_rows(parts) for split, parts in shards.items()},
        "workspace": workspace_mark(job.store.root),
    }
    if target.form in LINK_FORMS:
        asked = (job.snapshot, job.recipe, splits, job.settings.where, job.use)
        content["published"] = {**published_digests(*asked), "licences": dict(target.licences)}
    target.claim.end(content)
    return sum(sizes[split] for split in job.splits)


def _chosen(settings: ExportSettings, built: tuple[str, ...], recipe: str) -> tuple[str, ...]:
    unknown = [name for name in settings.splits if name not in (*built, "unused")]
    if unknown:
        raise UsageError(
            f"export.splits: recipe {recipe!r} has no split {', '.join(unknown)}. Name some of {', '.join(built)}."
        )
    return settings.splits or built


def _count(job: _Job) -> int:
    query = f"select count(*) as n from ({chosen_sql(job.settings.where, job.use)})"  # noqa: S608 - the user's own SELECT
    return sum(int(job.snapshot.sql(query, [job.recipe, split])["n"][0].as_py()) for split in job.splits)
