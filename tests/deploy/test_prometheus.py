"""The alert rules, the dashboard and the runbook are about metrics, commands and alerts that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from typer.core import TyperGroup
from typer.main import get_command

from cli.__main__ import application
from console.access import sign_in_metrics
from console.server import http_metrics
from ledger.ingest import ledger_metrics
from notifier import notifier_metrics
from schedulers import scheduler_metrics
from streams.worker import worker_metrics
from tests.docs.repository import ROOT, text_of, yaml_of

RULES: list[dict[str, Any]] = yaml_of("deploy/prometheus/alerts.yml")["groups"][0]["rules"]
ALERTS = [rule["alert"] for rule in RULES]
TESTS = ("alerts.test.yml", "alerts.days.test.yml")
RUNBOOK = text_of("docs/runbook.md")
PANELS = json.loads(text_of("deploy/grafana/spendgate.json"))["panels"]
MODULES = (worker_metrics, ledger_metrics, scheduler_metrics, notifier_metrics, http_metrics, sign_in_metrics)
#: What Prometheus makes of each scrape, and what the client library has of every process.
GENERAL = {"up", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:spendgate_\w+|process_\w+|up\b)", re.sub(r'"[^"]*"', "", expression)))


def exported() -> Iterator[str]:
    """The names of samples, with the endings that the client library gives them."""
    for module in MODULES:
        for one in vars(module).values():
            for family in one.describe() if isinstance(one, MetricWrapperBase) else ():
                endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
                yield from (f"{family.name}{ending}" for ending in endings)


@pytest.mark.parametrize("rule", RULES, ids=ALERTS)
def test_every_metric_of_an_alert_is_exported(rule: dict[str, Any]) -> None:
    assert metrics_of(rule["expr"])
    assert metrics_of(rule["expr"]) - {*exported(), *GENERAL} == set()


def test_every_metric_of_the_dashboard_is_exported() -> None:
    used = {name for panel in PANELS for target in panel["targets"] for name in metrics_of(target["expr"])}
    assert len(used) > 15
    assert used - {*exported(), *GENERAL} == set()
    assert {name for name in GENERAL if name.startswith("process_")} <= {
        f"{family.name}{'_total' if family.type == 'counter' else ''}" for family in REGISTRY.collect()
    }


def test_every_alert_has_its_part_in_the_runbook_and_every_part_its_alert() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == ALERTS
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_every_command_of_the_runbook_is_there() -> None:
    root = get_command(application())
    assert isinstance(root, TyperGroup)
    named = re.findall(r"spendgate ((?:[a-z-]+)(?: [a-z-]+)?)((?: [^`#\n]*)?)", RUNBOOK)
    assert len(named) > 30
    for words, rest in named:
        first, *second = words.split()
        command = root.commands[first]
        if isinstance(command, TyperGroup):
            command = command.commands[second[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        if first != "kafka":
            assert set(re.findall(r"--[a-z-]+", rest)) <= options, (words, rest)


def test_every_alert_is_tested_by_promtool() -> None:
    tests = [test for file in TESTS for test in yaml_of(f"deploy/prometheus/{file}")["tests"]]
    assert sorted(test["name"] for test in tests) == sorted(ALERTS)
    for test in tests:
        turns = [bool(moment["exp_alerts"]) for moment in test["alert_rule_test"]]
        assert turns == [False, True] * (len(turns) // 2), test["name"]


@pytest.mark.parametrize(
    "arguments",
    [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"], ["test", "rules", *TESTS]],
    ids=["rules", "config", "series"],
)
def test_promtool_is_content(arguments: list[str]) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    result = subprocess.run(
        [tool, *arguments], cwd=ROOT / "deploy/prometheus", capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
