"""Every option of a stage goes through a whole flow; ``tests/slow`` has all values, and each alone."""

from pathlib import Path

import pytest

from tests.flows.conftest import Shop
from tests.flows.options import check_flow, together
from tests.flows.prefect_api import PrefectApi


@pytest.mark.usefixtures("librosa_compiled")
def test_flow_runs_with_other_values_of_all_options(
    shop: Shop, matrix_api: PrefectApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_flow(shop.collected, tmp_path / "world", matrix_api, monkeypatch, together()[0])
