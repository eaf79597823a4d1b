"""The alert rules of deploy/prometheus and the dashboard of deploy/grafana: about figures that /metrics gives."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ratingo_pipelines_tests.gateway.served import BEARER, Served

DEPLOY = Path(__file__).parents[3] / "deploy"
RULES = DEPLOY / "prometheus" / "ratingo.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "ratingo.json"
FIGURE = re.compile(r"\b(?:ratingo|dagster)_\w+")


@pytest.mark.deploy
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_takes_the_rules() -> None:
    said = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_the_rules_ask_for_figures_that_are_given(gateway: Served) -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    asked = {name for rule in rules for name in FIGURE.findall(rule["expr"])}
    assert len(asked) > 4
    assert asked - given(gateway) == set()


def test_the_dashboard_shows_figures_that_are_given_in_panels_that_do_not_overlap(gateway: Served) -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in FIGURE.findall(target["expr"])}
    assert len(asked) > 10
    assert asked - given(gateway) == set()
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def given(gateway: Served) -> set[str]:
    """The figures of /metrics."""
    families = text_string_to_metric_families(gateway.ask("/metrics", headers=BEARER).text)
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in families}
