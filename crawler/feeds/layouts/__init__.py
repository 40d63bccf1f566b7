"""Layouts that shop software, platforms and datasets publish: one module each, whose ``LAYOUT`` is found by itself."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from crawler.feeds.records import Layout

__all__ = ["layouts"]


@cache
def layouts() -> Mapping[str, Layout]:
    """Return name -> layout of every module in this folder, in the order of their names."""
    found = [import_module(f"{__name__}.{module.name}").LAYOUT for module in pkgutil.iter_modules(__path__)]
    return {layout.name: layout for layout in sorted(found)}
