"""The room ``media``: one way to decode an image, the frames of a video and its audio; hashes and features of them.

It works on bytes and knows no store. Its functions decode in the caller's process: strangers' bytes belong in a
child process of ``core.processes``. Names are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
