"""What was asked and answered: counts by API, and the busiest second and five minutes of each. Never a limit."""

from collections import Counter, deque
from typing import Any

WINDOWS = (1, 300)


class Counters:
    """Counts since the last reset. Times are seconds of a steady clock."""

    def __init__(self) -> None:
        self._requests: dict[str, Counter[str]] = {}
        self._statuses: dict[str, Counter[str]] = {}
        self._urls: dict[str, Counter[str]] = {}
        self._recent: dict[tuple[str, int], deque[float]] = {}
        self._busiest: dict[str, dict[int, int]] = {}

    def asked(self, api: str, template: str, url: str, now: float) -> None:
        """Count a request as it arrives, whatever becomes of it."""
        self._requests.setdefault(api, Counter())[template] += 1
        self._urls.setdefault(api, Counter())[url] += 1
        busiest = self._busiest.setdefault(api, dict.fromkeys(WINDOWS, 0))
        for window in WINDOWS:
            recent = self._recent.setdefault((api, window), deque())
            recent.append(now)
            while recent[0] <= now - window:
                recent.popleft()
            busiest[window] = max(busiest[window], len(recent))

    def answered(self, api: str, outcome: str) -> None:
        """Count what was sent: a status, or `hang`, `reset`, `cut`."""
        self._statuses.setdefault(api, Counter())[outcome] += 1

    def report(self) -> dict[str, Any]:
        """Counts by API, with what was asked more than once."""
        return {
            api: {
                "requests": sum(templates.values()),
                "endpoints": dict(sorted(templates.items())),
                "statuses": dict(sorted(self._statuses.get(api, Counter()).items())),
                "repeated": {url: count for url, count in sorted(self._urls[api].items()) if count > 1},
                "max_per_second": self._busiest[api][1],
                "max_per_300_seconds": self._busiest[api][300],
            }
            for api, templates in sorted(self._requests.items())
        }
