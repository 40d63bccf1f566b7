"""Checks of ``m5data verify``: the tables as a whole, the objects, every recipe's splits."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.check import Check
from splits.certificate import Certificate, verify, write_certificate
from splits.record import stored_recipes
from storage import Store
from storage.consistency import check_consistency
from storage.untrusted import is_only_read
from takedown.forget import taken_down_recipes
from workspace import Workspace

__all__ = ["verify_workspace"]


def verify_workspace(workspace: Workspace, *, objects: bool = False) -> list[Check]:
    """Check the dataset version that ``workspace`` reads, and write a certificate for each recipe if possible.

    Args:
        workspace: Opened at the version to check.
        objects: Also read every stored object and compare its hash.
    """
    checks = list(check_consistency(workspace.snapshot))
    if objects:
        checks.append(_check_objects(workspace.store))
    return [*checks, *_check_splits(workspace)]


def _check_splits(workspace: Workspace) -> Iterator[Check]:
    recipes = stored_recipes(workspace.snapshot)
    if not recipes:
        yield Check("splits", ok=True, detail="none built yet, so no certificate; run m5data build-splits")
        return
    taken = taken_down_recipes(workspace.snapshot)
    built = workspace.snapshot.table("recipes", ["recipe", "version"]).to_pylist()
    versions = {row["recipe"]: row["version"] for row in built}
    for stored in recipes:
        name = stored.recipe.name
        certificate = verify(workspace.snapshot, stored.recipe, stored.seed)
        if taken.get(name, 0) > versions[name]:
            certificate = replace(certificate, checks=(*certificate.checks, _superseded(name, taken[name])))
        if why := _not_written(certificate, workspace.root / "certificates"):
            detail = f"{workspace.root / 'certificates'}: not written: {why}; the checks follow all the same"
            yield Check(f"{name}: certificate", ok=True, detail=detail, complete=False)
        for check in certificate.checks:
            yield Check(f"{name}: {check.name}", check.ok, check.detail)


def _not_written(certificate: Certificate, folder: Path) -> str | None:
    """Write a certificate; return why that is not possible."""
    if is_only_read():
        return "the workspace is only read"
    try:
        write_certificate(certificate, folder)
    except OSError as error:
        return error.strerror
    return None


def _superseded(recipe: str, version: int) -> Check:
    detail = (
        f"products of these splits were taken down in version {version}; what is left does not leak, but is not what "
        f"the recipe asks for: run m5data build-splits --recipe {recipe}"
    )
    return Check("take-down", ok=False, detail=detail)


def _check_objects(store: Store) -> Check:
    problems = list(store.verify_objects())
    examples = "; ".join(str(problem) for problem in problems[:3])
    detail = f"{len(problems):,} damaged or missing: {examples}" if problems else "every object has its recorded hash"
    return Check("objects", ok=not problems, detail=detail)
