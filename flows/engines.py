"""Tasks on a Ray cluster."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from core.errors import SettingsError
from storage.tasks import TaskFunction

__all__ = ["cluster", "on_ray"]

_AHEAD = 2  # tasks per core that Ray holds: one running, one waiting


def on_ray(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
    """Call a function for each order's name on a Ray cluster, one core each; yield results as they arrive (``Runner``).

    The cluster is that of ``RAY_ADDRESS`` or of ``ray.init``; without one, a cluster is started on this machine and
    shut down at the end. Every machine must reach the workspace at ``location``. At most two tasks per core are in
    flight. A task whose machine dies is retried up to three times.

    Raises:
        SettingsError: Ray is not installed.
        Exception: Any error that the function raises.
    """
    with cluster() as ray:
        task = ray.remote(num_cpus=1, max_retries=3)(function)
        limit = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        running: dict[Any, str] = {}
        upcoming = iter(names)
        while True:
            while len(running) < limit and (name := next(upcoming, None)) is not None:
                running[task.remote(location, name)] = name
            if not running:
                return
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                yield running.pop(reference), _result(ray, reference)


def _result(ray: Any, reference: Any) -> Any:  # noqa: ANN401 - without Ray installed there are no types
    """Return the function's result, or raise its exception without Ray's wrapping."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None


@contextmanager
def cluster() -> Iterator[Any]:
    """Yield the ``ray`` module, connected; a cluster that is started here is shut down at the end."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # noqa: PLC0415 - an extra that takes seconds to load
    except ImportError as error:
        raise SettingsError("--engine ray needs Ray, which is not installed; run: pip install 'm5data[ray]'") from error
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()
