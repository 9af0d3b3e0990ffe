"""How fifteen countries write money, dates, addresses, tax numbers and bank details."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

MONTHS: Mapping[str, str] = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}


@dataclass(frozen=True, slots=True)
class Locale:
    """One country in one language.

    ``groups``, ``signs`` and ``dates`` hold alternatives of which a vendor has one habit: the separator of thousands,
    the pattern of an amount with its currency, the pattern of a date (``d dd m mm yy yyyy mon month``).
    ``city`` writes the last line of an address from town, region and code.
    """

    country: str
    language: str
    currency: str
    groups: tuple[str, ...]
    decimal: str
    signs: tuple[str, ...]
    dates: tuple[str, ...]
    rates: tuple[str, ...]
    legal: tuple[str, ...]
    towns: tuple[str, ...]
    streets: tuple[str, ...]
    street: str
    city: str
    postcode: str
    phone: tuple[str, ...]
    taxid: str
    domain: str
    iban: str = ""
    weight: float = 1.0


_EURO = ("{} €", "€ {}", "{} EUR", "EUR {}")
_US = Locale(
    "US", "en", "USD", (",",), ".", ("${}", "$ {}", "USD {}"),
    ("mm/dd/yyyy", "m/d/yyyy", "mm/dd/yy", "mon d, yyyy", "month d, yyyy", "dd-mon-yyyy", "m-d-yy"),
    ("8.25", "7", "6.5", "9.125", "0"), ("LLC", "Inc.", "Corp.", "& Sons", "Co.", "L.P.", "Contracting"),
    ("Dayton|OH", "Fresno|CA", "Tulsa|OK", "Macon|GA", "Yakima|WA", "Laredo|TX", "Toledo|OH", "Mobile|AL",
    "Reno|NV",
     "Pueblo|CO", "Duluth|MN", "Erie|PA"),
    ("Cedar Ridge Rd", "N Commerce St", "Industrial Pkwy", "Quarry Lane", "W 14th Street", "State Route 48",
    "Mill Ave",
     "County Road 210", "Harbor Blvd", "Foundry Way"),
    "{n} {s}", "{t}, {r} {c}", "#####", ("(###) ###-####", "###-###-####", "###.###.####"), "##-#######",
    "com",
    weight=30,
)  # fmt: skip
_DE = Locale(
    "DE", "de", "EUR", (".", ".", ""), ",", _EURO, ("dd.mm.yyyy", "dd.mm.yy", "d. month yyyy", "d.m.yyyy"),
    ("19", "7"),
    ("GmbH", "GmbH & Co. KG", "KG", "e.K.", "AG", "OHG", "GbR"),
    ("Kassel|", "Bielefeld|", "Ulm|", "Erfurt|", "Osnabrück|", "Regensburg|", "Lübeck|", "Siegen|"),
    ("Gewerbestraße", "Am Güterbahnhof", "Lindenweg", "Hauptstr.", "Industriestraße", "Mühlgasse",
    "Raiffeisenstr."),
    "{s} {n}", "{c} {t}", "3####", ("0#### ######", "+49 ### #######", "(0###) ## ## ##-0", "0###/######"),
    "DE#########", "de", "DE## #### #### #### #### ##", 11,
)  # fmt: skip
_FR = Locale(
    "FR", "fr", "EUR", (" ", " ", "."), ",", _EURO[:1] * 3 + _EURO[1:], ("dd/mm/yyyy", "d month yyyy",
    "dd/mm/yy", "dd-mm-yyyy"),
    ("20", "10", "5.5"), ("SARL", "SAS", "SA", "EURL", "& Fils", "SASU"),
    ("Limoges|", "Vannes|", "Valence|", "Niort|", "Colmar|", "Béziers|", "Chambéry|"),
    ("rue des Artisans", "avenue de la Gare", "ZA des Quatre Vents", "chemin du Moulin", "boulevard Carnot",
    "impasse des Lilas"),
    "{n}, {s}", "{c} {t}", "####0", ("0# ## ## ## ##", "+33 # ## ## ## ##", "0#.##.##.##.##"),
    "FR## ### ### ###", "fr",
    "FR## #### #### #### #### #### ###", 8,
)  # fmt: skip
_ES = Locale(
    "ES", "es", "EUR", (".", ".", ""), ",", _EURO[:1] * 3 + _EURO[1:], ("dd/mm/yyyy", "d/m/yyyy",
    "dd-mm-yyyy", "d de month de yyyy"),
    ("21", "10"), ("S.L.", "S.A.", "S.L.U.", "e Hijos", "S.Coop."),
    ("Albacete|", "Huelva|", "Logroño|", "Lleida|", "Cáceres|", "Gijón|"),
    ("C/ del Horno", "Avda. de la Constitución", "Polígono Industrial El Pino, nave", "C/ San Roque",
    "Paseo de la Estación"),
    "{s}, {n}", "{c} {t}", "4####", ("9## ### ###", "+34 9## ## ## ##", "9## ## ## ##"), "B########", "es",
    "ES## #### #### #### #### ####", 7,
)  # fmt: skip
_NL = Locale(
    "NL", "nl", "EUR", (".", ".", ""), ",", ("€ {}", "€ {}", "€{}", "EUR {}"), ("dd-mm-yyyy", "d-m-yyyy",
    "d month yyyy", "dd/mm/yyyy"),
    ("21", "9"), ("B.V.", "BV", "V.O.F.", "& Zn."),
    ("Zwolle|", "Hengelo|", "Breda|", "Venlo|", "Alkmaar|", "Emmen|"),
    ("Nijverheidsweg", "Kerkstraat", "Ambachtslaan", "Oude Dijk", "Molenweg", "Havenkade"),
    "{s} {n}", "{c} {t}", "#### @@", ("0##-#######", "0### ######", "+31 ## ### ####"), "NL#########B0#",
    "nl",
    "NL## ABNA #### #### ##", 5,
)  # fmt: skip
_IT = Locale(
    "IT", "it", "EUR", (".", ".", ""), ",", ("€ {}", "{} €", "EUR {}"), ("dd/mm/yyyy", "dd/mm/yy",
    "d month yyyy", "dd-mm-yyyy"),
    ("22", "10"), ("S.r.l.", "S.n.c.", "S.p.A.", "S.a.s.", "& Figli"),
    ("Forlì|FC", "Novara|NO", "Udine|UD", "Arezzo|AR", "Lecce|LE", "Rovigo|RO"),
    ("Via dell'Artigianato", "Viale Europa", "Via G. Mazzini", "Strada Provinciale", "Via delle Fornaci",
    "Corso Italia"),
    "{s}, {n}", "{c} {t} ({r})", "4####", ("0### ######", "+39 0## #######", "0##/######"), "IT###########",
    "it",
    "IT## X##### ##### ############", 6,
)  # fmt: skip
_PT = Locale(
    "PT", "pt", "EUR", (".", " ", ""), ",", ("{} €", "€ {}", "{} EUR"), ("dd/mm/yyyy", "dd-mm-yyyy",
    "yyyy-mm-dd", "d de month de yyyy"),
    ("23", "6"), ("Lda.", "S.A.", "Unipessoal Lda."),
    ("Leiria|", "Viseu|", "Aveiro|", "Évora|"), ("Rua da Indústria", "Avenida 25 de Abril", "Rua do Comércio",
    "Estrada Nacional"),
    "{s}, n.º {n}", "{c} {t}", "3###-###", ("2## ### ###", "+351 2## ### ###"), "5########", "pt",
    "PT50 #### #### #### #### #### #", 4,
)  # fmt: skip

LOCALES: tuple[Locale, ...] = (
    _US,
    replace(
        _US, country="CA", currency="CAD", signs=("${}", "CAD {}", "C${}"), dates=("yyyy-mm-dd",
        "mon d, yyyy", "dd-mon-yyyy"),
        rates=("13", "5", "12"), legal=("Ltd.", "Inc.", "Limited"), towns=("Barrie|ON", "Kelowna|BC",
        "Regina|SK", "Moncton|NB"),
        postcode="@#@ #@#", taxid="######### RT0001", domain="ca", weight=5,
    ),
    replace(
        _US, country="GB", currency="GBP", signs=("£{}", "£ {}", "GBP {}"), dates=("dd/mm/yyyy", "d mon yyyy",
        "dd month yyyy", "dd/mm/yy"),
        rates=("20", "20", "5"), legal=("Ltd", "Limited", "LLP", "Plc", "& Son Ltd"), towns=("Derby|",
        "Preston|", "Luton|", "Stoke-on-Trent|"),
        streets=("Station Road", "Canal Street", "Unit 4 Trading Estate", "Church Lane", "Victoria Works",
        "High Street"),
        city="{t} {c}", postcode="@@# #@@", phone=("01### ######", "+44 1### ######", "0#### ### ###"),
        taxid="GB ### #### ##",
        domain="co.uk", iban="GB## MIDL #### #### #### ##", weight=7,
    ),
    replace(
        _US, country="AU", currency="AUD", signs=("${}", "A${}", "AUD {}"), dates=("dd/mm/yyyy", "d mon yyyy",
        "d/mm/yyyy"),
        rates=("10",), legal=("Pty Ltd", "Pty. Ltd.", "Trust"), towns=("Bendigo|VIC", "Cairns|QLD",
        "Orange|NSW"), city="{t} {r} {c}",
        postcode="3###", phone=("(0#) #### ####", "04## ### ###", "1300 ### ###"), taxid="## ### ### ###",
        domain="com.au", weight=4,
    ),
    replace(_US, language="es", weight=5),
    _DE,
    replace(
        _DE, country="AT", rates=("20", "10"), legal=("GmbH", "KG", "e.U."), towns=("Wels|", "Villach|",
        "Steyr|"), postcode="4###",
        phone=("+43 #### #####", "0####/#####"), taxid="ATU########", domain="at",
        iban="AT## #### #### #### ####", weight=3,
    ),
    replace(
        _DE, country="CH", currency="CHF", groups=("'", "’", "'"), decimal=".", signs=("CHF {}", "CHF {}",
        "{} CHF", "Fr. {}"), rates=("8.1", "2.6"),
        legal=("AG", "GmbH", "Sàrl"), towns=("Olten|", "Thun|", "Wil SG|"), postcode="4###",
        phone=("0## ### ## ##", "+41 ## ### ## ##"),
        taxid="CHE-###.###.### MWST", domain="ch", iban="CH## #### #### #### #### #", weight=3,
    ),
    _FR,
    replace(
        _FR, country="BE", rates=("21", "6"), legal=("SRL", "SA", "SPRL"), towns=("Namur|", "Tournai|",
        "Verviers|"), street="{s} {n}",
        postcode="4###", phone=("0#/### ## ##", "+32 ## ## ## ##"), taxid="BE 0###.###.###", domain="be",
        iban="BE## #### #### ####", weight=2,
    ),
    _NL,
    replace(
        _NL, country="BE", signs=("€ {}", "{} €", "{} EUR"), dates=("dd/mm/yyyy", "dd-mm-yyyy"), rates=("21",
        "6"), legal=("BV", "NV", "BVBA"),
        towns=("Aalst|", "Hasselt|", "Kortrijk|"), postcode="9###", phone=("0## ## ## ##",
        "+32 ### ## ## ##"), taxid="BE 0###.###.###",
        domain="be", iban="BE## #### #### ####", weight=2,
    ),
    _ES,
    replace(
        _ES, country="MX", currency="MXN", groups=(",",), decimal=".", signs=("${}", "$ {}", "${} MXN",
        "MXN {}"), rates=("16",),
        legal=("S.A. de C.V.", "S. de R.L. de C.V."), towns=("León|Gto.", "Puebla|Pue.", "Saltillo|Coah."),
        city="C.P. {c}, {t}, {r}",
        postcode="3####", phone=("## #### ####", "(###) ### ####"), taxid="@@@######@#@", domain="com.mx",
        iban="", weight=4,
    ),
    _IT,
    _PT,
    replace(
        _PT, country="BR", currency="BRL", groups=(".",), signs=("R$ {}", "R$ {}", "R${}"),
        dates=("dd/mm/yyyy", "dd/mm/yy"), rates=("5", "18"),
        legal=("Ltda.", "Ltda. ME", "S/A"), towns=("Joinville|SC", "Campinas|SP", "Londrina|PR"),
        city="{t} - {r}, CEP {c}", postcode="8####-###",
        phone=("(##) ####-####", "(##) 9####-####"), taxid="##.###.###/0001-##", domain="com.br", iban="",
        weight=3,
    ),
)  # fmt: skip
"""Every country and language with how often it is drawn; US Spanish is there because contractors print it."""


def fill(pattern: str, rng: Random) -> str:
    """Return ``pattern`` with every ``#`` turned into a digit and every ``@`` into a capital letter."""
    digits = (
        rng.choice("123456789") if c == "#" else rng.choice("ABCDEFGHJKLMNPRSTVWX") if c == "@" else c
        for c in pattern
    )
    return "".join(digits)


