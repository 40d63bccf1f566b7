"""Tables of the task board: tasks, workers, leases and answers.

``annotation_work`` has one row per worker and task, so no worker judges a task twice. A row without a label is a
lease, or with ``skipped`` a task that the worker passed on. ``live`` marks rows that occupy one of a task's places;
expired leases and skipped tasks do not. Triggers maintain the counts, so that they stay correct when a take-down
deletes rows.
"""

from storage import State

__all__ = ["migrate"]

_DDL = (
    """create table if not exists annotation_tasks (
        task integer primary key, place integer not null, kind text not null, query text not null,
        candidate text not null, options text not null, truth text, added_at text not null, wanted integer not null,
        taken integer not null default 0, unique (kind, query, candidate)
    ) strict""",
    """create index if not exists annotation_open on annotation_tasks (place)
        where truth is null and taken < wanted""",
    "create index if not exists annotation_gold on annotation_tasks (place) where truth is not null",
    """create table if not exists annotation_workers (
        worker text primary key, token_hash text not null unique, paused text, reach integer not null default 0,
        handed integer not null default 0, gold_handed integer not null default 0,
        answered integer not null default 0, earned integer not null default 0,
        gold_asked integer not null default 0, gold_right integer not null default 0
    ) without rowid, strict""",
    """create table if not exists annotation_work (
        worker text not null, task integer not null, until text not null, live integer not null default 1,
        label text, seconds real, answered_at text, rate integer, number integer,
        primary key (worker, task)
    ) without rowid, strict""",
    "create index if not exists annotation_leases on annotation_work (until) where label is null and live = 1",
    "create index if not exists annotation_held on annotation_work (worker, task) where label is null",
    "create index if not exists annotation_last on annotation_work (worker, number) where label is not null",
    "create index if not exists annotation_of_task on annotation_work (task)",
    """create table if not exists annotation_counts (
        one integer primary key check (one = 1), tasks integer not null, wanted integer not null,
        answers integer not null, changes integer not null, planned integer not null
    ) strict""",
    "insert or ignore into annotation_counts values (1, 0, 0, 0, 0, 0)",
    """create trigger if not exists annotation_task_in after insert on annotation_tasks begin
        update annotation_counts set tasks = tasks + 1, wanted = wanted + iif(new.truth is null, new.wanted, 0),
            changes = changes + 1;
    end""",
    """create trigger if not exists annotation_task_out after delete on annotation_tasks begin
        delete from annotation_work where task = old.task;
        update annotation_counts set tasks = tasks - 1, wanted = wanted - iif(old.truth is null, old.wanted, 0),
            changes = changes + 1;
    end""",
    """create trigger if not exists annotation_task_changed after update of wanted, truth on annotation_tasks begin
        update annotation_counts set wanted = wanted + iif(new.truth is null, new.wanted, 0)
            - iif(old.truth is null, old.wanted, 0),
            changes = changes + (new.truth is not old.truth);
    end""",
    """create trigger if not exists annotation_work_in after insert on annotation_work when new.live begin
        update annotation_tasks set taken = taken + 1 where task = new.task;
    end""",
    """create trigger if not exists annotation_work_lapsed after update of live on annotation_work begin
        update annotation_tasks set taken = taken + new.live - old.live where task = new.task;
    end""",
    """create trigger if not exists annotation_work_answered after update of label on annotation_work begin
        update annotation_counts set answers = answers + (new.label is not null) - (old.label is not null),
            changes = changes + 1;
    end""",
    """create trigger if not exists annotation_work_out after delete on annotation_work begin
        update annotation_tasks set taken = taken - old.live where task = old.task;
        update annotation_counts set answers = answers - (old.label is not null),
            changes = changes + (old.label is not null);
    end""",
    "alter table annotation_workers add column resting integer not null default 0",
    "alter table annotation_workers add column trusted integer not null default 0",
    "alter table annotation_workers add column judged_from integer not null default 0",
    "alter table annotation_work add column comment text",
    "alter table annotation_work add column skipped integer not null default 0",
)


def migrate(state: State) -> None:
    """Create the tables if they do not exist."""
    state.migrate("annotate.tasks", _DDL)
