"""``m5data demo``: two small shops on loopback, and the whole pipeline on them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


class Size(StrEnum):
    """How large the shops are."""

    demo = "demo"
    tiny = "tiny"


DEMO = Path("demo")


def _local(place: str | Path) -> Path:
    """Return the folder of the demo, which serves its shops from there."""
    from m5data.errors import UsageError
    from storage.remote import is_store_url

    if is_store_url(place):
        raise UsageError(f"demo {place}: wanted a folder; make the demo in one, and then: m5data copy {place} -w DIR")
    return Path(place)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Workspace of the demo.", parser=_local)] = DEMO,
    size: Annotated[Size, typer.Option("--size", help="200 products, or 20.")] = Size.demo,
) -> None:
    """Serve the demo shops (synthetic products) and run the whole pipeline on them."""
    from demo_shops.server import serving
    from demo_shops.shops import build
    from demo_shops.workspace import open_demo, ports_of
    from flows.running import run_pipeline
    from m5data.cli.display import print_reports
    from m5data.cli.verify import print_checks
    from m5data.verification import verify_workspace

    typer.echo(f"building the demo shops in {folder / 'shops'} (once)")
    build(folder, size.value)
    with serving(folder, ports_of(folder)) as base_urls:
        workspace = open_demo(folder, base_urls.bases, size.value)
        typer.echo(f"serving them at {' and '.join(base_urls.bases.values())}")
        reports = run_pipeline(folder.resolve(), "everything")
    print_reports(reports)
    checks = verify_workspace(workspace)
    typer.echo(f"verified: {sum(check.ok for check in checks)} of {len(checks)} checks hold")
    if failed := [check for check in checks if not check.ok]:
        print_checks(failed)
    typer.echo(f'look at {folder / "reports" / "report.html"}; ask: m5data sql -w {folder} "show tables"')
    if failed:
        raise typer.Exit(1)
