"""Text, images, video and audio in the form that the model receives."""

import io
import json
from pathlib import Path

import librosa
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from core.errors import DataError, MediaError, MissingInputError, SettingsError
from scale.data.audio import mel_bands, mel_spectrogram, mfcc_blocks
from scale.data.fit_vocabulary import Fitted, load_fitted
from scale.data.images import Regions, flat_frame, grid_boxes, patches
from scale.data.sample_encoder import SampleEncoder
from scale.data.shard_reader import RawSample
from scale.data.tokens import CLS, SEP, SPECIAL, UNKNOWN, CorpusVocabulary, load_bert_vocabulary, table_tokens
from scale.training_recipe import InputSettings
from tests.scale.tiny_recipes import recipe

CORPUS = ["真皮 沙发 真皮", "布艺 沙发 A1"]


def picture(size: tuple[int, int] = (64, 64), form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, size[0], size[1]))
    image.save(buffer, form)
    return buffer.getvalue()


def test_the_corpus_vocabulary_is_characters_then_words_that_occur_twice() -> None:
    vocabulary = CorpusVocabulary.count(CORPUS, 100)
    characters = set("真皮沙发布艺a1")
    assert set(vocabulary.entries[: len(characters)]) == characters
    assert set(vocabulary.entries[len(characters) :]) == {"真皮", "沙发"}
    assert vocabulary.size == len(SPECIAL) + len(characters) + 2
    known = {entry: at + len(SPECIAL) for at, entry in enumerate(vocabulary.entries)}
    assert vocabulary.encode("真皮 布艺 未") == [known["真皮"], known["布"], known["艺"], UNKNOWN]


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        ("usb-c", "ＵＳＢ－Ｃ"),
        ("usb-c", "USB\u2011C"),
        ("无线", "無線"),
        ("無線", "无线"),
        ("strasse", "Straße"),
        ("café", "cafe\u0301"),
        ("lampshade", "lamp\u00adshade"),
        ("5kg", "５㎏"),
    ],
)
def test_spellings_of_one_word_have_one_id(seen: str, asked: str) -> None:
    vocabulary = CorpusVocabulary.count([seen, seen], 100)
    assert vocabulary.encode(asked) == vocabulary.encode(seen)
    assert UNKNOWN not in vocabulary.encode(asked)


def test_an_unknown_word_is_spelt_in_parts_of_known_ones() -> None:
    corpus = ["reliable usable washable", "believe believes believed", "unwind unable unused", "reliable"]
    vocabulary = CorpusVocabulary.count(corpus, 200)
    parts = [vocabulary.entries[number - len(SPECIAL)] for number in vocabulary.encode("Unbelievable")]
    assert "".join(parts) == "unbelievable"
    assert len(parts) <= 4
    assert len(vocabulary.encode("reliable")) == 1


def test_a_vocabulary_is_bounded_and_its_digest_is_its_content() -> None:
    small, large = CorpusVocabulary.count(CORPUS, 9), CorpusVocabulary.count(CORPUS, 100)
    assert small.size == 9
    assert small.digest != large.digest == CorpusVocabulary.count(reversed(CORPUS), 100).digest


