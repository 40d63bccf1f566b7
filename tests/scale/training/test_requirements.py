"""What a recipe names and is not there is an error before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from core.errors import SettingsError
from scale.data.shard_folder import ShardFolder
from tests.scale.tiny_recipes import recipe

torch = pytest.importorskip("torch")

from scale.training.train import train  # noqa: E402 - needs torch


class Silent:
    """Progress that fails if anything starts."""

    def start(self, stage: str, total: int | None) -> None:
        pytest.fail(f"{stage} started with {total} steps")

    def advance(self, items: int = 1) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"input": {"encoders": {"text": {"network": "/none", "width": 8}}}}, "text.network: There is no folder /none"),
        (
            {"input": {"encoders": {"text": {"network": "sentence-transformers/x", "width": 8}}}},
            "needs sentence-transformers, which is not installed",
        ),
        ({"input": {"encoders": {"image": {"network": "timm/x", "width": 8}}}}, "needs timm, which is not installed"),
        ({"input": {"image": "regions", "regions_file": "/none.parquet"}}, "input.regions_file: There is no file"),
        ({"input": {"tokens": "bert", "bert_vocabulary": "/none"}}, "input.bert_vocabulary"),
        ({"objective": {"missing": "search", "completion": "nowhere:call"}}, "objective.completion: 'nowhere:call'"),
    ],
)
def test_what_is_missing_is_named_before_anything_starts(
    products: ShardFolder, tmp_path: Path, sections: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scale.encoders.networks.find_spec", lambda _: None)
    monkeypatch.setattr("scale.training.train.fit", lambda *_: pytest.fail("the shards were read"))
    with pytest.raises(SettingsError, match=message):
        train(products, recipe(**sections), tmp_path, device="cpu", progress=Silent())
    assert list(tmp_path.iterdir()) == []


def test_small_networks_compute_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from scale.threads import sensible_threads  # noqa: PLC0415 - needs torch

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    with sensible_threads(64):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with sensible_threads(768):
        assert torch.get_num_threads() == before
