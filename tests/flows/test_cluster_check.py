"""The check of a cluster's machines names what is wrong and what to do."""

from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml

from core.stage import utc_now
from flows.cluster_check import check_cluster, examine_node, own_versions
from storage import Store
from storage.location import ObjectStore
from tests.s3_server import ROOT
from tests.storage.failing_store import FailingStore, serve_failing_urls
from workspace.diagnostics import Finding

URL = "failing://bucket/shop"


def examined(location: str, *, cores: int = 1, hours: float = 0, **other: str) -> dict[str, Finding]:
    now = utc_now() - timedelta(hours=hours)
    return {one.name: one for one in examine_node(location, {**own_versions(), **other}, now, cores)}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    serve_failing_urls(monkeypatch)


def test_a_machine_that_lacks_nothing_is_all_ok_and_leaves_nothing(far: None) -> None:
    found = examined(URL)
    names = ["versions", "ffmpeg", "formats", "same versions", "decoders", "memory", "disk", "clock", "workspace"]
    assert [(one.name, one.state) for one in found.values()] == [(name, "ok") for name in names]
    assert FailingStore.objects() == {}


def test_what_is_wrong_is_named_with_what_to_do(far: None) -> None:
    found = examined(URL, cores=100_000, hours=3, av="1.0", python="3.9")
    assert {one.name for one in found.values() if one.state == "wrong"} == {"same versions", "memory", "disk", "clock"}
    assert "av " in found["same versions"].detail
    assert "(there 1.0); results may differ: install the same versions" in found["same versions"].detail
    assert "give Ray fewer cores (ray start --num-cpus)" in found["memory"].detail


def test_a_store_that_ignores_conditions_is_refused(far: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ObjectStore, "create", lambda self, name, data: self.write(name, data) or "tag")
    assert "it ignores the conditions of a put; two runs could" in examined(URL)["workspace"].detail
    assert FailingStore.objects() == {}


def test_a_folder_must_be_there_on_every_machine(tmp_path: Path) -> None:
    Store.create(tmp_path / "shop")
    assert examined(str(tmp_path / "shop"))["workspace"].state == "ok"
    assert "mount the same folder on every machine" in examined(str(tmp_path / "other"))["workspace"].detail


def test_each_machine_of_a_cluster_is_looked_at(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is an extra")
    Store.create(tmp_path / "shop")
    found = list(check_cluster(str(tmp_path / "shop")))
    assert len({machine for machine, _ in found}) == 1
    assert [one.name for _, one in found][-1] == "workspace"


def _closed(**keys: object) -> dict[str, object]:
    return {"type": "object", "additionalProperties": False, "properties": keys}


_STRING, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}
_LIST = {"type": "array", "items": {"type": "object", "required": ["name"]}}
_AMOUNTS = {**_closed(cpu=_STRING, memory=_STRING), "required": ["cpu", "memory"]}
_SECRET = {**_closed(secretRef=_closed(name=_STRING)), "required": ["secretRef"]}
_POD = {
    "envFrom": {"type": "array", "items": _SECRET},
    "resources": _closed(requests=_AMOUNTS, limits=_AMOUNTS),
    "volumes": _LIST,
    "volumeMounts": _LIST,
    "rayStartParams": {"type": "object", "additionalProperties": _STRING},
}
_KUBERAY = _closed(
    image=_closed(repository=_STRING, tag=_STRING, pullPolicy=_STRING),
    common=_closed(containerEnv=_LIST),
    head=_closed(**_POD),
    worker=_closed(**_POD, replicas=_WHOLE, minReplicas=_WHOLE, maxReplicas=_WHOLE),
)
"""The keys of KubeRay's chart that the values use."""


def test_kubernetes_values_have_the_keys_of_the_chart() -> None:
    values = yaml.safe_load((ROOT / "docs/kuberay-values.yaml").read_text())
    jsonschema.validate(values, _KUBERAY)
    assert values["worker"]["minReplicas"] <= values["worker"]["replicas"] <= values["worker"]["maxReplicas"]
    worker = values["worker"]["resources"]["limits"]
    assert float(worker["memory"].removesuffix("Gi")) >= 1.5 * int(worker["cpu"])
    for pod in (values["head"], values["worker"]):
        assert pod["resources"]["requests"] == pod["resources"]["limits"]
        assert [mount["name"] for mount in pod["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]
