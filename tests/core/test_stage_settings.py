from pathlib import Path

import pytest

from core.errors import SettingsError
from core.stage_settings import read_settings
from workspace import default_settings
from workspace.settings import Settings


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "m5data.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, Settings)


def test_the_file_of_a_new_workspace_holds_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, default_settings()) == Settings()


def test_shops_are_written_as_sources(tmp_path: Path) -> None:
    text = '[sources.one]\nstart = ["http://127.0.0.1:1/"]\ncrawl_authorised = true\nlocal = true\n'
    assert list(read(tmp_path, text).crawl.sources) == ["one"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[downlod]\n", r"m5data\.toml: downlod: unknown key; did you mean download\?"),
        ("[download]\nmin_succes = 1\n", r"download\.min_succes: unknown key; did you mean min_success\?"),
        ("[download]\nxyzzy = 1\n", r"download\.xyzzy: unknown key; remove it"),
        ('[download]\nattempts = "many"\n', r"download\.attempts: must be a number, without quotes, not 'many'"),
        ("[store]\nbuckets = 0\n", r"store\.buckets: 0 should be greater than or equal to 1"),
        ("[store]\nbuckets = [\n", r"m5data\.toml: this is not TOML in UTF-8 \(Invalid value"),
        ("[sources.one]\n[crawl.sources.two]\n", r"write each shop as \[sources\.NAME\], none as"),
        ("[sources.one]\nlocal = 7\n", r"sources\.one\.local: must be true or false, without quotes, not 7"),
        (
            "[sources.one]\ncrawl_autorised = true\n",
            r"sources\.one\.crawl_autorised: unknown key; did you mean crawl_authorised\?",
        ),
    ],
)
def test_wrong_file_is_one_line_with_key_value_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, "[store]\nbuckets = 0\nx = 1\n[splits]\nseed = -1\n")
    assert [word in str(error.value) for word in ("store.buckets", "store.x", "splits.seed")] == [True] * 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"m5data\.toml: there is no such settings file"):
        read_settings(tmp_path / "m5data.toml", Settings)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('crawl_authorised = "yes"', "must be true or false, without quotes, not 'yes'"),
        ("crawl_authorised = 1", "must be true or false, without quotes, not 1"),
        ('share_authorised = "true"', "must be true or false, without quotes, not 'true'"),
        ('max_pages = "10"', "must be a number, without quotes, not '10'"),
        ("max_pages = true", "must be a number, not true"),
        ("delay_s = true", "must be a number, not true"),
    ],
)
def test_a_value_of_another_kind_is_never_read_as_one(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "m5data.toml"
    path.write_text(f'[sources.shop]\nstart = ["http://a.example/"]\n{line}\n')
    with pytest.raises(SettingsError, match=rf"sources\.shop\.{line.split(maxsplit=1)[0]}: {message}"):
        read_settings(path, Settings)
