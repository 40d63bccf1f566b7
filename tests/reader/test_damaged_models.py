"""Files that are no reader models: one line that names the file and the remedy, in bounded memory."""

import io
import json
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import SettingsError
from reader.model import MODEL_FORMAT, read_model

SHIPPED = Path(str(files("reader").joinpath("weights/reader.npz"))).read_bytes()
ABOUT: dict[str, Any] = {"format": MODEL_FORMAT, "temperatures": {"brand": 1.0}, "least": {"brand": 0.5}}


def model(about: object = ABOUT, **arrays: object) -> bytes:
    file = io.BytesIO()
    given = {"brand.keys": np.array([1, 2]), "brand.weights": np.array([0.5, 1.0]), **arrays}
    text = about if isinstance(about, str) else json.dumps(about)
    np.savez(file, about=np.array(text), **given)  # type: ignore[arg-type]  # arrays by name
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("about.npy", "w") as member:
        for _ in range(300):
            member.write(bytes(1 << 20))
    return file.getvalue()


DAMAGED = {
    "empty": b"",
    "cut": SHIPPED[: len(SHIPPED) // 2],
    "cut at the end": SHIPPED[:-30],
    "a byte changed": SHIPPED[:5000] + bytes([SHIPPED[5000] ^ 255]) + SHIPPED[5001:],
    "text": b"no model",
    "an array": b"\x93NUMPY\x01\x00",
    "an empty archive": b"PK\x05\x06" + bytes(18),
    "large when unpacked": bomb(),
    "deep JSON": model("[" * 100_000),
    "no JSON": model("x"),
    "a list": model([]),
    "no keys": model({"format": MODEL_FORMAT}),
    "no numbers": model({**ABOUT, "temperatures": {"brand": "x"}}),
    "a temperature of zero": model({**ABOUT, "temperatures": {"brand": 0}}),
    "an infinite share": model({**ABOUT, "least": {"brand": float("inf")}}),
    "another format": model({**ABOUT, "format": [1] * 1000}),
    "other lengths": model(**{"brand.keys": np.array([1])}),
    "weights of nan": model(**{"brand.weights": np.array([np.nan, 1])}),
    "keys of texts": model(**{"brand.keys": np.array(["a", "b"])}),
    "objects": model(**{"brand.keys": np.array([{}, []], dtype=object)}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_model_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "reader.npz"
    path.write_bytes(DAMAGED[name])
    with pytest.raises(SettingsError, match=r"reader.npz: (not a reader model|a reader model of format)") as caught:
        read_model(path)
    said = str(caught.value)
    assert "m5data learn-reader" in said
    assert "\n" not in said
    assert len(said) < 400 + len(str(path))


def test_whole_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "reader.npz").write_bytes(model())
    found = read_model(tmp_path / "reader.npz")
    assert (found.weights("brand"), found.least) == ({1: 0.5, 2: 1.0}, {"brand": 0.5})
