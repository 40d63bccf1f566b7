import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CorruptObjectError
from storage import Store
from takedown.forget import forget
from takedown.plan import Target
from takedown.register import Mark, MarkKind, Register, restore_register
from tests.takedown.planted import PLANTED, now
from workspace import Workspace
from workspace.repair import repair

KEY = bytes(range(32))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MARKS = [Mark("product", "shop:1"), Mark("url", "https://shop.example/茶壶?a=1"), Mark("merchant", "ab12")]


def test_an_empty_register_holds_nothing(store: Store) -> None:
    register = Register.open(store.state, KEY)
    assert (len(register), register.holds("product", "shop:1"), register.sql("product", "x")) == (0, False, "false")


def test_it_holds_what_was_added_under_its_kind_and_key_alone(store: Store) -> None:
    Register.open(store.state, KEY).add(store.state, MARKS, NOW)
    register = Register.open(store.state, KEY)
    assert [register.holds(mark.kind, mark.value) for mark in MARKS] == [True] * 3
    assert not register.holds("url", "shop:1")
    assert not register.holds("product", None)
    assert register.missing([MARKS[0], Mark("product", "shop:2")]) == [Mark("product", "shop:2")]


def test_another_key_is_refused(store: Store) -> None:
    Register.open(store.state, KEY).add(store.state, MARKS, NOW)
    with pytest.raises(CorruptObjectError, match=r"secret\.key: not the key .* Restore the file from a backup"):
        Register.open(store.state, bytes(32))


def test_other_key_is_named_where_the_right_record_is_damaged(planted_once: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(planted_once, tmp_path / "workspace"))
    forget(Workspace.open(folder).store, Target("product", PLANTED), clock=now)
    (folder / "secret.key").write_bytes(bytes(32))
    (folder / "workspace.json").write_text("{")
    (found,) = repair(folder)
    assert (found.possible, "not the key that the take-downs were made with" in found.result) == (False, True)
    (folder / "workspace.json").unlink()
    (found,) = repair(folder)
    assert (found.possible, "not the key that the take-downs were made with" in found.result) == (False, True)


def test_nothing_is_kept_in_clear(store: Store) -> None:
    Register.open(store.state, KEY).add(store.state, MARKS, NOW)
    with store.state.connect() as connection:
        kept = "\n".join(connection.iterdump())
    connection.close()
    assert [mark.value for mark in MARKS if mark.value in kept] == []


@given(st.sampled_from(["product", "url", "merchant"]), st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_sql_and_python_agree(kind: MarkKind, value: str) -> None:
    mark = Mark(kind, value)
    register = Register(KEY, {kind: frozenset({Register(KEY, {}).digest(mark)})})
    with duckdb.connect() as engine:
        query = f"SELECT {register.sql(kind, 'x')} FROM (VALUES (?), (?), (NULL)) AS given(x)"
        found = [row[0] for row in engine.execute(query, [value, value + "x"]).fetchall()]
    assert found == [True, False, False]
    assert (register.holds(kind, value), register.holds(kind, value + "x")) == (True, False)


@pytest.mark.parametrize("times", [1, 2])
def test_adding_again_changes_nothing(store: Store, times: int) -> None:
    for _ in range(times):
        Register.open(store.state, KEY).add(store.state, MARKS, NOW)
    assert len(Register.open(store.state, KEY)) == len(MARKS)


def test_state_that_lost_take_downs_is_refused(store: Store) -> None:
    register = Register.open(store.state, KEY)
    register.add(store.state, MARKS, NOW)
    with closing(store.state.connect()) as connection:
        connection.execute("DELETE FROM tombstones WHERE kind != 'url'")
    with pytest.raises(CorruptObjectError, match=r"takedown\.register: 3 take-downs .*m5data repair"):
        Register.open(store.state, KEY)
    assert restore_register(store.state) == 3
    assert len(Register.open(store.state, KEY)) == 3


@pytest.mark.parametrize("content", ["x", "[1]", "{}", "1"])
def test_a_damaged_copy_is_named(store: Store, content: str) -> None:
    (store.root / "takedown.register").write_text(content)
    with pytest.raises(CorruptObjectError, match=r"takedown\.register: damaged"):
        Register.open(store.state, KEY)
