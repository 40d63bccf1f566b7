"""Verbs of a whole workspace: init, demo, doctor, serve."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from m5data.cli.shared import HERE, JsonOption, WorkspaceOption
from m5data.cli.untrusted import UntrustedOption

__all__ = ["demo", "doctor", "init", "mcp", "serve"]

DEMO = Path("demo")


def init(
    folder: Annotated[
        str,
        typer.Argument(metavar="DIR", help="Folder of the new workspace, or a URL such as s3://bucket/prefix."),
    ],
) -> None:
    """Create a workspace with a commented m5data.toml."""
    from storage.working_copy import is_store_url, working_copy
    from workspace import SETTINGS_FILE, Workspace

    workspace = Workspace.create(working_copy(folder))
    where = f"{folder}/{SETTINGS_FILE}"
    if is_store_url(folder):
        where = str(workspace.root / SETTINGS_FILE)  # the next run stores it in the object store
    typer.echo(f"{folder}: new workspace; its settings are in {where}\nnext: m5data add-source URL -w {folder}")


def _local(place: str | Path) -> Path:
    """Return the folder of the demo, which serves its shops from there."""
    from core.errors import UsageError
    from storage.working_copy import is_store_url

    if is_store_url(place):
        raise UsageError(f"demo {place}: the demo needs a folder; make it in one, then: m5data copy {place} -w DIR")
    return Path(place)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Workspace of the demo.", parser=_local)] = DEMO,
    size: Annotated[Literal["demo", "tiny"], typer.Option("--size", help="200 products, or 20.")] = "demo",
) -> None:
    """Serve two demo shops and run the whole pipeline on them."""
    from demo_shops.server import serving
    from demo_shops.shops import build
    from demo_shops.workspace import open_demo, ports_of
    from flows.running import run_pipeline
    from m5data.cli.output import print_reports
    from m5data.cli.screens import checks_sum, print_checks, print_run_end
    from workspace.verification import verify_workspace

    typer.echo(f"building the demo shops in {folder / 'shops'} (once)")
    build(folder, size)
    with serving(folder, ports_of(folder)) as base_urls:
        workspace = open_demo(folder, base_urls.bases, size)
        typer.echo(f"serving them at {' and '.join(base_urls.bases.values())}")
        reports = run_pipeline(folder.resolve(), "everything")
    print_reports(reports)
    checks = verify_workspace(workspace)
    typer.echo(f"verify: {checks_sum(checks)}")
    if failed := [check for check in checks if not check.ok]:
        print_checks(failed)
    print_run_end(folder, reports)
    if failed:
        raise typer.Exit(1)


def doctor(
    workspace: WorkspaceOption = HERE,
    deep: Annotated[bool, typer.Option("--deep", help="Also read every object and data file.")] = False,
    as_json: JsonOption = False,
    _untrusted: UntrustedOption = False,
) -> None:
    """Check the machine and the workspace; change nothing.

    Looks at versions, settings, the files of the newest dataset version, rights, disk, lock, drafts, clock and the
    Prefect server. Ends with 1 when anything is wrong.
    """
    from dataclasses import asdict

    from m5data.cli.output import print_json, print_rows
    from workspace.diagnostics import examine

    findings = list(examine(workspace, deep=deep))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_rows("", ("what", "", "found"), [(one.name, one.state, one.detail) for one in findings])
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def mcp(workspace: WorkspaceOption = HERE) -> None:
    """Serve search, products, SQL and lineage to agents: the Model Context Protocol over standard input and output.

    Everything is read only. A client starts this program; add it to the client's settings.
    """
    from core.errors import UsageError
    from storage import Store
    from storage.remote_workspace import RemoteWorkspace

    try:
        from webapp.mcp_server import open_server
    except ModuleNotFoundError as error:
        raise UsageError(f"m5data mcp needs {error.name}, not installed here. Run pip install 'm5data[mcp]'") from None

    if home := RemoteWorkspace.of(workspace):
        home.refresh()
    with open_server(Store.open(workspace)) as server:
        server.run("stdio")


def serve(
    workspace: WorkspaceOption = HERE,
    host: Annotated[
        str | None, typer.Option("--host", metavar="H", help="Address to listen at (default: serve.host).")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="P", min=0, max=65535, help="0: a free one (default: serve.port).")
    ] = None,
) -> None:
    """Serve the web application: products, labels, annotation.

    Prints a link that signs you in as the owner while the server runs.
    """
    import secrets

    import m5data
    from storage.identity import load_or_create_key
    from webapp.app import make_app
    from webapp.running import server_file
    from webapp.security.origin import check_public
    from webapp.server import listen
    from webapp.server import serve as serve_app

    opened = m5data.open(workspace)
    opened.store.require_local("m5data serve")
    chosen = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = opened.settings.serve.model_copy(update=chosen)
    check_public(settings)
    key = load_or_create_key(opened.root)
    with listen(settings) as listening:
        bound = settings.model_copy(update={"port": listening.getsockname()[1]})
        token = secrets.token_urlsafe()
        app = make_app(opened.store, settings, opened.settings.annotate, key, owner=token)

        def announce() -> None:
            typer.echo(f"serving {bound.url} (end with Ctrl-C)\nsign in: {bound.url}/in/{token}")

        with server_file(opened.root, bound.url):
            serve_app(app, listening, announce)
