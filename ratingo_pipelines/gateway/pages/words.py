"""The pages' words in both languages. Keys are the English ones, which the templates are written in."""

from collections.abc import Callable, Mapping

from ratingo_pipelines.storage.attempts import AttemptOutcome
from ratingo_pipelines.storage.title_changes import ChangeKind
from ratingo_pipelines.storage.turns import Turn

LANGUAGES = ("uk", "en")
_UKRAINIAN: Mapping[str, str] = {
    "pages": "Сторінки",
    "watching now": "Що дивляться зараз",
    "calendar": "Календар",
    "Dagster": "Dagster",
    "shows": "Серіали",
    "movies": "Фільми",
    "poster": "Постер",
    "title": "Назва",
    "watchers": "Дивляться",
    "change": "Зміна",
    "trend": "Динаміка",
    "next episode": "Наступна серія",
    "watch in Ukraine": "Де дивитися в Україні",
    "left the list": "вибув зі списку",
    "nothing is listed yet": "Списку ще немає",
    "where to watch: JustWatch": "Де дивитися: JustWatch",
    "how the sync is doing": "Стан синхронізації",
    "cycle": "Цикл",
    "done": "готово",
    "waiting": "чекають",
    "failed": "з помилкою",
    "skipped": "пропущено",
    "titles by outcome": "Тайтли за результатом",
    "no cycle yet": "Ще не було жодного циклу",
    "TMDB's list stands in for Trakt's, without watchers": "Trakt не дає списку, тож діє список TMDB, без глядачів",
    "asked in vain": "Запити без результату",
    "failing": "Помилки",
    "next attempt": "наступна спроба",
    "and more": "та ще",
    "in doubt": "Під сумнівом",
    "requests left today": "запитів залишилося сьогодні",
    "until": "до",
    "requests in": "запитів за",
    "seconds": "с",
    "asked to be left alone until": "просить не звертатися до",
    "titles of the latest list wait": "Чекають тайтли останнього списку",
    "listed titles wait": "Чекають тайтли сайту",
    "titles never asked about wait": "Чекають тайтли, про які ще не запитували",
    "titles to be asked about again wait": "Чекають тайтли, про які час запитати знову",
    "runs in Dagster": "Запуски в Dagster",
    "not stored yet": "Ще не збережено",
    "listed": "У списку сайту",
    "not listed": "Поза списком сайту",
    "partition in Dagster": "Партиція в Dagster",
    "watchers of 30 days": "Глядачі за 30 днів",
    "votes at Trakt, 1 to 10": "Оцінки на Trakt, від 1 до 10",
    "facts by source": "Дані за джерелами",
    "cast": "Актори",
    "trailers": "Трейлери",
    "last cycles": "Останні цикли",
    "time": "Час",
    "outcome": "Результат",
    "asked about": "Запити про тайтл",
    "again": "знову",
    "answered": "відповідь",
    "episodes of the next 14 days": "Серії найближчих 14 днів",
    "no episode is announced for the next 14 days": "На найближчі 14 днів серій не оголошено",
    "new": "новий",
    "ratings": "Рейтинги",
    "history of rank": "Місця у списку",
    "last runs": "Останні запуски",
    "requests for this cycle": "Запитів для цього циклу",
    "list last asked for": "Останній запит списку",
    "it came": "список отримано",
    "the list is too short": "список надто короткий",
    "the list is not whole": "список неповний",
    "this machine's clock differs from the source's": "годинник розходиться з годинником джерела",
    "the source did not answer": "джерело не відповіло",
    "the source refuses the key": "джерело відхилило ключ",
    "the source's answers are doubted": "відповіді джерела викликають сумнів",
    "there is no such list": "такого списку немає",
    "no such title": "Такого тайтла немає",
    "fetch now": "Завантажити зараз",
    "try again": "Спробувати ще раз",
    "what changed": "Що змінилося",
    "seasons": "Сезонів",
    "date of the next episode": "Дата наступної серії",
    "status": "Статус",
    "certification": "Вікове обмеження",
    "on a provider": "З'явилося на платформі",
    "off a provider": "Зникло з платформи",
    "into the trending list": "Потрапило до списку",
    "out of the trending list": "Вибуло зі списку",
    "none": "немає",
    "it is being fetched": "Тайтл завантажується",
    "this run": "цей запуск",
}


OUTCOMES: Mapping[str, str] = {
    AttemptOutcome.WELL: "it came",
    AttemptOutcome.SHORT: "the list is too short",
    AttemptOutcome.NOT_WHOLE: "the list is not whole",
    AttemptOutcome.CLOCK: "this machine's clock differs from the source's",
    AttemptOutcome.UNANSWERED: "the source did not answer",
    AttemptOutcome.DENIED: "the source refuses the key",
    AttemptOutcome.DOUBTED: "the source's answers are doubted",
    AttemptOutcome.ABSENT: "there is no such list",
}
"""What came of asking, in the pages' words."""

CHANGES: Mapping[str, str] = {
    ChangeKind.SEASON: "seasons",
    ChangeKind.NEXT_EPISODE: "date of the next episode",
    ChangeKind.STATUS: "status",
    ChangeKind.CERTIFICATION: "certification",
    ChangeKind.ON_PROVIDER: "on a provider",
    ChangeKind.OFF_PROVIDER: "off a provider",
    ChangeKind.LISTED: "into the trending list",
    ChangeKind.UNLISTED: "out of the trending list",
}
"""What changes of a title, in the pages' words."""

TURNS: Mapping[str, str] = {
    Turn.TRENDING: "titles of the latest list wait",
    Turn.LISTED: "listed titles wait",
    Turn.NEW: "titles never asked about wait",
    Turn.OLDEST: "titles to be asked about again wait",
}
"""Classes of titles that wait for a source, in the pages' words."""


def words_in(language: str) -> Callable[[str], str]:
    """What a key is in a language. Raises `KeyError` for one that the pages do not have."""
    if language == "uk":
        return _UKRAINIAN.__getitem__
    return _english


def _english(key: str) -> str:
    assert key in _UKRAINIAN, key  # noqa: S101 - what is missing in the other language is seen in this one too
    return key[0].upper() + key[1:]
