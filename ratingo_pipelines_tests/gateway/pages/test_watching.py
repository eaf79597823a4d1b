"""The pages of what is being watched, over HTTP, on a database that real cycles filled."""

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import update

from ratingo_pipelines.gateway.api.runs import NotLaunched, Run
from ratingo_pipelines.gateway.app import Access, behind_authentication
from ratingo_pipelines.gateway.auth.access import role_needed
from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.http_counts import HttpCounts
from ratingo_pipelines.gateway.pages.watching import REFRESH, WatchingPages
from ratingo_pipelines.gateway.pages.words import _UKRAINIAN, CHANGES, OUTCOMES, TURNS, words_in
from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import title_changes
from ratingo_pipelines.storage.attempts import AttemptOutcome
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.title_changes import ChangedTitle, ChangeKind, TitleChange
from ratingo_pipelines.storage.turns import Turn
from ratingo_pipelines.sync.airings import sync_calendar
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, Served, secrets, served
from ratingo_pipelines_tests.statements import counted
from ratingo_pipelines_tests.sync.syncing import run_cycle, settings_for

REFUSED, RUN_ID = 99, "5a3c4a2e-7c0e-4c53-9a6d-0f6f1c1f8c11"
RUN = Run(RUN_ID, "shows_sync", "FAILURE", {}, datetime(2026, 3, 1, tzinfo=UTC), None)
FETCHED: list[tuple[Medium, int]] = []
"""What was asked to be fetched."""
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
PAGES = Path(__file__).parents[3] / "ratingo_pipelines" / "gateway" / "pages" / "templates"


