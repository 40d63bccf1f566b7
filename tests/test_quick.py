"""``make quick`` runs the tests of changed modules that start nothing."""

from pathlib import Path

from tests.quick import chosen


def test_a_changed_module_has_its_own_tests_and_those_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "core"
    (tmp_path / "tests" / "slow").mkdir(parents=True)
    folder.mkdir()
    files = {"test_words.py": "1", "words.py": "1", "test_money.py": "1", "test_net.py": "with browser():"}
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    (tmp_path / "tests" / "slow" / "test_money.py").write_text("1", encoding="utf-8")
    changed = [
        "core/words/units.txt",
        "core/money.py",
        "core/net.py",
        "tests/core/words.py",
        "tests/slow/test_money.py",
    ]
    assert chosen(changed, tmp_path) == ["tests/core/test_money.py", "tests/core/test_words.py"]
