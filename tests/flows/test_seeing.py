"""Logs, metrics, notifications and machine limits."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.engine import open_engine
from core.errors import DataError, ThresholdError
from core.run_options import RunContext
from flows.run_files import METRICS_FILE
from flows.run_stage import confined, notifying, run_stage
from workspace import Workspace
from workspace.settings import MachineSettings


def add_settings(workspace: Workspace, text: str) -> Workspace:
    path = workspace.root / "m5data.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return Workspace.open(workspace.root)


def test_metrics_say_what_the_reports_say(collected: Workspace) -> None:
    run_stage(collected, "texts", RunContext())
    text = (collected.root / METRICS_FILE).read_text(encoding="utf-8")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    items = {
        (s.labels["stage"], s.labels["outcome"], s.labels["reason"]): s.value
        for s in samples
        if s.name == "m5data_stage_items"
    }
    stages = Workspace.open(collected.root).snapshot.stages
    expected = {(name, "kept", ""): record.report.kept for name, record in stages.items()} | {
        (name, "dropped", reason): count
        for name, record in stages.items()
        for reason, count in record.report.dropped.items()
    }
    assert items == expected
    assert [s for s in samples if s.name == "m5data_running"] == []


def test_a_log_line_names_run_stage_partition_and_item(fresh: Workspace) -> None:
    for name in ("crawl", "records", "download", "extract"):
        run_stage(fresh, name, RunContext(run="nightly"))
    lines = [json.loads(line) for line in (fresh.root / "logs" / "run.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(line["run"], line["stage"]) for line in lines} == {
        ("nightly", name) for name in ("crawl", "records", "download", "extract")
    }
    faults = {
        (row["item"], row["reason"])
        for row in Workspace.open(fresh.root)
        .sql("select item, reason from rejects where stage = 'extract'")
        .to_pylist()
    }
    logged = {(line["item"], line["message"].split()[1].rstrip(":")) for line in lines if "item" in line}
    assert faults
    assert logged == faults
    assert all("partition" in line for line in lines if "item" in line)


def test_a_failed_stage_is_logged(fresh: Workspace) -> None:
    with pytest.raises(DataError):
        run_stage(fresh, "download", RunContext())
    last = (fresh.root / "logs" / "run.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last)["message"].startswith("download: ended by MissingInputError: download: ")


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_a_command_and_a_webhook_are_notified_of_a_failed_threshold(fresh: Workspace, tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.messages = []  # type: ignore[attr-defined]
    thread = Thread(target=server.handle_request)
    thread.start()
    out = tmp_path / "message.json"
    script = f"import sys; open({str(out)!r}, 'wb').write(sys.stdin.buffer.read())"
    command = json.dumps([sys.executable, "-c", script])
    hook = f"http://127.0.0.1:{server.server_port}/"
    workspace = add_settings(fresh, f'\n[run]\nnotify_command = {command}\nnotify_webhook = "{hook}"\n')
    with pytest.raises(ThresholdError, match="kept 80%"), notifying(workspace, "collect"):
        raise ThresholdError("download: kept 80%")
    thread.join()
    server.server_close()
    message = json.loads(out.read_text(encoding="utf-8"))
    assert server.messages == [message]  # type: ignore[attr-defined]
    assert {key: message[key] for key in ("workspace", "run", "error", "message")} == {
        "workspace": str(workspace.root),
        "run": "collect",
        "error": "ThresholdError",
        "message": "download: kept 80%",
    }


def test_a_hook_that_fails_does_not_hide_the_error(fresh: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    workspace = add_settings(
        fresh, '\n[run]\nnotify_command = ["/nowhere/at-all"]\nnotify_webhook = "http://127.0.0.1:9/"\n'
    )
    with pytest.raises(ThresholdError, match="too few"), notifying(workspace, "collect"):
        raise ThresholdError("too few")
    assert [record.message.split(":")[0] for record in caplog.records] == ["run.notify_command", "run.notify_webhook"]


def test_cores_and_memory_are_kept_to_and_given_back() -> None:
    before = os.sched_getaffinity(0)
    with confined(MachineSettings(cores=1, memory_mb=2048)):
        assert os.sched_getaffinity(0) == {min(before)}
        with open_engine() as engine:
            limit = engine.execute("select current_setting('memory_limit')").fetchall()
    assert limit == [("976.5 MiB",)], "half of it, in DuckDB's words"
    assert os.sched_getaffinity(0) == before


def test_a_run_does_not_start_on_a_full_disk(fresh: Workspace) -> None:
    workspace = add_settings(fresh, "\n[machine]\nmin_free_gb = 1e9\n")
    with pytest.raises(DataError, match=r"GB free, less than machine.min_free_gb = 1e\+09"):
        run_stage(workspace, "crawl", RunContext())
    assert workspace.store.snapshot().number == 0
