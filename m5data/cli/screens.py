"""Screens that people read: the status, checks by group, and the end of a run; each fits 80 columns."""

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from m5data.cli.output import print_notes, print_rows

if TYPE_CHECKING:
    from core.check import Check
    from core.stage import StageReport
    from workspace import Workspace
    from workspace.status import StageStatus, Status

__all__ = [
    "checks_sum",
    "next_step",
    "print_check_groups",
    "print_checks",
    "print_run_end",
    "print_status",
    "workspace_option",
]

_REASONS, _NOTES, _NAMES, _SOURCES = 2, 5, 4, 5
"""Reasons of a row, notes, names of a group and sources that are shown without ``--wide``."""
_WIDTH = 80
_DETAIL = 54
"""Characters of a check's detail that fit on its group's line."""


def workspace_option(folder: Path) -> str:
    """Return the option that names a workspace in a command, with a space before it; nothing for the current folder."""
    return "" if folder.resolve() == Path.cwd() else f" -w {shlex.quote(str(folder))}"


def print_status(status: "Status", workspace: "Workspace", folder: Path, *, wide: bool) -> None:
    """Print the status: what to do next, then stages, pages and modalities.

    Args:
        status: The status.
        workspace: Its workspace.
        folder: The workspace as the person named it.
        wide: Also print times, every reason, source and note.
    """
    typer.echo(f"dataset version {status.version}; {_running(status)}")
    command, why = next_step(status, workspace, workspace_option(folder))
    print_notes(
        [f"next: {command}", *textwrap.wrap(why, _WIDTH, initial_indent="why: ", subsequent_indent="     "), ""]
    )
    if wide:
        print_rows("", _WIDE, [_wide_row(stage) for stage in status.stages])
    else:
        print_rows("", _NARROW, [_narrow_row(stage) for stage in status.stages])
    sources = status.pages if wide else status.pages[:_SOURCES]
    if sources:
        print_rows("\npages", ("source", "stored", "waiting", "due again"), [_pages(one) for one in sources])
        _print_more(len(status.pages) - len(sources), "sources")
    print_rows("\nproducts by modality", ("modality", "present", "absent, and why"), _modalities(status, wide=wide))
    _print_notes([note for stage in status.stages for note in stage.notes], wide=wide)


_NARROW = ("stage", "read", "kept", "waiting", "state", "dropped")
_WIDE = ("stage", "read", "kept", "waiting", "state", "seconds", "per second", "dropped", "left out of kept items")


def _narrow_row(one: "StageStatus") -> tuple[object, ...]:
    if not one.ran:
        return one.stage, None, None, one.pending, "never ran", None
    return one.stage, one.read, one.kept, one.pending, _state(one), _reasons(one.dropped, most=_REASONS)


def _wide_row(one: "StageStatus") -> tuple[object, ...]:
    if not one.ran:
        return one.stage, None, None, one.pending, "never ran", None, None, None, None
    times = round(one.seconds, 1), None if one.rate is None else round(one.rate, 1)
    start = one.stage, one.read, one.kept, one.pending, _state(one)
    return *start, *times, _reasons(one.dropped), _reasons(one.left_out)


def _state(one: "StageStatus") -> str:
    return "done" if one.current else "inputs changed"


def _pages(one: object) -> tuple[object, ...]:
    return tuple(getattr(one, name) for name in ("source", "stored", "new", "again"))


def _modalities(status: "Status", *, wide: bool) -> list[tuple[object, ...]]:
    counts: dict[str, Counter[str]] = {}
    for row in status.ledger:
        counts.setdefault(str(row["modality"]), Counter())[str(row["state"])] = int(str(row["products"]))
    most = None if wide else _REASONS + 1
    return [(name, states.pop("present", 0), _reasons(states, most=most)) for name, states in counts.items()]


