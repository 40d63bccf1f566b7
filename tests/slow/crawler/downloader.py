"""A process that downloads a workspace in an object store: ``python -m tests.slow.crawler.downloader URL LOG HOST…``.

It runs chunks one after the other, as tasks would run elsewhere, and appends a line to LOG for each that begins.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from crawler.download_stage import run
from crawler.media import chunks
from storage.tasks import TaskFunction
from storage.working_copy import working_copy
from tests.crawler.media.test_download_stage import FAST
from tests.storage.machines import open_at

URLS = 20
"""URLs per chunk."""


def main() -> None:
    url, log, hosts = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    chunks._URLS = URLS

    def noted(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
        for name in filter(None, names):
            with log.open("a") as file:
                file.write(f"{name}\n")
            yield name, function(location, name)

    run(open_at(working_copy(url)), FAST, local_hosts=hosts, runner=noted)


if __name__ == "__main__":
    main()
