"""The crontab starts what the schedules start, at the same times."""

import re
import stat

from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS
from ratingo_pipelines.settings import Settings
from ratingo_pipelines_tests.gateway.documents import ROOT
from ratingo_pipelines_tests.guards import some

CRON = ROOT / "deploy" / "cron"
OWN = {"shows_partitions_prune", "movies_partitions_prune"}
"""What concerns Dagster alone, and is left to its schedules."""


def test_the_crontab_has_the_times_of_the_schedules() -> None:
    jobs = {endpoint.path: endpoint.job for endpoint in ENDPOINTS if endpoint.job}
    cycles = {"shows": "shows_trending", "movies": "movies_trending"}
    found = {}
    for line in (CRON / "crontab").read_text().splitlines():
        scheduled = re.match(r"(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+\S+/(\w+)\.sh (\S+)", line)
        if scheduled:
            *when, script, what = scheduled.groups()
            found[jobs[what] if script == "trigger" else cycles[what]] = " ".join(when)

    expected = {
        name.removesuffix("_cron"): field.default
        for name, field in Settings.model_fields.items()
        if name.endswith("_cron") and name.removesuffix("_cron") not in OWN
    }
    assert found == expected


def test_the_crontab_gives_curl_the_time_that_the_endpoint_waits() -> None:
    waits = {endpoint.path: endpoint.parameters[-1].default for endpoint in ENDPOINTS if endpoint.job}
    lines = [line for line in (CRON / "crontab").read_text().splitlines() if not line.startswith("#")]
    triggered = [found for line in lines if (found := re.search(r"trigger\.sh (\S+)(?: (\d+))?", line))]
    for path, seconds in (found.groups() for found in some(triggered, 5)):
        assert waits[path] == int(seconds or 300) - 10


def test_the_scripts_can_be_run_by_cron() -> None:
    for script in some(CRON.glob("*.sh"), 2):
        assert script.stat().st_mode & stat.S_IXUSR
