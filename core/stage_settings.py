"""Frozen settings objects: their base class, and reading them from a TOML file."""

import difflib
import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from core.errors import SettingsError

__all__ = ["StageSettings", "read_settings"]

Model = TypeVar("Model", bound=BaseModel)


class StageSettings(BaseModel):
    """Settings of one stage: frozen, validated when built; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_of_its_kind(cls, value: object, info: ValidationInfo) -> object:
        """Refuse values that would be converted to another type: "yes" is no permission, and true is no number."""
        kinds = _kinds(cls.model_fields[info.field_name or ""].annotation)
        if bool in kinds and str not in kinds and not isinstance(value, bool | None):
            raise ValueError(f"must be true or false, without quotes, not {_shorten(value)}")
        if kinds & {int, float} and bool not in kinds and isinstance(value, bool):
            raise ValueError(f"must be a number, not {str(value).lower()}")
        if kinds & {int, float} and str not in kinds and isinstance(value, str):
            raise ValueError(f"must be a number, without quotes, not {_shorten(value)}")
        return value

    def digest(self) -> str:
        """Return a hash of all values: a stage whose digest changed repeats its work."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def _kinds(annotation: object) -> set[object]:
    """Return the types that a field accepts directly, without those inside lists and mappings."""
    parts = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return {type(one) for part in parts if get_origin(part) is Literal for one in get_args(part)} | set(parts)


def read_settings(path: Path, model: type[Model]) -> Model:
    """Read ``path`` and check it against ``model``.

    Raises:
        SettingsError: The file is wrong; one line names it, every wrong key and the reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such settings file; create it or name another") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: this is not TOML in UTF-8 ({error}); correct it") from None
    return parse_settings(text, path, model)


def parse_settings(text: str, path: Path, model: type[Model]) -> Model:
    """Check the text of ``path``, which may not be written yet, against ``model``.

    Raises:
        SettingsError: As ``read_settings``.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: this is not TOML in UTF-8 ({error}); correct it") from None
    except ValidationError as error:
        faults = "; ".join(_describe(fault, model) for fault in error.errors())
        raise SettingsError(f"{path}: {faults}") from None


def _describe(fault: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]") or "the file"
    where = where.removeprefix("crawl.") if where.startswith("crawl.sources") else where
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{_suggestion(str(fault['loc'][-1]), model)}"
    if fault["type"] == "missing":
        return f"{where}: this key is missing; add it"
    if fault["type"] == "value_error":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
    value, message = _shorten(fault["input"]), fault["msg"]
    if message.startswith("Input "):
        return f"{where}: {value} {message.removeprefix('Input ')}"
    return f"{where}: {message}, not {value}"


def _suggestion(key: str, model: type[BaseModel]) -> str:
    close = difflib.get_close_matches(key, set(_keys(model)) - {key}, n=1)
    return f"; did you mean {close[0]}?" if close else "; remove it"


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _keys(part)


def _shorten(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
