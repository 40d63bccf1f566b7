"""An encoder initialised from a BERT has the same states."""

import json
from pathlib import Path

import pytest

from core.errors import SettingsError
from scale.data.tokens import bert_order, load_bert_vocabulary
from scale.training_recipe import ModelSettings

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from scale.model.encoders import TokenEncoder, adopt_bert  # noqa: E402
from scale.training.loop import seeded  # noqa: E402

WORDS = ["[PAD]", "红", "[UNK]", "[CLS]", "[SEP]", "鞋", "[MASK]", "色"]  # special tokens do not come first
SIZES = {"hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
MODEL = ModelSettings(width=12, heads=2, feed_forward=16, encoder_layers=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bert")
    with seeded(torch.device("cpu"), 0):
        bert = transformers.BertModel(transformers.BertConfig(vocab_size=8, initializer_range=0.5, **SIZES))
    bert.save_pretrained(place)
    (place / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (place / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return place


def test_its_states_are_the_berts(folder: Path) -> None:
    encoder = TokenEncoder("text", MODEL, 8, 6)
    adopt_bert(encoder, str(folder))
    encoder.eval()
    own = torch.tensor([[2, *load_bert_vocabulary(str(folder)).encode("红鞋色"), 0, 0]])
    theirs = torch.tensor([[bert_order(str(folder))[number] for number in own[0].tolist()]])
    assert theirs.tolist() == [[3, 1, 5, 7, 0, 0]]
    mask = own != 0
    with torch.no_grad():
        states, _ = encoder({"text": own, "text_mask": mask})
        bert = transformers.BertModel.from_pretrained(folder).eval()
        wanted = bert(input_ids=theirs, attention_mask=mask.long()).last_hidden_state
    assert torch.allclose(states[mask], wanted[mask], atol=1e-5)


def test_other_sizes_and_missing_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"model.bert: .* has heads 2, here 3; feed_forward 16, here 8"):
        adopt_bert(TokenEncoder("text", ModelSettings(width=12, heads=3, feed_forward=8), 8, 6), str(folder))
    with pytest.raises(SettingsError, match="is not a BERT"):
        adopt_bert(TokenEncoder("text", MODEL, 8, 6), str(tmp_path))
