"""Base of the frozen settings object that each stage takes."""

import hashlib

from pydantic import BaseModel, ConfigDict

__all__ = ["StageSettings"]


class StageSettings(BaseModel):
    """Settings of one stage: validated when built, frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def digest(self) -> str:
        """Return a hash of all values: a stage whose digest changed does its work again."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
