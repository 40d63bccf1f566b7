from reader import *  # noqa: F403
