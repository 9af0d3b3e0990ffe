"""Units of quantity: what is printed ("Stk.", "hrs", "m²") and the codes that e-invoices carry for it.

Codes are those of UN/ECE Recommendation 20 (and 21 for packages), which EN 16931 prescribes.
"""

from __future__ import annotations

from types import MappingProxyType

from extraction.reading.lexicon import key_of

_PRINTED = {
    # H87 (piece) and C62 (one) are used for each other.
    "C62": "h87 ea each piece pieces pc pcs pce stk stck stuck stueck st unit units un und unidad unidades ud uds "
    "unite unites stuks stuk pezzo pezzi pz peca pecas item items no nos qty",
    "HUR": "h hr hrs hour hours std stunde stunden heure heures hora horas uur uren ora ore",
    "MIN": "min mins minute minutes minuten minuto minutos",
    "DAY": "d day days tag tage jour jours dia dias dag dagen giorno giorni",
    "WEE": "wk wks week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
    "MON": "mo mth month months monat monate mois mes meses maand maanden mese mesi",
    "ANN": "yr year years jahr jahre an ans annee ano anos jaar anno anni",
    "MTR": "m lm lfm meter meters metre metres metro metros metri mtr",
    "MTK": "m2 qm sqm quadratmeter metrocuadrado metrosquadrados mq",
    "MTQ": "m3 cbm kubikmeter mc",
    "FOT": "ft foot feet lf linft linearfeet linearfoot pie pies",
    "FTK": "ft2 sf sqft squarefeet squarefoot",
    "YDK": "yd2 sy sqyd squareyards squareyard",
    "YDQ": "yd3 cy cuyd cubicyards cubicyard",
    "INH": "in inch inches",
    "KMT": "km kilometer kilometers kilometres",
    "SMI": "mi mile miles",
    "KGM": "kg kgs kilo kilos kilogramm kilogram kilograms",
    "GRM": "g gr gram grams gramm",
    "TNE": "t to tonne tonnes tonnen tons ton",
    "LBR": "lb lbs pound pounds",
    "LTR": "l ltr liter liters litre litres litro litros litri",
    "GLL": "gal gallon gallons galon galones",
    "KWH": "kwh kilowattstunde kilowattstunden",
    "SET": "set sets satz satze jeu",
    "KT": "kit kits",
    "XBX": "bx box boxes caja cajas doos dozen boite boites",
    "XBG": "bag bags sack sacke saco sacos sac sacs",
    "XRO": "roll rolls rolle rollen rollo rollos rouleau rouleaux rotolo rotoli rol",
    "XPX": "pallet pallets palette paletten palet palets pallet",
    "XPK": "pkg pkgs pack packs package packages paket pakete packung packungen paquete colis confezione",
    "XCT": "ctn carton cartons karton kartons",
    "LS": "ls lumpsum psch pschl pauschal pauschale forfait global job",
    "P1": "percent % pct prozent",
}
_CODES = MappingProxyType(
    {key: code for code, words in _PRINTED.items() for key in (code.lower(), *words.split())}
)


def unit_code(text: str) -> str | None:
    """Return the code of a unit as printed or as coded; ``None`` if it is unknown.

    >>> unit_code("Std."), unit_code("HUR"), unit_code("m²")
    ('HUR', 'HUR', 'MTK')
    """
    return _CODES.get(key_of(text.replace("²", "2").replace("³", "3")))
