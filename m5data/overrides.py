"""Settings with what a person chose on the command line put in their place, checked as the file is."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from m5data.errors import SettingsError

__all__ = ["overridden"]

Model = TypeVar("Model", bound=BaseModel)


def overridden(settings: Model, **chosen: object) -> Model:
    """Return ``settings`` with the values chosen; None leaves a setting as it is.

    Raises:
        SettingsError: A value is not one that the setting takes.
    """
    values = {key: value for key, value in chosen.items() if value is not None}
    try:
        return type(settings).model_validate({**settings.model_dump(), **values})
    except ValidationError as error:
        fault = error.errors()[0]
        name = "".join(f" --{str(part).replace('_', '-')}" for part in fault["loc"][:1])
        raise SettingsError(
            f"command line{name}: {fault['msg']}, got {fault['input']!r}; choose another value"
        ) from None
