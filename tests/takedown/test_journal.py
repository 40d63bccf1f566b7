from pathlib import Path

import pytest

from takedown.forget import Journal


def test_an_entry_is_private_and_read_until_it_ends(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.read() is None
    journal.write({"plan": 1})
    journal.write({"plan": 2})
    assert journal.read() == {"plan": 2}
    assert (tmp_path / "takedown.pending").stat().st_mode & 0o777 == 0o600
    journal.end()
    assert journal.read() is None
    assert list(tmp_path.iterdir()) == []


def test_an_entry_whose_end_was_killed_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.write({"plan": 1})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            journal.end()
    assert journal.read() is None
    assert list(tmp_path.iterdir()) == []
