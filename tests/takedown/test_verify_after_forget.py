"""``m5data verify`` checks splits from which products were taken down."""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from core.check import Check
from core.run_options import RunContext
from core.stage import StageReport
from flows.run_stage import run_stage
from takedown.forget import forget
from takedown.plan import Target
from tests.splits.synthetic import Thing, stored
from tests.takedown.planted import now
from workspace import Workspace
from workspace.verification import verify_workspace

SETTINGS = "[store]\nbuckets = 1\n\n[splits]\nrecipe = 'demo'\nseed = 7\n"
THINGS = [Thing(f"shop:{n:03}", category=n % 5, merchant=f"m{n % 40}") for n in range(200)]
PAIRS = [(f"shop:{n:03}", f"shop:{n + 100:03}", "matched") for n in range(60)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "workspace", SETTINGS)
    with workspace.store.stage("synthetic", settings="") as stage:
        for name, rows in stored(THINGS, PAIRS).items():
            if name != "reserve":
                stage.write(name, hashed(rows))
        stage.commit(StageReport("synthetic", 0, 0))
    run_stage(workspace, "splits", RunContext(clock=now))
    return Workspace.open(workspace.root)


def hashed(rows: pa.Table) -> pa.Table:
    """Return the rows with real hashes as object names."""
    if "sha256" not in rows.column_names:
        return rows
    names = [None if name is None else hashlib.sha256(name.encode()).hexdigest() for name in rows["sha256"].to_pylist()]
    return rows.set_column(rows.column_names.index("sha256"), "sha256", pa.array(names, pa.string()))


def of_recipe(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if check.name.startswith("demo: ")}


def test_verify_asks_for_new_splits_until_they_are_built(workspace: Workspace) -> None:
    assert all(check.ok for check in of_recipe(verify_workspace(workspace)).values())
    (before,) = (workspace.root / "certificates").glob("*.json")
    forget(workspace.store, Target("product", "shop:017"), clock=now)
    forget(Workspace.open(workspace.root).store, Target("product", "shop:nobody-has-it"), clock=now)
    assert "superseded" in json.loads(before.read_text())

    checks = of_recipe(verify_workspace(Workspace.open(workspace.root)))
    assert not checks["demo: take-down"].ok
    assert "run m5data build-splits --recipe demo" in checks["demo: take-down"].detail
    leaks = [check for name, check in checks.items() if "group" in name or "disjoint" in name]
    assert leaks
    assert all(check.ok for check in leaks)
    newest = max((workspace.root / "certificates").glob("*.json"), key=lambda path: int(path.stem.split("-")[1]))
    assert json.loads(newest.read_text())["ok"] is False

    run_stage(Workspace.open(workspace.root), "splits", RunContext(clock=now))
    checks = of_recipe(verify_workspace(Workspace.open(workspace.root)))
    assert "demo: take-down" not in checks
    assert all(check.ok for check in checks.values())


def test_an_earlier_version_can_still_be_read_and_checked(workspace: Workspace) -> None:
    number = workspace.snapshot.number
    forget(workspace.store, Target("product", "shop:017"), clock=now)
    earlier = Workspace.open(workspace.root, number)
    assert "shop:017" not in earlier.table("splits")["product_id"].to_pylist()
    assert len(earlier.table("splits")) > 0
    assert all(check.ok for name, check in of_recipe(verify_workspace(earlier)).items() if "group" in name)
