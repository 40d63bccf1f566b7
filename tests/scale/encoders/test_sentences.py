"""Short texts are encoded by a small random BERT, saved here."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from scale.encoders.sentences import encode_texts  # noqa: E402 - needs torch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "shoe", "lamp", "for", "men"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a network, as transformers saves it."""
    folder: Path = tmp_path_factory.mktemp("bert")
    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes)
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 32})
    )
    return str(folder)


def test_each_text_has_a_vector_of_length_1_in_order(network: str) -> None:
    texts = ["red shoe", "blue lamp", "red shoe"]
    vectors = encode_texts(network, texts)
    assert vectors.shape == (3, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-6)
    assert abs(vectors[0] - vectors[1]).max() > 0.01


def test_the_texts_beside_it_do_not_change_a_vector(network: str) -> None:
    """Padding of the short text to the length of the long one is not part of its mean."""
    alone = encode_texts(network, ["lamp"])[0]
    beside = encode_texts(network, ["lamp", "red shoe for men " * 5])[0]
    many = encode_texts(network, [*["blue shoe"] * 300, "lamp"])[-1]
    assert beside == pytest.approx(alone, abs=1e-5)
    assert many == pytest.approx(alone, abs=1e-5)


def test_a_text_longer_than_the_network_reads_is_cut(network: str) -> None:
    assert encode_texts(network, ["lamp " * 100]).shape == (1, 16)


def test_a_network_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        encode_texts(str(tmp_path / "nothing"), ["lamp"])
