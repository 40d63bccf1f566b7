"""Neural encoders for candidate pools; networks are tiny and random."""

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotate import candidates_stage
from annotate.candidates import CandidateSettings, load_encoder
from core.errors import MissingInputError, SettingsError
from scale.data.shard_folder import ShardFolder
from storage.tasks import in_process
from tests.annotate.held_out import held_out_store
from tests.scale.tiny_recipes import recipe

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from scale.encoders.paper import PaperEncoder  # noqa: E402 - needs torch
from scale.encoders.trained import TrainedEncoder  # noqa: E402
from scale.training.loop import seeded  # noqa: E402
from scale.training.train import FINETUNED, PRETRAINED, train  # noqa: E402


@dataclass(frozen=True)
class Listing:
    product_id: str
    caption: str | None = None
    specs: tuple[tuple[str, str], ...] = ()
    image: str | None = None


def picture(red: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), (red, 90, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


OBJECTS = {"red": picture(250), "dark": picture(5), "broken": b"no picture"}
LISTINGS = [
    Listing("whole", "红鞋", (("颜色", "红"),), "red"),
    Listing("text", "红鞋"),
    Listing("image", image="red"),
    Listing("other", "鞋红红", image="dark"),
    Listing("broken", image="broken"),
    Listing("nothing"),
]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the folders of a ResNet and a BERT with a few random weights."""
    folder = tmp_path_factory.mktemp("networks")
    with seeded(torch.device("cpu"), 0):
        sizes = {"embedding_size": 8, "hidden_sizes": [8, 8, 8, 16], "depths": [1, 1, 1, 1]}
        resnet = transformers.ResNetModel(transformers.ResNetConfig(**sizes))
        layers = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        bert = transformers.BertModel(transformers.BertConfig(vocab_size=8, **layers))
    resnet.save_pretrained(folder / "resnet")
    bert.save_pretrained(folder / "bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "红", "鞋", "色"]
    (folder / "bert" / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "bert" / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return str(folder / "resnet"), str(folder / "bert")


def test_the_papers_encoder_sets_image_beside_text(networks: tuple[str, str]) -> None:
    encoder = PaperEncoder(*networks, device="cpu")
    vectors = encoder.encode(LISTINGS, OBJECTS.__getitem__)
    assert vectors.shape == (len(LISTINGS), encoder.dimensions) == (6, 16 + 12)
    image, text = vectors[:, :16], vectors[:, 16:]
    assert np.linalg.norm(image, axis=1) == pytest.approx([1, 0, 1, 1, 0, 0], abs=1e-5)
    assert np.linalg.norm(text, axis=1) == pytest.approx([1, 1, 0, 1, 0, 0], abs=1e-5)
    assert image[0] == pytest.approx(image[2], abs=1e-5)
    assert text[0] == pytest.approx(text[1], abs=1e-5)
    assert np.abs(text[0] - text[3]).max() > 1e-4
    assert encoder.encode([], OBJECTS.__getitem__).shape == (0, 28)


def test_a_network_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"encoder paper: .*Download it first"):
        PaperEncoder(str(tmp_path / "none"), str(tmp_path / "none"))


@pytest.fixture(scope="module")
def trained(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(ShardFolder(export), recipe(optimiser={"epochs": 1, "finetune_epochs": 1}), folder, device="cpu")
    return folder


@pytest.mark.parametrize(("name", "width"), [(PRETRAINED, 16), (FINETUNED, 24)])
def test_a_trained_model_is_an_encoder(trained: Path, name: str, width: int) -> None:
    encoder = TrainedEncoder(trained / name, device="cpu")
    vectors = encoder.encode(LISTINGS, OBJECTS.__getitem__)
    assert vectors.shape == (len(LISTINGS), encoder.dimensions) == (6, width)
    assert np.isfinite(vectors).all()
    assert [bool(row.any()) for row in vectors] == [True, True, True, True, False, False]
    assert vectors[1] == pytest.approx(encoder.encode(LISTINGS[1:2], OBJECTS.__getitem__)[0], abs=1e-5)


def test_candidates_are_searched_by_the_name_of_a_neural_encoder(
    trained: Path, networks: tuple[str, str], tmp_path: Path
) -> None:
    resnet, bert = networks
    store = held_out_store(tmp_path / "workspace")
    plan = CandidateSettings(min_category=2, best=2, encoder="paper", resnet=resnet, bert=bert)
    assert isinstance(load_encoder(plan), PaperEncoder)
    assert candidates_stage.run(store, plan).kept == 5
    assert store.snapshot().table("candidates").num_rows == 8

    checkpoint = tmp_path / "model.pt"
    shutil.copy(trained / PRETRAINED, checkpoint)
    plan = CandidateSettings(min_category=2, best=2, encoder="scale", checkpoint=checkpoint)
    assert [candidates_stage.run(store, plan).unchanged for _ in range(2)] == [False, True]
    shutil.copy(trained / FINETUNED, checkpoint)
    assert not candidates_stage.run(store, plan).unchanged
    found = store.snapshot().table("candidates")
    assert found.num_rows == 8
    other = held_out_store(tmp_path / "other")
    candidates_stage.run(other, plan, runner=in_process)
    assert other.snapshot().table("candidates").equals(found)


def test_an_encoder_without_a_checkpoint_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="Run: m5data train"):
        TrainedEncoder(tmp_path / PRETRAINED)
