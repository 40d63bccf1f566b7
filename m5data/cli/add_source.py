"""The verb add-source: look at a shop, propose its section of m5data.toml, and write it."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from m5data.cli.shared import HERE, INTERRUPTED, JsonOption, WorkspaceOption

if TYPE_CHECKING:  # a verb imports what it needs when it runs
    from crawler.settings import CrawlSettings
    from crawler.survey.findings import Survey

__all__ = ["add_source"]

_NOTES = 5
"""Most notes of one kind that an error quotes."""
_CRAWL = re.compile(r"^\[crawl\][^\n]*\n", re.MULTILINE)
_NO_CONTACT = re.compile(r"""^contact\s*=\s*(?:""|'')[^\n]*\n""", re.MULTILINE)


def add_source(
    url: Annotated[str, typer.Argument(metavar="URL", help="The shop's home page, in the language that is wanted.")],
    workspace: WorkspaceOption = HERE,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the source (default: from the host).")
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option("--contact", metavar="TEXT", help="Mail address or URL for the shop, sent with every request."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm that the shop may be crawled and its data shared; ask nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at a shop with at most 20 requests, and propose its section of m5data.toml.

    Shows a pattern of products and what it leaves out, languages, opt-outs, expected pages and hours, and ten products
    as read. Where a pattern or a language might lose a product, none is proposed. Asks whether the shop may be crawled
    and its data shared, and writes the section. With --json nothing is asked, and nothing written without --yes.
    """
    try:
        _add_source(url, workspace, name, contact, yes=yes, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("\nm5data: interrupted; nothing was written", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _add_source(url: str, workspace: Path, name: str | None, contact: str | None, *, yes: bool, as_json: bool) -> None:
    from crawler.survey.visitor import is_local
    from m5data.cli.output import print_json
    from workspace import SETTINGS_FILE, Workspace

    opened = Workspace.open(workspace)
    url = url if "://" in url else f"https://{url}"
    local = is_local(url)
    settings = _with_contact(opened.settings.crawl, contact, url, needed=not local, ask=not (yes or as_json))
    source = _free_name(name, url, settings)
    survey = _look_at(url, settings, local=local)
    if not as_json:
        _show(survey, source)
    _check_found(survey, url)
    rights = (yes, yes) if yes or as_json else _ask(url)
    section = _section(survey, source, crawl=rights[0], share=rights[1])
    if yes or not as_json:
        path = opened.root / SETTINGS_FILE
        _write(path, section, contact=settings.contact if not opened.settings.crawl.contact else "")
    if as_json:
        print_json({**asdict(survey), "hours": survey.hours, "name": source, "section": section, "written": yes})
    else:
        where = "" if workspace == HERE else f" -w {workspace}"
        typer.echo(f"\n{section}\nwritten to {opened.root / SETTINGS_FILE}")
        typer.echo(f"next: m5data crawl{where} --source {source} --limit 20")


def _check_found(survey: "Survey", url: str) -> None:
    """Raise if no product was found, and no page is left where the crawl could find one.

    Raises:
        DataError: The shop shows no product, and why.
    """
    from core.errors import DataError

    if survey.records or survey.unread:
        return
    said = "; ".join((*survey.notes[:_NOTES], *survey.opt_outs[:_NOTES]))
    raise DataError(
        f"{url}: none of the pages looked at shows a product ({said}). Nothing was written. Name a page that lists "
        "products; if its pages fill themselves by script, write the section yourself, with browser = true."
    )


def _with_contact(
    settings: "CrawlSettings", contact: str | None, url: str, *, needed: bool, ask: bool
) -> "CrawlSettings":
    """Return the settings with a contact, which a person is asked for once the shop answers.

    Raises:
        UsageError: None was given.
        DataError: The shop does not answer.
    """
    from core.errors import UsageError
    from crawler.survey.visitor import check_reachable

    given = contact or settings.contact
    if needed and not given and ask:
        check_reachable(url)
        given = typer.prompt("Mail or web address that the shop can reach you at (sent with every request)")
    if needed and not given:
        raise UsageError("add-source: --contact must be a mail or web address; it is sent with every request")
    return settings.model_copy(update={"contact": given})


def _free_name(name: str | None, url: str, settings: "CrawlSettings") -> str:
    """Return the name of the new source.

    Raises:
        UsageError: It is taken, or no name.
    """
    from core.errors import UsageError

    if name is None:
        labels = (urlsplit(url).hostname or "").removeprefix("www.").split(".")
        name = "shop" if all(label.isdigit() for label in labels) else re.sub(r"[^a-z0-9_-]", "-", labels[0].lower())
        name = name.strip("-_")[:50] or "shop"
        return next(one for n in range(1, 1000) if (one := name + f"-{n}" * (n > 1)) not in settings.sources)
    if name in settings.sources or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        raise UsageError(f"add-source --name {name}: choose a new name of small letters, digits, - and _")
    return name


def _look_at(url: str, settings: "CrawlSettings", *, local: bool) -> "Survey":
    """Return what the shop shows."""
    import asyncio

    from crawler.survey.survey import look_at
    from crawler.survey.visitor import MAX_REQUESTS, Visitor

    async def look() -> "Survey":
        async with Visitor(url, settings, local=local) as visitor:
            return await look_at(url, settings, visitor, lambda line: typer.echo(line, err=True))

    typer.echo(f"looking at {url} with {MAX_REQUESTS} requests at most ...", err=True)
    return asyncio.run(look())


def _ask(url: str) -> tuple[bool, bool]:
    """Return whether the shop may be crawled, and whether its data may be shared."""
    crawl = typer.confirm(f"Has the owner of {url} allowed you to crawl it?", default=False)
    return crawl, typer.confirm("Has the owner allowed you to pass its data on?", default=False)


def _section(survey: "Survey", name: str, *, crawl: bool, share: bool) -> str:
    """Return the section of m5data.toml."""
    values: dict[str, object] = {
        "start": [survey.start],
        "crawl_authorised": crawl,
        "share_authorised": share,
        "local": survey.local,
        "delay_s": survey.delay_s if survey.local else None,
        "languages": list(survey.languages),
        "product_urls": list(survey.product_urls),
    }
    kept = {key: value for key, value in values.items() if value or key.endswith("authorised")}
    return f"[sources.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in kept.items())


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    text = str(value)
    if isinstance(value, str) and "\\" in text and "'" not in text:
        return f"'{text}'"
    return json.dumps(value, ensure_ascii=False)


def _write(path: Path, section: str, *, contact: str) -> None:
    """Append the section to the settings file, and put the contact into ``[crawl]``."""
    from core.files import replace_file
    from core.stage_settings import parse_settings
    from workspace.settings import Settings

    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
    if contact:
        text = _NO_CONTACT.sub("", text)
        line = f"contact = {_toml(contact)}\n"
        text = (
            _CRAWL.sub(lambda found: found[0] + line, text, count=1)
            if _CRAWL.search(text)
            else f"{text}\n[crawl]\n{line}"
        )
    text = f"{text}\n{section}"
    parse_settings(text, path, Settings)  # a file that no command could read is never written
    replace_file(path, text.encode())


def _duration(hours: float) -> str:
    minutes = max(1, round(hours * 60))
    return f"{hours:.1f} hours" if hours >= 1 else f"{minutes} minute{'s' * (minutes > 1)}"


def _left_out(survey: "Survey") -> str:
    """Return what the patterns leave out, in words."""
    if not survey.product_urls:
        return "nothing"
    examples = f": {' '.join(survey.left_out_examples)}" if survey.left_out else ""
    return (
        f"{survey.left_out:,} of {survey.pages:,} known URLs match no pattern; {survey.left_out_read:,} of them were "
        f"looked at and show no product{examples}"
    )


def _languages(survey: "Survey") -> str:
    others = ", ".join(survey.other_languages)
    if survey.languages:
        return f"{survey.languages[0]}; left out: {others}"
    return f"none is left out ({others})" if others else "none is left out"


def _show(survey: "Survey", name: str) -> None:
    """Print what was found."""
    from m5data.cli.output import print_rows

    rate = f"{survey.delay_s:g} s between two requests"
    rows = [
        ("source", f"{name}: {survey.start}" + (" (on this machine or its network)" if survey.local else "")),
        ("products", " ".join(survey.product_urls) or "no pattern: any page may show one"),
        ("for example", " ".join(survey.product_examples) or "-"),
        ("left out", _left_out(survey)),
        ("listings", " ".join(survey.listing_examples) or "-"),
        ("languages", _languages(survey)),
        ("opt-outs", "; ".join(survey.opt_outs) or "none found"),
        ("expected", "not known" if survey.products is None else f"{survey.products:,} products"),
        ("time", f"{_duration(survey.hours)} or more for {survey.pages:,} known pages at {rate}"),
        *(("note", note) for note in survey.notes),
        ("requests", str(survey.requests)),
    ]
    print_rows("", ("", "found"), rows)
    print_rows(
        "products as read",
        ("id", "caption", "price", "available", "category", "specs", "images"),
        [
            (
                one.native_id, one.caption, f"{one.price} {one.currency or ''}" if one.price is not None else None,
                one.availability, " > ".join(one.category), len(one.specs), len(one.image_urls),
            )
            for one in survey.records
        ],
    )  # fmt: skip
