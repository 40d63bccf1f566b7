"""Names of ``reader`` and of the page's directives, under ``crawler``."""

from crawler.rights.opt_outs import opt_outs as opt_outs
from reader import *  # noqa: F403 - all that it exports
