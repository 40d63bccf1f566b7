import pytest

from export.report import numbers
from export.report.numbers import ask
from export.stats_stage import REPORTS, run
from storage import Store


def test_the_report_shows_the_numbers_of_the_tables_and_fetches_nothing(store: Store) -> None:
    report = run(store)
    assert (report.read, report.kept) == (3, 3)
    page = (store.root / REPORTS["en"]).read_text(encoding="utf-8")
    for wanted in ("<b>3</b>products", "茶具", "no image on page", "query-c", "颜色"):
        assert wanted in page
    assert "sample of one in 64" not in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_the_report_is_written_again_only_when_a_table_changed(store: Store) -> None:
    run(store)
    before = (store.root / REPORTS["en"]).read_bytes()
    assert run(store).unchanged
    for place in REPORTS.values():
        (store.root / place).unlink()
        assert not run(store).unchanged
    assert len((store.root / REPORTS["en"]).read_bytes()) == len(before)


def test_a_large_workspace_is_sampled_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = ask(store.snapshot())
    monkeypatch.setattr(numbers, "_EXACT_LINES", 0)
    sampled = ask(store.snapshot())
    assert (exact.is_sampled, sampled.is_sampled) == (False, True)
    assert int(str(sampled.totals["values"])) % 64 == 0
    assert (sampled.ledger, sampled.overlap, sampled.shares) == (exact.ledger, exact.overlap, exact.shares)
    run(store)
    assert "sample of one in 64" in (store.root / REPORTS["en"]).read_text(encoding="utf-8")
