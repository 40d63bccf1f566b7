"""The pages of docs/ that are generated from the code: tables, settings, recipes, stages, faults, formats.

``python -m tests.reference docs`` writes them; a test compares them with the code.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.table_spec import Column, TableSpec
from crawler.media.outcome import MEANINGS, state_of
from media.formats import FORMATS
from splits.recipe import Classification, Recipe, Retrieval, Sample, Separate, Size, recipe_names
from storage.tables import TABLES
from storage.tags import TAGS_COLUMNS, TAGS_MEANING
from storage.views import VIEWS
from tests.misbehaving import FAULTS
from workspace.settings import Settings
from workspace.stages import STAGES, resolve

__all__ = ["pages", "verbs"]

_DOCS = Path(__file__).parents[1] / "docs"
_WRITTEN = "<!-- written by: python -m tests.reference docs -->\n"


def pages() -> Mapping[str, str]:
    """Return file name -> text of every generated page."""
    return MappingProxyType(
        {
            "faults.md": "\n".join((_by_hand("faults.md"), _WRITTEN, "## Faults of servers", "", *_faults(), "")),
            "formats.md": "\n".join((_by_hand("formats.md"), _WRITTEN, "## Formats", "", *_formats(), "")),
            "stages.md": "\n".join(("# Stages", "", _WRITTEN, *_stages(), "")),
            "recipes.md": "\n".join(("# Split recipes", "", _WRITTEN, *_recipes(), "")),
            "settings.md": "\n".join(("# Settings: m5data.toml", "", _WRITTEN, *_settings(), "")),
            "tables.md": "\n".join(("# Tables", "", _WRITTEN, *_tables(), "")),
        }
    )


def _by_hand(name: str) -> str:
    """Return the handwritten beginning of a page, up to the generated part."""
    return (_DOCS / name).read_text(encoding="utf-8").partition(_WRITTEN)[0].rstrip() + "\n"


def _tables() -> Iterator[str]:
    for spec in TABLES.values():
        yield from _table(spec.name, spec.meaning, spec.columns, _layout(spec))
    for name, view in VIEWS.items():
        yield from _table(name, view.meaning(), view.columns(), "A view.")
    yield from _table("tags", TAGS_MEANING, TAGS_COLUMNS, "A view.")


def _table(name: str, meaning: str, columns: Sequence[Column], layout: str) -> Iterator[str]:
    yield from (f"## {name}", "", f"{meaning} {layout}", "", "| column | type | meaning |", "|---|---|---|")
    for column in columns:
        yield f"| `{column.name}` | {column.type} | {_cell(column.meaning)} |"
    yield ""


def _layout(spec: TableSpec) -> str:
    key = ", ".join(f"`{name}`" for name in spec.key)
    place = f"bucket of `{spec.bucket_of}`" if spec.bucket_of else f"`{spec.split_by}`" if spec.split_by else ""
    return f"Key: {key}." + (f" Partitioned by {place}." if place else "")


def _faults() -> Iterator[str]:
    yield "The misbehaving server of the tests does each of these to the downloader. Every one ends in the state named,"
    yield "in bounded time and memory: `tests/misbehaving/test_misbehaving.py`. A reason means failed or dropped."
    yield from ("", "| fault | what the server does | ends as |", "|---|---|---|")
    for fault in FAULTS.values():
        yield f"| `{fault.name}` | {_cell(fault.meaning)} | {fault.reason or 'ok'} |"
    yield from ("", "| reason | state | meaning |", "|---|---|---|")
    for reason, meaning in MEANINGS.items():
        yield f"| `{reason}` | {state_of(reason)} | {_cell(meaning)} |"
    yield ""


def _formats() -> Iterator[str]:
    yield from ("| format | type | read | |", "|---|---|---|---|")
    for form in FORMATS:
        yield f"| {form.name} | `{form.mime}` | {'yes' if form.reader else 'no'} | {_cell(form.note)} |"
    yield from (
        "",
        "Scripts that name other files (ffconcat), PDF and whatever else is not in the table are refused as unknown.",
        "",
    )


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield from _section(name, field)
    source = Settings.model_fields["crawl"].annotation
    if isinstance(source, type) and issubclass(source, BaseModel):
        shop = source.model_fields["sources"].annotation.__args__[1]  # type: ignore[union-attr]
        yield from ("## [sources.NAME]", "", "One shop.", "", *_keys(shop))


def _recipes() -> Iterator[str]:
    shipped = ", ".join(f"`{name}`" for name in recipe_names())
    default = resources.files("splits").joinpath("recipes", "default.toml").read_text(encoding="utf-8")
    yield from (
        f"`splits.recipe` in m5data.toml names a shipped recipe ({shipped}) or a TOML file of your own, whose",
        "`name` is that of the file. `m5data build-splits --recipe FILE` tries one. Its `[[splits]]` are filled in the",
        "order of the file. A product without a category is unlabelled: with `require = []` it is trained on and",
        'retrieved by product, its label empty; with `require = ["label"]` it is a reject, `no_label`. The recipe',
        "`default`:",
        "",
        "```toml",
        default.strip(),
        "```",
        "",
    )
    models: dict[str, type[BaseModel]] = {
        "The recipe": Recipe, "[[splits]] of kind sample": Sample, "[[splits]] of kind retrieval": Retrieval,
        "[[splits]] of kind classification": Classification, "A size": Size, "[separate]": Separate,
    }  # fmt: skip
    for heading, model in models.items():
        yield from (
            f"## {heading}",
            "",
            _cell((model.__doc__ or "").strip()),
            "",
            "| key | default | meaning |",
            "|---|---|---|",
        )
        for name, field in model.model_fields.items():
            default = "required" if field.is_required() else f"`{_cell(repr(field.get_default()))}`"
            meaning = field.description or _PLAIN_KEYS.get(name, "")
            yield f"| `{name}` | {default} | {_cell(meaning)} |"
        yield ""


_PLAIN_KEYS = MappingProxyType(
    {
        "name": "name of the recipe or split, in small letters",
        "kind": "kind of the splits",
        "pool": "`train`: products that were never held out; `reserve`: those that were",
        "size": "how many products",
        "splits": "the splits",
        "separate": "properties that must not straddle train and evaluation",
        "query": "name of the queries",
        "gallery": "name of the gallery",
        "queries": "how many queries",
        "train": "name of the train part",
        "test": "name of the test part",
        "train_size": "how many products of train",
        "test_size": "how many products of test",
    }
)


def _section(name: str, field: FieldInfo) -> Iterator[str]:
    yield from (f"## [{name}]", "", _cell(field.description or ""), "")
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        yield from _keys(field.annotation)
        for inner, part in field.annotation.model_fields.items():
            if _is_section(part):
                yield from _section(f"{name}.{inner}", part)


def _is_section(field: FieldInfo) -> bool:
    """Return whether a field is a separate section."""
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    yield from ("| key | default | meaning |", "|---|---|---|")
    for name, field in model.model_fields.items():
        if name != "sources" and not _is_section(field):
            default = field.get_default(call_default_factory=True)
            yield f"| `{name}` | `{_cell(repr(default))}` | {_cell(field.description or '')} |"
    yield ""


def _listed(tables: tuple[str, ...]) -> str:
    return "every table" if tables == ("*",) else ", ".join(f"`{name}`" for name in tables) or "–"


def _stages() -> Iterator[str]:
    yield "The stages of the pipeline in order, as `workspace/stages.py` declares them. From this registry follow"
    yield "the flows, the verbs, `m5data redo`, `m5data status` and `m5data run --dry-run`."
    yield from (
        "",
        "| stage | flow | verb | what it does | reads | writes | settings |",
        "|---|---|---|---|---|---|---|",
    )
    for spec in STAGES.values():
        flow = spec.part if spec.in_flow else "–"
        section = f"`[{spec.settings}]`" if spec.settings else "–"
        tables = " | ".join(_listed(names) for names in (spec.reads, spec.writes))
        yield f"| {spec.name} | {flow} | `m5data {spec.command}` | {spec.meaning} | {tables} | {section} |"
    yield from ("", "A stage without a flow needs a file or a person, and runs by its verb alone.", "")
    yield from ("| stage | unit of work | what `m5data redo` forgets |", "|---|---|---|")
    for spec in STAGES.values():
        redone = (resolve(spec.redo).__doc__ or "").strip().splitlines()[0] if spec.redo else "– (cannot be redone)"
        yield f"| {spec.name} | {spec.partition}{', also on Ray' if spec.on_ray else ''} | {redone} |"
    yield ""


def verbs(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command that help shows."""
    for verb in group.registered_commands:
        if verb.hidden:
            continue
        yield (*path, str(verb.name or getattr(verb.callback, "__name__", "")))
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield (*path, str(inner.name))
            yield from verbs(inner.typer_instance, (*path, str(inner.name)))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for file, text in pages().items():
        (Path(sys.argv[1]) / file).write_text(text, encoding="utf-8")
