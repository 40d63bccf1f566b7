"""A process that extracts a workspace in an object store: ``python -m tests.slow.extract.driver URL LOG``.

It runs partitions one after the other as tasks would be run elsewhere, and appends a line to LOG for each that begins.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from extract.extract_stage import run
from extract.settings import ExtractSettings
from storage.tasks import TaskFunction
from storage.working_copy import working_copy
from tests.storage.machines import open_at

SETTINGS = ExtractSettings(partition_items=4)


def main() -> None:
    url, log = sys.argv[1], Path(sys.argv[2])

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        for name in filter(None, names):
            with log.open("a") as file:
                file.write(f"{name}\n")
            yield name, function(location, name)

    run(open_at(working_copy(url)), SETTINGS, runner=noted)


if __name__ == "__main__":
    main()
