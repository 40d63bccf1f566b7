"""A child process that counts words: a text a line in, its counts a line out, all as JSON."""

import json
import sys

from align.words import count_words

__all__ = ["serve"]


def serve() -> None:
    """Answer until the pipe is closed."""
    for line in sys.stdin:
        print(json.dumps(count_words(json.loads(line), segment=True)), flush=True)  # noqa: T201 - the pipe


if __name__ == "__main__":
    serve()
