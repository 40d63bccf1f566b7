"""The shops, the workspace and the server of ``tests/flows``."""

from tests.flows.conftest import matrix_api, shop

__all__ = ["matrix_api", "shop"]