def _reasons(counts: Mapping[str, int], *, most: int | None = None) -> str | None:
    """Return counts with their reasons, largest first; of those beyond ``most``, their sum."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown, rest = ordered[:most], ordered[most:] if most is not None else []
    words = [f"{reason} {count:,}" for reason, count in shown]
    words += [f"others {sum(count for _, count in rest):,}"] if rest else []
    return ", ".join(words) or None


def _running(status: "Status") -> str:
    running = status.running
    if running is None:
        return "no stage runs"
    of = "?" if running.total is None else f"{running.total:,}"
    rate = "" if status.rate is None else f", {status.rate:,.1f} a second"
    end = "" if status.expected_end is None else f", expected to end at {status.expected_end:%Y-%m-%d %H:%M:%S} UTC"
    return f"running: {running.stage}, {running.done:,} of {of}{rate}{end} (process {running.process})"


def next_step(status: "Status", workspace: "Workspace", option: str = "") -> tuple[str, str]:
    """Return the command that comes next for a workspace, and the reason.

    Args:
        status: Status of the workspace.
        workspace: The workspace.
        option: Option that names it in a command.
    """
    if status.running is not None:
        return "wait", "a stage runs"
    if not workspace.settings.crawl.sources and not any(stage.ran for stage in status.stages):
        return f"m5data add-source URL{option}", "no shop is set"
    waiting = [f"{stage.stage} {stage.pending:,}" for stage in status.stages if stage.pending]
    changed = [stage.stage for stage in status.stages if stage.ran and not stage.current]
    if waiting or changed:
        why = [f"waiting: {', '.join(waiting)}"] if waiting else []
        why += [f"inputs changed: {', '.join(changed)}"] if changed else []
        return f"m5data run{option}", "; ".join(why)
    if not any(stage.ran for stage in status.stages):
        return f"m5data run{option}", "nothing ran yet"
    return f"m5data serve{option}", "all work is done: look at it"


def print_checks(checks: "Sequence[Check]") -> None:
    """Print each check in full."""
    print_rows("", ("check", "", "detail"), [(check.name, _result(check), check.detail) for check in checks])


def print_check_groups(checks: "Sequence[Check]") -> None:
    """Print a line for each group of checks, checks that failed in full, and a sum."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.name.partition(":")[0], []).append(check)
    print_rows("", ("group", "checks", "", "of"), [_group_row(name, members) for name, members in groups.items()])
    if failed := [check for check in checks if not check.ok]:
        print_rows("\nfailed", ("check", "detail"), [(check.name, check.detail) for check in failed])
    typer.echo(f"\n{checks_sum(checks)}")


def checks_sum(checks: "Sequence[Check]") -> str:
    """Return how many checks hold, fail, and hold only for what they could see."""
    failed, partial = sum(not check.ok for check in checks), sum(check.ok and not check.complete for check in checks)
    words = [f"{len(checks) - failed:,} of {len(checks):,} checks hold"]
    words += [f"{failed:,} failed"] if failed else []
    words += [f"{partial:,} in part"] if partial else []
    return ", ".join(words)


def _group_row(name: str, members: "Sequence[Check]") -> tuple[object, ...]:
    results = [_result(check) for check in members]
    result = next((worst for worst in ("FAILED", "in part") if worst in results), "ok")
    if len(members) == 1:
        return name, 1, result, textwrap.shorten(members[0].detail, _DETAIL, placeholder=" …")
    names = [check.name.partition(":")[2].strip() for check in members]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return name, len(members), result, ", ".join(names[:_NAMES]) + more


def _result(check: "Check") -> str:
    if not check.ok:
        return "FAILED"
    return "ok" if check.complete else "in part"


def print_run_end(folder: Path, reports: "Iterable[StageReport]") -> None:
    """Print where to look after a run: what was left out, the report, the browser, SQL."""
    option = workspace_option(folder)
    lost = sum(sum(report.dropped.values()) for report in reports)
    lines = [("what was left out", f"m5data status --wide{option}")] if lost else []
    report = folder / "reports" / "report.html"
    lines += [("report", str(report))] if report.is_file() else []
    lines += [("browser", f"m5data serve{option}"), ("questions", f'm5data sql{option} "show tables"')]
    width = max(len(what) for what, _ in lines) + 1
    typer.echo("\n" + "\n".join(f"{what + ':':<{width}} {where}" for what, where in lines))


def _print_notes(notes: Sequence[str], *, wide: bool) -> None:
    shown = notes if wide else notes[:_NOTES]
    if shown:
        typer.echo("\nnotes")
        print_notes(shown)
    _print_more(len(notes) - len(shown), "notes")


def _print_more(count: int, what: str) -> None:
    if count > 0:
        typer.echo(f"and {count:,} more {what}: m5data status --wide")
