"""The program as a user runs it: its output, exit status and remaining files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workspace import Workspace

PROGRAM = Path(sys.executable).parent / "m5data"


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(w) for w in (PROGRAM, *words)], cwd=cwd, capture_output=True, text=True, check=False, timeout=480
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return Workspace.create(tmp_path / "shop").root


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_help_names_every_verb_and_ends_with_0(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)
    verbs = (
        "init demo run parse crawl ingest download extract dedup align annotate build-splits verify export sql stats"
    )
    assert done.returncode == 0
    assert [verb for verb in verbs.split() if f" {verb} " not in done.stdout] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("run", "-w", "nowhere"),
            "nowhere: not a workspace (it has no m5data.toml); make one with: m5data init nowhere",
        ),
        (("sql", "select 1", "-w", "nowhere"), "nowhere: "),
        (("parse", "nothing.html", "--url", "http://x/"), "nothing.html: cannot be read as a saved page"),
        (("parse",), "parse: give a saved page and its --url, or --source NAME"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("m5data: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == set()


def test_parse_explains_a_field_by_its_candidates(tmp_path: Path) -> None:
    (tmp_path / "lamp.html").write_text("<h1>Lamp</h1><p><s>€ 59</s> <b>€ 49</b></p><button>Add to cart</button>")
    page = ("parse", "lamp.html", "--url", "https://x.example/p/lamp", "--explain")
    found = json.loads(run(*page, "price", "--json", cwd=tmp_path).stdout)
    assert [(one["value"], one["first place"], one["places"]) for one in found] == [
        ("49", "html:price", 1), ("59", "html:price", 1)
    ]  # fmt: skip
    assert "struck" in {name for name, _ in found[1]["evidence"]}
    assert sum(one["probability"] for one in found) <= 1
    shown = run(*page, "price", cwd=tmp_path).stdout
    assert shown.startswith("price: candidates and their evidence with its weight; none of them: ")
    assert run(*page, "prise", cwd=tmp_path).returncode == 2


def test_an_unknown_option_is_exit_2(tmp_path: Path) -> None:
    assert run("sql", "select 1", "--fast", cwd=tmp_path).returncode == 2


def test_a_wrong_query_is_one_clear_line_and_exit_1(workspace: Path) -> None:
    done = run("sql", "select nothing from products", "-w", workspace, cwd=workspace)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing" in done.stderr
    assert done.stderr.count("\n") == 1


def test_sql_cannot_read_files_of_the_machine(workspace: Path) -> None:
    done = run("sql", "select * from read_csv('/etc/passwd')", "-w", workspace, cwd=workspace)
    assert done.returncode == 1
    assert "root" not in done.stdout


def test_sql_writes_json_csv_and_parquet(workspace: Path, tmp_path: Path) -> None:
    query = "select 1 as one, 'a' as letter, [2, 3] as list"
    assert (
        run("-w", workspace, "sql", query, "--format", "csv", cwd=tmp_path).stdout
        == '"one","letter","list"\n1,"a","[2, 3]"\n'
    )
    assert '"letter": "a"' in run("sql", query, "--format", "json", "-w", workspace, cwd=tmp_path).stdout
    done = run("sql", query, "--format", "parquet", "-w", workspace, cwd=tmp_path)
    assert (done.returncode, "--out" in done.stderr) == (2, True)
    out = tmp_path / "rows.parquet"
    assert run("sql", query, "--format", "parquet", "--out", out, "-w", workspace, cwd=tmp_path).returncode == 0
    assert out.read_bytes()[:4] == b"PAR1"


def test_a_workspace_is_not_made_twice(workspace: Path) -> None:
    before = files(workspace)
    done = run("init", workspace, cwd=workspace)
    assert (done.returncode, files(workspace)) == (2, before)


def test_unknown_setting_stops_every_verb_before_it_writes(workspace: Path) -> None:
    settings = workspace / "m5data.toml"
    settings.write_text(settings.read_text() + "\n[dowload]\n")
    before = files(workspace)
    done = run("crawl", "-w", workspace, cwd=workspace)
    assert (done.returncode, files(workspace)) == (2, before)
    assert "dowload: unknown key; did you mean download?" in done.stderr


@pytest.mark.parametrize("verb", ["crawl", "run"])
def test_a_source_without_authorisation_is_refused(workspace: Path, verb: str) -> None:
    settings = workspace / "m5data.toml"
    settings.write_text(settings.read_text() + '\n[sources.shop]\nstart = ["http://127.0.0.1:9/"]\nlocal = true\n')
    done = run(verb, "-w", workspace, cwd=workspace)
    assert done.returncode == 2
    assert "sources.shop.crawl_authorised must be true before this shop can be crawled" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_feed_with_a_broken_row_keeps_the_others_and_names_the_line(workspace: Path) -> None:
    settings = workspace / "m5data.toml"
    settings.write_text(settings.read_text() + "\n[sources.shop]\ncrawl_authorised = true\n")
    feed = workspace / "feed.jsonl"
    row = '{{"id": "{0}", "url": "https://s.example/{0}", "title": "a pot"}}\n'
    feed.write_text(row.format(1) + '{"id": \n' + row.format(2))
    assert run("ingest", feed, "-w", workspace, cwd=workspace).returncode == 0
    done = run("sql", "select item from rejects", "--format", "csv", "-w", workspace, cwd=workspace)
    assert "feed.jsonl:2" in done.stdout
    done = run("sql", "select product_id from products", "--format", "csv", "-w", workspace, cwd=workspace)
    assert done.stdout.split() == ['"product_id"', '"shop:1"', '"shop:2"']


def test_status_and_log_of_an_empty_workspace(workspace: Path) -> None:
    assert run("status", "-w", workspace, cwd=workspace).returncode == 0
    assert run("log", "--json", "-w", workspace, cwd=workspace).stdout == "[]\n"


def test_a_run_that_fails_is_one_line_though_a_scheduler_ran_it(workspace: Path) -> None:
    done = run("run", "--flow", "process", "-w", workspace, cwd=workspace)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("extract:", "dedup:", "align:"))]
    assert (done.returncode, len(lines)) == (1, 1), done.stderr
    assert lines[0].startswith("m5data: ")


def test_a_prefect_address_that_nobody_answers_at_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    done = run("run", "--flow", "process", "-w", workspace, cwd=workspace)
    assert done.returncode == 2
    assert done.stderr.startswith("m5data: PREFECT_API_URL: no Prefect API answers at http://127.0.0.1:9/api")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("align", "--rule", "zz"), ("build-splits", "--seed", "-1")])
def test_a_value_that_a_setting_does_not_take_is_one_line_and_exit_2(workspace: Path, words: tuple[str, ...]) -> None:
    done = run(*words, "-w", workspace, cwd=workspace)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words[1] in done.stderr


def test_control_characters_of_a_page_do_not_reach_the_terminal(workspace: Path) -> None:
    done = run("sql", "select chr(27) || ']0;title' as caption", "-w", workspace, cwd=workspace)
    assert "\x1b" not in done.stdout


def test_why_prints_what_led_to_a_product(workspace: Path) -> None:
    (workspace / "m5data.toml").write_text("[crawl.sources.shop]\ncrawl_authorised = true\n")
    feed = workspace.parent / "feed.jsonl"
    feed.write_text('{"id": "1", "url": "https://shop.example/1", "title": "Pot"}\n', encoding="utf-8")
    assert run("ingest", feed, "--source", "shop", "-w", workspace, cwd=workspace).returncode == 0
    lines = run("why", "shop:1", "-w", workspace, cwd=workspace).stdout.splitlines()
    assert lines[0].split() == ["step", "result", "why"]
    assert [line.split()[0] for line in lines[2:] if not line.startswith(" ")] == ["page", "versions"]
    stated = json.loads(run("why", "shop:1", "-w", workspace, "--json", cwd=workspace).stdout)
    assert (stated["product_id"], stated["version"], stated["splits"]) == ("shop:1", 1, [])
    unknown = run("why", "shop:2", "-w", workspace, cwd=workspace)
    assert (unknown.returncode, unknown.stderr.partition(".")[0]) == (2, "m5data: shop:2: no such product")
