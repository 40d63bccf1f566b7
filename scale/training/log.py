"""The loss curve: for TensorBoard, and as numbers in every checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

__all__ = ["Log"]


class Log:
    """Losses by step. ``curve`` has a row a step and term: step, name, value."""

    def __init__(self, folder: Path | None) -> None:
        self.curve: list[tuple[int, str, float]] = []
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def resume(self, curve: Sequence[Sequence[int | str | float]], step: int) -> None:
        """Take up the curve of a checkpoint; what TensorBoard was told of later steps is purged."""
        self.curve = [(int(row[0]), str(row[1]), float(row[2])) for row in curve]
        if self._folder is not None:
            self._writer = SummaryWriter(str(self._folder), purge_step=step)

    def add(self, step: int, terms: Mapping[str, float], rate: float) -> None:
        """Note the terms of a step."""
        self.curve += [(step, name, value) for name, value in terms.items()]
        if self._folder is None:
            return
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder))
        for name, value in {**terms, "rate": rate}.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what TensorBoard has not yet."""
        if self._writer is not None:
            self._writer.close()