def test_a_bert_vocabulary_comes_from_a_local_folder(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    words = ["[unused1]", *SPECIAL, "红", "色", "鞋"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    vocabulary = load_bert_vocabulary(str(tmp_path))
    assert vocabulary.size == len(words)
    assert vocabulary.encode("红鞋绿") == [6, 8, UNKNOWN]


def test_a_bert_vocabulary_that_is_not_there_is_a_settings_error(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(SettingsError, match=r"input.bert_vocabulary.*Download it first"):
        load_bert_vocabulary(str(tmp_path / "none"))


def test_a_table_knows_its_names_and_values() -> None:
    vocabulary = CorpusVocabulary.count(["材质 真皮 颜色 红", "材质 真皮 颜色"], 100)
    rows = (("材质", "真皮"), ("颜色", "红"))
    ids, parts = table_tokens(rows, vocabulary, 50)
    one = [vocabulary.encode(text) for row in rows for text in row]
    assert ids == [CLS, *one[0], *one[1], SEP, *one[2], *one[3], SEP]
    counts = [0, *[1] * len(one[0]), *[2] * len(one[1]), 0, *[3] * len(one[2]), *[4] * len(one[3]), 0]
    assert parts == counts
    assert table_tokens(rows, vocabulary, 3) == (ids[:3], parts[:3])


def test_patches_are_read_row_by_row() -> None:
    rows = patches(picture(), 2, 4).reshape(4, 16, 3)
    assert rows[:, :, 0].mean(axis=1).tolist() == pytest.approx([255, 0, 255, 0], abs=20)
    assert grid_boxes(2).tolist() == [
        [0, 0, 0.5, 0.5, 0.25],
        [0.5, 0, 1, 0.5, 0.25],
        [0, 0.5, 0.5, 1, 0.25],
        [0.5, 0.5, 1, 1, 0.25],
    ]
    assert flat_frame(picture(form="JPEG"), 6).shape == (108,)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "image_empty"),
        (b"no picture", "not_an_image"),
        (picture()[:60], "image_truncated"),
        (picture(form="PPM"), "not_an_image"),
        (picture(form="EPS"), "not_an_image"),
    ],
)
def test_unusable_image_is_a_media_error(payload: bytes, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        patches(payload, 2, 4)


def test_mfcc_blocks_are_means_and_deviations_of_equal_parts() -> None:
    mfcc = np.array([[1, 3, 5, 7], [0, 0, 2, 2]], np.float32)
    assert mfcc_blocks(mfcc, 2, 2).tolist() == [[2, 0, 1, 0], [6, 2, 1, 0]]
    assert mfcc_blocks(mfcc[:, :1], 3, 2).tolist() == [[1, 0, 0, 0]] * 3


@pytest.mark.parametrize(
    ("mfcc", "reason"), [(np.full((2, 3), np.nan, np.float32), "mfcc_not_finite"), (np.ones((3, 3)), "mfcc_shape")]
)
def test_mfcc_that_cannot_be_used_say_why(mfcc: np.ndarray, reason: str) -> None:
    with pytest.raises(MediaError, match=reason):
        mfcc_blocks(mfcc.astype(np.float32), 2, 2)


@pytest.mark.usefixtures("librosa_compiled")
def test_the_mel_spectrogram_is_librosas() -> None:
    samples = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    wanted = librosa.feature.melspectrogram(
        y=samples, sr=16_000, n_fft=1024, hop_length=256, n_mels=80, htk=True, norm=None, pad_mode="reflect"
    )
    got = mel_spectrogram(samples)
    assert got.shape == (80, 63)
    assert np.abs(got - wanted).max() / wanted.max() < 1e-5
    assert InputSettings(audio="mel").audio_shape == (80, 751)


def test_a_sound_that_is_none_is_a_media_error() -> None:
    with pytest.raises(MediaError, match="audio_corrupt"):
        mel_bands(b"no sound", 1.0)


def raw(**changes: object) -> RawSample:
    facts: dict[str, object] = {
        "product_id": "p",
        "label": "1",
        "group_id": "g",
        "caption": "真皮沙发",
        "specs": [("材质", "真皮")],
        "image": picture(),
        "frames": [picture()] * 2,
        "audio": None,
        "mfcc": np.ones((13, 8), np.float32),
    }
    return RawSample(**{**facts, **changes})  # type: ignore[arg-type]


def encoder() -> SampleEncoder:
    fitted = Fitted(CorpusVocabulary.count(CORPUS, 100), np.ones(26, np.float32), np.full(26, 2, np.float32))
    again = load_fitted(fitted.state(), recipe().input)
    assert again.vocabulary == fitted.vocabulary
    return SampleEncoder(recipe().input, again)


def test_text_in_images_follows_the_caption_where_the_recipe_asks_for_it() -> None:
    one = encoder()
    asked = SampleEncoder(one.settings.model_copy(update={"image_text": True}), one.fitted)
    shown, plain, alone = raw(image_text=("真皮", "沙发")), raw(), raw(caption=None, image_text=("真皮",))
    encode = one.fitted.vocabulary.encode
    with_text = [CLS, *encode("真皮沙发"), SEP, *encode("真皮 沙发")]
    ids = asked.encode([shown, plain, alone], first=0).arrays["text_ids"]
    assert ids[0, : len(with_text)].tolist() == with_text[: ids.shape[1]]
    assert ids[1].tolist() == one.encode([shown], first=0).arrays["text_ids"][0].tolist()
    assert ids[2, :2].tolist() == [CLS, SEP]
    assert asked.encode([alone], first=0).arrays["present"][0, 0]


def test_description_follows_the_caption_where_the_recipe_asks_for_it() -> None:
    one = encoder()
    asked = SampleEncoder(one.settings.model_copy(update={"description": True}), one.fitted)
    stated, plain = raw(description="真皮"), raw()
    encode = one.fitted.vocabulary.encode
    whole = [CLS, *encode("真皮沙发"), SEP, *encode("真皮")]
    ids = asked.encode([stated, plain], first=0).arrays["text_ids"]
    assert ids[0, : len(whole)].tolist() == whole[: ids.shape[1]]
    assert ids[1].tolist() == one.encode([stated], first=0).arrays["text_ids"][0].tolist()


def test_absent_modalities_are_zeros_and_marked() -> None:
    empty = raw(caption=None, specs=[], image=None, frames=[], mfcc=None)
    encoded = encoder().encode([raw(), empty], first=5)
    assert encoded.arrays["present"].tolist() == [[True] * 5, [False] * 5]
    assert encoded.arrays["index"].tolist() == [5, 6]
    assert encoded.arrays["video_count"].tolist() == [2, 0]
    for name in ("text_ids", "table_ids", "image", "image_box", "video", "audio"):
        assert encoded.arrays[name][0].any(), name
        assert not encoded.arrays[name][1].any(), name
    assert encoded.arrays["audio"][0, :, :13].tolist() == [[0.0] * 13] * 4
    assert encoded.skipped == {}


def test_a_medium_that_cannot_be_used_is_absent_and_counted() -> None:
    broken = raw(image=b"?", frames=[b"?", picture()], mfcc=np.full((13, 4), np.inf, np.float32))
    encoded = encoder().encode([broken], first=0)
    assert encoded.skipped == {"mfcc_not_finite": 1, "not_a_frame": 1, "not_an_image": 1}
    assert encoded.arrays["present"].tolist() == [[True, False, True, True, False]]


def test_stored_regions_take_the_place_of_patches(tmp_path: Path) -> None:
    path = tmp_path / "regions.parquet"
    row = {
        "product_id": "p",
        "features": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        "boxes": [[0.0, 0.0, 50.0, 40.0], [50.0, 0.0, 100.0, 80.0]],
        "image_width": 100,
        "image_height": 80,
    }
    pq.write_table(pa.Table.from_pylist([row]), path)
    features, boxes = Regions(path, 3).of("p", 9)
    assert features.tolist() == row["features"]
    assert boxes.tolist() == [[0, 0, 0.5, 0.5, 0.25], [0.5, 0, 1, 1, 0.5]]
    assert len(Regions(path, 3).of("q", 9)[0]) == 0
    with pytest.raises(DataError, match=r"p: The features must be finite and of shape \[n, 4\]"):
        Regions(path, 4).of("p", 9)
    with pytest.raises(MissingInputError, match="regions_file"):
        Regions(tmp_path / "none", 3).of("p", 9)
