"""Every value of every option of the stages goes through a whole flow, together and alone."""

from pathlib import Path

import pytest

from tests.flows.conftest import Shop
from tests.flows.options import Choice, apart, check_flow, together
from tests.flows.prefect_api import PrefectApi


@pytest.mark.usefixtures("librosa_compiled")
@pytest.mark.parametrize("choices", [*together(), *apart()], ids=str)
def test_flow_runs_with_each_choice(
    choices: tuple[Choice, ...], shop: Shop, matrix_api: PrefectApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_flow(shop.collected, tmp_path / "world", matrix_api, monkeypatch, choices)


@pytest.mark.parametrize("parameters", [{"refresh": True}, {"media": False}, {"engine": "ray"}], ids=str)
def test_flow_runs_with_each_parameter(
    parameters: dict[str, object],
    shop: Shop,
    matrix_api: PrefectApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "engine" in parameters:
        pytest.importorskip("ray", reason="Ray is an extra")
    choices = () if "media" in parameters else (("extract.ocr", True),)
    check_flow(shop.collected, tmp_path / "world", matrix_api, monkeypatch, choices, **parameters)