def print_date(day: date, pattern: str, language: str) -> str:
    """Return ``day`` as ``pattern`` says, with the month's name in ``language``."""
    name = MONTHS[language].split()[day.month - 1]
    short = name if len(name) < 5 else name[:3]
    values = {
        "yyyy": f"{day.year}", "yy": f"{day.year % 100:02d}", "month": name, "mon": short,
        "mm": f"{day.month:02d}", "m": f"{day.month}", "dd": f"{day.day:02d}", "d": f"{day.day}",
    }  # fmt: skip
    text, at = "", 0
    while at < len(pattern):
        # "de" of "3 de marzo de 2025" is a word, not the day.
        token = (
            ""
            if pattern.startswith("de ", at)
            else next((t for t in values if pattern.startswith(t, at)), "")
        )
        if token:
            text, at = text + values[token], at + len(token)
        else:
            step = 2 if pattern.startswith("de ", at) else 1
            text, at = text + pattern[at : at + step], at + step
    return text


def print_number(value: Decimal, group: str, decimal: str, places: int = 2) -> str:
    """Return ``value`` with ``places`` decimals and a country's separators."""
    whole, _, fraction = f"{abs(value):,.{places}f}".partition(".")
    text = whole.replace(",", "\N{NO-BREAK SPACE}" if group == " " else group) + (
        decimal + fraction if fraction else ""
    )
    return f"-{text}" if value < 0 else text


@cache
def words(language: str) -> dict[str, tuple[str, ...]]:
    """Return every label of ``language``, each with its synonyms."""
    table = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
    return {key: tuple(text.split("|")) for key, text in table[language].items()}


@cache
def wares(language: str) -> dict[str, tuple[tuple[str, str, int, int], ...]]:
    """Return goods, work and hire of ``language``: description, unit, lowest and highest price."""
    table = tomllib.loads((Path(__file__).parent / "wares.toml").read_text("utf-8"))[language]
    found: dict[str, tuple[tuple[str, str, int, int], ...]] = {}
    for kind in ("goods", "work"):
        rows = [[part.strip() for part in row.split(" | ")] for row in table[kind].strip().splitlines()]
        found[kind] = tuple((r[0], r[1], int(r[2]), int(r[3])) for r in rows)
    found["hire"] = tuple((name, "", 35, 420) for name in table["hire"].split("|"))
    return found