@pytest.fixture(scope="module")
def filled(
    shared_database: Database, running_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Database:
    """Both media and the calendar, after a cycle; the first show is called by a name that is markup."""
    running_sandbox.reset()
    url = shared_database.url.render_as_string(hide_password=False)
    home = tmp_path_factory.mktemp("home")
    with open_sync_context(settings_for(running_sandbox, home, database_url=url, trending_limit=8)) as ctx:
        for medium in MEDIA:
            run_cycle(ctx, medium)
        sync_calendar(ctx)
    titles = tables_of(SHOWS).titles
    with shared_database.writing() as conn:
        conn.execute(update(titles).where(titles.c.id == 1).values(title=HOSTILE, title_uk=HOSTILE))
    return shared_database


@pytest.fixture(scope="module")
def site(filled: Database) -> Iterator[Served]:
    async def nothing(*_: object) -> None:
        raise AssertionError("Dagster was asked")

    async def fetch(medium: Medium, tmdb_id: int, _: str) -> str:
        if tmdb_id == REFUSED:
            raise NotLaunched("the code server is away")
        FETCHED.append((medium, tmdb_id))
        return RUN_ID

    pages = WatchingPages(filled, Settings(_env_file=None), fetch, lambda number: [RUN] * min(number, 1))
    with served(behind_authentication(pages.routes(), nothing, Access(secrets()), HttpCounts()), ()) as running:
        yield running


def digest(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


def page(site: Served, path: str) -> str:
    answer = site.ask(path, headers=BEARER | BROWSER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


def test_the_lists_and_the_health_are_one_page_in_ukrainian_and_in_english(site: Served) -> None:
    ukrainian, english = page(site, "/watching"), page(site, "/watching?lang=en")
    listed = site.ask("/watching.json", headers=BEARER).json()["watching"]
    assert [len(listed["shows"]) > 3, len(listed["movies"]) > 3] == [True, True]
    for title in listed["movies"]:
        assert f"/watching/titles/movies/{title['tmdb_id']}" in ukrainian
        assert title["title"].split()[0] in ukrainian
    assert ('<html lang="uk">' in ukrainian, '<html lang="en">' in english) == (True, True)
    assert ("Що дивляться зараз" in ukrainian, "Watching now" in english) == (True, True)
    assert "JustWatch" in english
    assert "Titles by outcome" in english


def test_the_last_attempt_the_requests_and_the_last_runs_are_seen(site: Served) -> None:
    english, told = page(site, "/watching?lang=en"), site.ask("/watching.json", headers=BEARER).json()
    assert re.search(r"List last asked for: \S+ \S+ UTC, It came", english)
    asked = told["status"]["media"]["shows"]["cycle"]["requests"]
    assert asked["tmdb"] > 3
    assert f"tmdb {asked['tmdb']}" in english
    assert f'<a href="/runs/{RUN_ID}">shows_sync</a> FAILURE' in english
    assert [(run["id"], run["job"], run["status"]) for run in told["runs"]] == [(RUN_ID, "shows_sync", "FAILURE")]
    assert '<span class="soft">New</span>' in english, "nothing is compared with one list"


def test_programs_get_the_same_as_json(site: Served) -> None:
    by_name = site.ask("/watching.json", headers=BEARER).json()
    by_accept = site.ask("/watching", headers=BEARER | {"Accept": "application/json"}).json()
    assert by_name.keys() == by_accept.keys() == {"watching", "status", "runs"}
    assert by_name["watching"] == by_accept["watching"]
    assert by_name["status"]["media"]["shows"]["titles"]["done"] > 3


def test_a_titles_page_shows_its_record(site: Served) -> None:
    first = site.ask("/watching.json", headers=BEARER).json()["watching"]["movies"][0]
    path = f"/watching/titles/movies/{first['tmdb_id']}"
    shown, record = page(site, path), site.ask(f"{path}.json", headers=BEARER).json()
    assert f"<h1>{first['title']}</h1>" in shown
    assert record["cast"]
    for person in record["cast"]:
        assert person["name"].split()[0] in shown
    assert "<svg" in shown
    assert len(record["votes"]) == 10
    assert record["facts"]
    assert all(f"<dt>{fact['name']}</dt>" in shown for fact in record["facts"])
    assert f'src="https://image.tmdb.org/t/p/w185{first["poster"]}"' in shown


def test_the_calendar_lists_the_episodes_by_day(site: Served) -> None:
    airings = site.ask("/watching/calendar.json", headers=BEARER).json()["airings"]
    shown = page(site, "/watching/calendar")
    assert airings
    assert [airing["airs_at"] for airing in airings] == sorted(airing["airs_at"] for airing in airings)
    assert all(f'id="d{airing["day"]}"' in shown for airing in airings)


@pytest.mark.parametrize(
    "path", ["/watching", "/watching?lang=en", "/watching/titles/shows/{id}", "/watching/calendar"]
)
def test_a_hostile_title_does_nothing(site: Served, filled: Database, path: str) -> None:
    titles = tables_of(SHOWS).titles
    with filled.reading() as conn:
        tmdb_id = conn.execute(titles.select().where(titles.c.id == 1)).mappings().one()["tmdb_id"]
    answer = site.ask(path.format(id=tmdb_id), headers=BEARER | BROWSER)
    scripts = re.findall(r"<script[^>]*>(.*?)</script", answer.text, re.DOTALL)
    assert scripts == ([REFRESH] if '<h2 id="health">' in answer.text else [])
    assert answer.text.count("<script") == len(scripts)
    assert "onerror=alert" not in re.sub(r"&[a-z0-9#]+;", "", answer.text.replace("&lt;img src=x onerror=alert", ""))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert re.findall(r"script-src ([^;]+);", policy) == [f"'sha256-{digest(REFRESH)}'"], "no script but ours"
    assert "img-src https://image.tmdb.org;" in policy


@pytest.mark.parametrize("path", ["/watching", "/watching.json", "/watching/calendar"])
def test_a_page_asks_no_query_a_row(site: Served, filled: Database, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    for shown in (2, 8):
        monkeypatch.setattr("ratingo_pipelines.gateway.pages.watching.TITLES", shown)
        with counted(filled) as statements:
            assert site.ask(path, headers=BEARER | BROWSER).status_code == 200
        sent.append(len(statements))

    assert sent[0] == sent[1] > 0


def test_nothing_outside_is_loaded_but_posters(site: Served) -> None:
    for path in ("/watching", "/watching/calendar"):
        for url in re.findall(r'(?:src|href)="(https?://[^"]+)"', page(site, path)):
            assert url.startswith("https://image.tmdb.org/t/p/")


@pytest.mark.parametrize(
    "path", ["/watching/titles/shows/99", "/watching/titles/books/1", f"/watching/titles/shows/{10**20}"]
)
def test_a_title_that_is_not_there_is_said_not_to_be(site: Served, path: str) -> None:
    assert site.ask(path, headers=BEARER).status_code == 404


def test_strangers_are_asked_who_they_are_and_land_where_they_wanted_to(site: Served) -> None:
    assert site.ask("/watching.json").status_code == 401
    asked = site.ask("/watching/calendar", headers=BROWSER)
    assert asked.status_code in {302, 303, 307}
    assert asked.headers["Location"] == "/login?next=/watching/calendar"


@pytest.mark.parametrize("path", ["/watching", "/watching.json", "/watching/calendar", "/watching/titles/shows/1"])
def test_the_role_read_is_enough(path: str) -> None:
    assert role_needed({"type": "http", "method": "GET", "path": path}, ()) is Role.READ


def test_a_title_is_fetched_by_its_button_and_the_page_then_names_the_run(site: Served) -> None:
    tmdb_id = site.ask("/watching.json", headers=BEARER).json()["watching"]["movies"][0]["tmdb_id"]
    path = f"/watching/titles/movies/{tmdb_id}"
    assert f'<form method="post" action="{path}">' in page(site, path)
    FETCHED.clear()

    answer = site.ask(f"{path}?lang=en", "POST", headers=BEARER | BROWSER)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?run={RUN_ID}&lang=en")
    assert [(str(medium), fetched) for medium, fetched in FETCHED] == [("movies", tmdb_id)]
    assert f'<a href="/runs/{RUN_ID}">' in page(site, answer.headers["Location"])
    asked = site.ask(path, "POST", headers=BEARER)
    assert (asked.status_code, asked.json()) == (202, {"success": True, "runId": RUN_ID})


@pytest.mark.parametrize("text", ["<b>x</b>", "../../", "5A3C4A2E-7C0E-4C53-9A6D-0F6F1C1F8C11"])
def test_only_the_id_of_a_run_is_taken_for_one(site: Served, text: str) -> None:
    tmdb_id = site.ask("/watching.json", headers=BEARER).json()["watching"]["movies"][0]["tmdb_id"]
    assert "/runs/" not in page(site, f"/watching/titles/movies/{tmdb_id}?run={text}")


@pytest.mark.parametrize(("path", "status"), [("/books/1", 404), ("/shows/0", 404), (f"/shows/{REFUSED}", 503)])
def test_what_cannot_be_fetched_is_said_in_a_line(site: Served, path: str, status: int) -> None:
    answer = site.ask(f"/watching/titles{path}", "POST", headers=BEARER)
    assert (answer.status_code, answer.json()["success"]) == (status, False)


def test_what_changed_of_a_title_is_on_its_page_in_both_languages(site: Served, filled: Database) -> None:
    changes = [
        TitleChange(ChangeKind.NEXT_EPISODE, "2026-05-01", None),
        TitleChange(ChangeKind.OFF_PROVIDER, HOSTILE, None, "UA"),
    ]
    tmdb_id = site.ask("/watching.json", headers=BEARER).json()["watching"]["movies"][0]["tmdb_id"]
    moment = datetime(2026, 4, 1, tzinfo=UTC)
    with filled.writing() as conn:
        title_changes.record(conn, MOVIES, [ChangedTitle(tmdb_id, "A title", one) for one in changes], moment)
    path = f"/watching/titles/movies/{tmdb_id}"
    english, ukrainian = page(site, f"{path}?lang=en"), page(site, path)
    assert "Date of the next episode: 2026-05-01 → None" in english
    assert "Дата наступної серії: 2026-05-01 → немає" in ukrainian
    for text, words in ((english, "Off a provider (UA)"), (ukrainian, "Зникло з платформи (UA)")):
        assert f"{words}: &lt;script&gt;" in text
        assert HOSTILE not in text
        assert "2026-04-01 00:00 UTC" in text
    told = site.ask(f"{path}.json", headers=BEARER).json()["changes"]
    assert [(each["kind"], each["before"], each["region"]) for each in told[:2]] == [
        ("off_provider", HOSTILE, "UA"),
        ("next_episode", "2026-05-01", None),
    ]


def test_the_button_is_for_those_who_may_start_something() -> None:
    scope = {"type": "http", "method": "POST", "path": "/watching/titles/shows/1"}
    assert role_needed(scope, ()) is Role.TRIGGER


def test_a_page_of_another_site_fetches_nothing(site: Served) -> None:
    FETCHED.clear()
    foreign = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    answer = site.ask("/watching/titles/shows/1", "POST", headers=foreign | BROWSER)
    assert answer.status_code in {302, 303, 401, 403}
    assert FETCHED == []


def test_an_empty_database_has_its_pages_too(gateway: Served) -> None:
    assert "Списку ще немає" in page(gateway, "/watching")
    assert "серій не оголошено" in page(gateway, "/watching/calendar")


def test_every_word_of_the_templates_is_there_in_both_languages() -> None:
    used = {word for template in PAGES.glob("*.html") for word in re.findall(r"\bt\('([^']+)'\)", template.read_text())}
    assert len(used) > 30
    assert OUTCOMES.keys() == set(AttemptOutcome)
    assert TURNS.keys() == set(Turn)
    assert CHANGES.keys() == set(ChangeKind)
    used |= {*OUTCOMES.values(), *TURNS.values(), *CHANGES.values()}
    assert used <= _UKRAINIAN.keys()
    for language in ("uk", "en"):
        assert all(words_in(language)(word) for word in used)
