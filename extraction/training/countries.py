# ruff: noqa: E501 - tables of words read better on long lines
"""How a country writes dates, numbers, addresses, telephone and tax numbers, and what it taxes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.dates import format_date

from extraction.training.choices import fill


@dataclass(frozen=True, slots=True)
class Country:
    """Formats of one country; patterns of :func:`extraction.training.choices.fill` where there is a ``#``.

    ``dates`` are CLDR patterns, ``numbers`` pairs of group and decimal mark, ``money`` forms with ``{}`` for the
    number, ``taxes`` pairs of name and percent, ``places`` pairs of city line and (where it has one) street ending.
    """

    code: str
    language: str
    locale: str
    currency: str
    dates: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    money: tuple[str, ...]
    taxes: tuple[tuple[str, str], ...]
    phones: tuple[str, ...]
    tax_ids: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
    legal: tuple[str, ...]
    bban: str = ""
    weight: float = 1.0

    def iban(self, rng: random.Random) -> str:
        """Invent an IBAN with valid check digits (ISO 13616); empty where the country has none."""
        if not self.bban:
            return ""
        account = fill(rng, self.bban)
        digits = "".join(str(int(c, 36)) for c in f"{account}{self.code}00")
        return f"{self.code}{98 - int(digits) % 97:02d}{account}"


_EURO = ("{} €", "{} EUR", "€ {}", "{}", "EUR {}")
_DOTTED = ("dd.MM.yyyy", "d.M.yyyy", "dd.MM.yy", "d. MMMM yyyy", "yyyy-MM-dd")
_SLASHED = ("dd/MM/yyyy", "d/M/yyyy", "dd/MM/yy", "d MMMM yyyy", "dd-MM-yyyy", "yyyy-MM-dd")

COUNTRIES: tuple[Country, ...] = (
    Country(
        "US", "en", "en_US", "USD",
        ("MM/dd/yyyy", "M/d/yyyy", "M/d/yy", "MMMM d, yyyy", "MMM d, yyyy", "yyyy-MM-dd", "dd-MMM-yyyy", "MM-dd-yyyy", "MM/dd/yy", "EEEE, MMMM d, yyyy"),
        ((",", "."), (",", "."), (",", "."), ("", ".")), ("${}", "{}", "$ {}", "{}", "USD {}", "{} USD"),
        (("Sales Tax", "8.25"), ("Sales Tax", "6"), ("Tax", "7.375"), ("State Sales Tax", "6.25"), ("Tax", "8.875"), ("Sales Tax", "4.5")),
        ("(%##) %##-####", "%##-%##-####", "%##.%##.####", "+1 %## %## ####", "(%##)%##-####"),
        (("EIN", "##-#######"), ("Federal Tax ID", "##-#######"), ("Tax ID", "##-#######")),
        ("%## {} St", "%### {} Ave", "%### N {} Blvd, Suite %##", "P.O. Box %###", "%##% {} Road", "%# {} Street, Floor %", "%### {} Pkwy", "%### W {} Dr Unit @"),
        ("Fairview, OH 4####", "Cedar Grove, TX 7####", "Lakewood, CA 9####", "Brookfield, NY 1####", "Milton, IL 6####", "Ashland, WA 98###", "Riverton, FL 3####", "Newport, NJ 07###", "Dover, PA 1####-%###", "Oak Hill, GA 30###"),
        ("LLC", "Inc.", "Inc", "Co.", "Corp.", "", "& Sons", "L.L.C.", "Company"), weight=13,
    ),
    Country(
        "GB", "en", "en_GB", "GBP", (*_SLASHED, "d MMM yyyy", "dd-MMM-yy"), ((",", "."),), ("£{}", "{}", "£ {}", "GBP {}"),
        (("VAT", "20"), ("VAT", "20"), ("VAT", "5")), ("0%## %### ####", "+44 %## ### ####", "0%### ######", "(0%##) ### ####"),
        (("VAT Reg No", "GB %## #### ##"), ("VAT No.", "GB%########"), ("VAT Number", "%########")),
        ("%% {} Road", "Unit %, {} Industrial Estate", "%## {} Street", "% {} Lane"), ("Leeds LS% %@@", "Croydon CR% #@@", "Bristol BS# %@@", "Stockport SK% #@@"),
        ("Ltd", "Limited", "Ltd.", "LLP", "& Co Ltd", "plc"), "@@@@%#############", weight=2,
    ),
    Country(
        "AU", "en", "en_AU", "AUD", _SLASHED, ((",", "."),), ("${}", "{}", "$ {}", "AUD {}"), (("GST", "10"),),
        ("0# #### ####", "04## ### ###", "+61 % #### ####"), (("ABN", "%# ### ### ###"),),
        ("%% {} Street", "Unit %/%# {} Rd", "%## {} Pde"), ("Penrith NSW 2750", "Geelong VIC 3220", "Toowoomba QLD 4350"), ("Pty Ltd", "Pty. Ltd.", "P/L", ""), weight=1.5,
    ),
    Country(
        "MX", "es", "es_MX", "MXN", (*_SLASHED, "d 'de' MMMM 'de' yyyy", "dd/MMM/yyyy"), ((",", "."),), ("${}", "{}", "$ {}", "${} MXN"),
        (("IVA", "16"), ("I.V.A.", "16")), ("(%#) #### ####", "%# #### ####", "+52 %# #### ####"), (("RFC", "@@@######@@#"),),
        ("Calle {} %##", "Av. {} No. %##, Col. Centro", "Blvd. {} %###"), ("Monterrey, N.L. C.P. 64###", "Puebla, Pue. 72###", "C.P. 44### Guadalajara, Jal."),
        ("S.A. de C.V.", "SA de CV", "S. de R.L.", ""), weight=1.5,
    ),
    Country(
        "ES", "es", "es_ES", "EUR", (*_SLASHED, "d 'de' MMMM 'de' yyyy"), ((".", ","), ("", ",")), _EURO, (("IVA", "21"), ("IVA", "10")),
        ("9## ### ###", "+34 9## ## ## ##", "6## ### ###"), (("NIF", "B########"), ("CIF", "A-########")),
        ("Calle {}, %#", "Avda. {} %##, bajo", "C/ {} %"), ("28### Madrid", "08### Barcelona", "46### Valencia", "41### Sevilla"), ("S.L.", "S.A.", "SL", "S.L.U."), "####################",
    ),
    Country(
        "DE", "de", "de_DE", "EUR", _DOTTED, ((".", ","), (".", ","), ("", ",")), _EURO, (("MwSt.", "19"), ("USt", "19"), ("Umsatzsteuer", "19"), ("MwSt", "7")),
        ("0%## / ######", "0%### ######-#", "+49 %## #######", "(0%##) #####"), (("USt-IdNr.", "DE%########"), ("Steuernummer", "%##/###/#####"), ("St.-Nr.", "## ### #####")),
        ("{}straße %#", "{}weg %", "Am {}berg %#", "{}allee %##"), ("%#### Neustadt", "%#### Bergheim", "D-%#### Altenburg", "%#### Lindau"), ("GmbH", "GmbH & Co. KG", "e.K.", "AG", "OHG", "UG (haftungsbeschränkt)"),
        "##################", weight=2.5,
    ),
    Country(
        "CH", "de", "de_CH", "CHF", _DOTTED, (("'", "."), ("’", ".")), ("CHF {}", "{}", "{} CHF", "Fr. {}"), (("MwSt.", "8.1"), ("MWST", "8.1")),
        ("0%# ### ## ##", "+41 %# ### ## ##"), (("UID", "CHE-%##.###.###"), ("MwSt-Nr.", "CHE-%##.###.### MWST")), ("{}strasse %#", "{}gasse %"), ("80## Zürich", "60## Luzern", "CH-30## Bern"),
        ("AG", "GmbH", "& Co."), "#################", weight=0.5,
    ),
    Country(
        "FR", "fr", "fr_FR", "EUR", _SLASHED, ((" ", ","), ("\xa0", ","), ("", ","), (".", ",")), ("{} €", "{}", "{} EUR", "{}€"), (("TVA", "20"), ("TVA", "10"), ("TVA", "5.5")),
        ("0% ## ## ## ##", "0%.##.##.##.##", "+33 % ## ## ## ##"), (("N° TVA", "FR%# %## ### ###"), ("TVA intracom.", "FR%##########"), ("SIRET", "%## ### ### 000##")),
        ("%# rue {}", "%## avenue {}", "ZI {}, lot %#", "% place {}"), ("69### Lyon", "44### Nantes", "31### Toulouse", "F-59### Lille"), ("SARL", "SAS", "SA", "EURL", "SASU"), "#######################", weight=2.5,
    ),
    Country(
        "NL", "nl", "nl_NL", "EUR", ("dd-MM-yyyy", "d-M-yyyy", "d MMMM yyyy", "dd-MM-yy", "dd/MM/yyyy"), ((".", ","),), ("€ {}", "{}", "€{}", "EUR {}"), (("btw", "21"), ("BTW", "21"), ("BTW", "9")),
        ("0%#-#######", "06-########", "+31 %# ### ####"), (("BTW-nr.", "NL%########B##"), ("btw-id", "NL%########B01")), ("{}straat %#", "{}weg %##", "{}laan %"), ("%### @@ Zwolle", "%### @@ Breda", "%### @@ Almere"),
        ("B.V.", "BV", "VOF", ""), "@@@@##########", weight=1.5,
    ),
    Country(
        "IT", "it", "it_IT", "EUR", _SLASHED, ((".", ","),), _EURO, (("IVA", "22"), ("IVA", "10"), ("I.V.A.", "22")), ("0% #######", "+39 0%# ######", "0%#/######"),
        (("P.IVA", "###########"), ("Partita IVA", "IT###########")), ("Via {} %#", "Viale {}, %##", "P.zza {} %"), ("20### Milano (MI)", "40### Bologna (BO)", "10### Torino TO"), ("S.r.l.", "S.p.A.", "srl", "s.n.c."),
        "@######################", weight=1.5,
    ),
    Country(
        "PT", "pt", "pt_PT", "EUR", _SLASHED, ((".", ","), (" ", ",")), _EURO, (("IVA", "23"), ("IVA", "6")), ("2## ### ###", "+351 9## ### ###"), (("NIF", "5########"), ("Contribuinte", "50#######")),
        ("Rua {}, %#", "Av. {} %##", "Travessa {} %"), ("1###-### Lisboa", "4###-### Porto", "3000-### Coimbra"), ("Lda", "Lda.", "S.A.", "Unipessoal Lda"), "#####################", weight=1,
    ),
    Country(
        "BR", "pt", "pt_BR", "BRL", (*_SLASHED, "d 'de' MMMM 'de' yyyy"), ((".", ","),), ("R$ {}", "{}", "R$ {}"), (("ISS", "5"), ("ISS", "2")), ("(%#) ####-####", "(%#) 9####-####"), (("CNPJ", "##.###.###/0001-##"),),
        ("Rua {}, %##", "Av. {} %###"), ("São Paulo - SP, 0####-###", "Curitiba - PR, 8####-###"), ("Ltda", "Ltda.", "ME", "S/A"), weight=0.5,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Formats:
    """One vendor's way of writing: a choice from its country's."""

    country: Country
    date_pattern: str
    group: str
    decimal: str
    money_pattern: str
    negative: str

    def day(self, value: date) -> str:
        return format_date(value, self.date_pattern, locale=self.country.locale)

    def number(self, value: Decimal, *, places: int = 2) -> str:
        """Write a number with group and decimal marks; a minus as the vendor writes it."""
        text = f"{abs(value):,.{places}f}".replace(",", "\0").replace(".", self.decimal)
        text = text.replace("\0", self.group)
        return self.negative.format(text) if value < 0 else text

    def money(self, value: Decimal, *, symbol: bool = True) -> str:
        """Write an amount, with the currency where the vendor prints one."""
        if not symbol:
            return self.number(value)
        text = self.money_pattern.format(self.number(abs(value)))
        return self.negative.format(text) if value < 0 else text

    def quantity(self, value: Decimal, *, places: int = 0) -> str:
        """Write a quantity with at least ``places`` decimals, and as many as it needs."""
        exact = value.normalize()
        exponent = exact.as_tuple().exponent
        needed = max(0, -exponent) if isinstance(exponent, int) else 0
        return self.number(value, places=max(places, needed))

    @property
    def shows_currency(self) -> bool:
        return self.money_pattern != "{}"
