"""The systemd units and the Helm chart: what their own tools find, and what our processes need of them."""

import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.repository import ROOT, text_of

PROCESSES = ("worker", "scheduler", "ledger", "notifier", "api")
PORTS = {"worker": 9100, "scheduler": 9101, "ledger": 9102, "notifier": 9103, "api": 8000}
CHART = ROOT / "deploy/helm/spendgate"


@pytest.mark.parametrize("process", PROCESSES)
def test_a_unit_starts_its_process_again_whatever_it_ended_with(process: str) -> None:
    text = text_of(f"deploy/systemd/spendgate-{process}.service")
    unit = RawConfigParser(strict=False)  # EnvironmentFile comes twice
    unit.read_string(text)
    assert unit["Service"]["ExecStart"].split()[1:] == [process]
    assert unit["Service"]["Restart"] == "always" and unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    for path in (ROOT / "deploy/systemd").glob("*.service"):
        # Of an executable that is there: what is not installed is no fault of a unit.
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/spendgate/bin/spendgate", "/bin/true"))
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == len(PROCESSES)
    result = subprocess.run([tool, "verify", *units], capture_output=True, text=True, check=False)
    assert [line for line in result.stderr.splitlines() if "spendgate-" in line] == []


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    tool = shutil.which("helm")
    if tool is None:
        pytest.skip("helm is not installed: go install helm.sh/helm/v3/cmd/helm@v3.19.0")
    linted = subprocess.run([tool, "lint", "--strict", CHART], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    files = ["--set", "filesSecretName=certificates"]
    made = subprocess.run([tool, "template", "s", CHART, *files], capture_output=True, text=True, check=True)
    return [one for one in yaml.safe_load_all(made.stdout) if one]


def test_the_chart_makes_each_process_with_probes_and_a_budget(manifests: list[dict[str, Any]]) -> None:
    of_kind = {kind: [one for one in manifests if one["kind"] == kind] for kind in {it["kind"] for it in manifests}}
    assert {kind: len(them) for kind, them in of_kind.items()} == {
        "Deployment": 5,
        "PodDisruptionBudget": 5,
        "Service": 1,
        "Job": 1,
    }
    for deployment in of_kind["Deployment"]:
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        process = container["name"]
        assert container["args"] == ["spendgate", process] and pod["restartPolicy"] == "Always"
        settings = {one["name"]: one["value"] for one in container["env"]}
        port = settings["SPENDGATE_HTTP_PORT" if process == "api" else "SPENDGATE_METRICS_PORT"]
        assert container["ports"][0]["containerPort"] == PORTS[process] == int(port)
        probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
        assert probes == {"startup": "/health/startup", "liveness": "/health/live", "readiness": "/health/ready"}
        [budget] = [one for one in of_kind["PodDisruptionBudget"] if one["metadata"] == {"name": f"s-{process}"}]
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"]["matchLabels"].items() <= (
            deployment["spec"]["template"]["metadata"]["labels"].items()
        )


def test_the_names_of_settings_in_the_chart_are_settings() -> None:
    from streams.settings import Settings

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert {name.lower() for name in values["settings"]} <= set(Settings.model_fields)
    assert set(values["processes"]) == set(PROCESSES)
