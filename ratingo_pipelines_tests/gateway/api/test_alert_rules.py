"""The alert rules of deploy/prometheus: read by Prometheus' own tool, and about figures that /metrics gives."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ratingo_pipelines_tests.gateway.served import BEARER, Served

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "ratingo.rules.yml"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_takes_the_rules() -> None:
    said = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_the_rules_ask_for_figures_that_are_given(gateway: Served) -> None:
    families = text_string_to_metric_families(gateway.ask("/metrics", headers=BEARER).text)
    given = {f"{each.name}_total" if each.type == "counter" else each.name for each in families}
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    asked = {name for rule in rules for name in re.findall(r"\b(?:ratingo|dagster)_\w+", rule["expr"])}
    assert len(asked) > 4
    assert asked - given == set()
