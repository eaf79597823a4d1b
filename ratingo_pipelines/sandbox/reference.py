"""What TMDB calls genres, and providers as it lists them (JustWatch's data): true ids, names and logos."""

from ratingo_pipelines.media import MOVIES, SHOWS, Medium

GENRES: dict[Medium, dict[int, tuple[str, str]]] = {
    # id: English, Ukrainian
    SHOWS: {
        10759: ("Action & Adventure", "Екшн і Пригоди"),
        16: ("Animation", "Мультфільм"),
        35: ("Comedy", "Комедія"),
        80: ("Crime", "Кримінал"),
        99: ("Documentary", "Документальний"),
        18: ("Drama", "Драма"),
        10751: ("Family", "Сімейний"),
        10762: ("Kids", "Дитячий"),
        9648: ("Mystery", "Детектив"),
        10763: ("News", "Новини"),
        10764: ("Reality", "Реаліті-шоу"),
        10765: ("Sci-Fi & Fantasy", "Науково фантастичний"),
        10766: ("Soap", "Мильна опера"),
        10767: ("Talk", "Ток-шоу"),
        10768: ("War & Politics", "Політика та війна"),
        37: ("Western", "Вестерн"),
    },
    MOVIES: {
        28: ("Action", "Бойовик"),
        12: ("Adventure", "Пригоди"),
        16: ("Animation", "Мультфільм"),
        35: ("Comedy", "Комедія"),
        80: ("Crime", "Кримінал"),
        99: ("Documentary", "Документальний"),
        18: ("Drama", "Драма"),
        10751: ("Family", "Сімейний"),
        14: ("Fantasy", "Фентезі"),
        36: ("History", "Історичний"),
        27: ("Horror", "Жахи"),
        10402: ("Music", "Музика"),
        9648: ("Mystery", "Детектив"),
        10749: ("Romance", "Мелодрама"),
        878: ("Science Fiction", "Фантастика"),
        10770: ("TV Movie", "Телефільм"),
        53: ("Thriller", "Трилер"),
        10752: ("War", "Військовий"),
        37: ("Western", "Вестерн"),
    },
}

ANIMATION = 16

PROVIDERS: dict[int, tuple[str, str]] = {
    2: ("Apple TV Store", "/SPnB1qiCkYfirS2it3hZORwGVn.jpg"),
    3: ("Google Play Movies", "/8z7rC8uIDaTM91X0ZfkRf04ydj2.jpg"),
    7: ("Fandango At Home", "/19fkcOz0xeUgCVW8tO85uOYnYK9.jpg"),
    8: ("Netflix", "/pbpMk2JmcoNnQwx5JGpXngfoWtp.jpg"),
    9: ("Amazon Prime Video", "/pvske1MyAoymrs5bguRfVqYiM9a.jpg"),
    10: ("Amazon Video", "/qR6FKvnPBx2O37FDg8PNM7efwF3.jpg"),
    15: ("Hulu", "/bxBlRPEPpMVDc4jMhSrTf2339DW.jpg"),
    35: ("Rakuten TV", "/bZvc9dXrXNly7cA0V4D9pR8yJwm.jpg"),
    73: ("Tubi TV", "/zLYr7OPvpskMA4S79E3vlCi71iC.jpg"),
    83: ("The CW", "/spcwROYevucLluqZZ8Fv75UuTBt.jpg"),
    192: ("YouTube", "/pTnn5JwWr4p3pG8H6VrpiQo7Vs0.jpg"),
    212: ("Hoopla", "/j7D006Uy3UWwZ6G0xH6BMgIWTzH.jpg"),
    283: ("Crunchyroll", "/fzN5Jok5Ig1eJ7gyNGoMhnLSCfh.jpg"),
    337: ("Disney Plus", "/97yvRBw1GzX7fXprcF80er19ot.jpg"),
    1899: ("HBO Max", "/jbe4gVSfRlbPTdESXhEKpornsfu.jpg"),
}

OFFERED: dict[str, dict[str, tuple[tuple[int, int], ...]]] = {
    # region: category: (provider, its display priority there)
    "UA": {
        "flatrate": ((8, 0), (283, 7), (1899, 18)),
        "rent": ((2, 2), (3, 3), (35, 4)),
        "buy": ((2, 2), (3, 3), (35, 4)),
    },
    "US": {
        "flatrate": ((8, 2), (9, 4), (337, 5), (15, 6), (1899, 152)),
        "free": ((83, 32), (212, 36)),
        "ads": ((73, 348),),
        "rent": ((10, 7), (2, 9), (3, 17), (192, 18), (7, 35)),
        "buy": ((10, 7), (2, 9), (3, 17), (192, 18), (7, 35)),
    },
    "PL": {"flatrate": ((8, 0), (1899, 3)), "rent": ((35, 6),)},
    "DE": {"flatrate": ((8, 0), (9, 1), (337, 2)), "buy": ((2, 3),)},
}
CATEGORIES = ("flatrate", "free", "ads", "rent", "buy")
