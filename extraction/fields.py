"""The field catalogue: what can be read from a document, and what it is called.

Names follow docs/fields.md (EN 16931's business terms where there is one). The
words that label a field on paper are kept here, per language, because they are
part of what the field *is*; how they are searched for is ``extraction.reading``'s
business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Kind = Literal["choice", "text", "id", "date", "money", "percent", "code", "quantity"]

DOCUMENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "invoice": "Invoice",
        "credit_note": "Credit note",
        "pay_application": "Pay application",
        "estimate": "Estimate",
        "receipt": "Receipt",
        "statement": "Statement",
        "quote": "Quote",
        "purchase_order": "Purchase order",
        "delivery_ticket": "Delivery ticket",
        "lien_waiver": "Lien waiver",
        "other": "Other",
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the catalogue.

    ``label`` is what people read on the site. ``words`` are the phrases that label
    the field on paper, per language; ``weak`` are phrases that may label it but
    often label something else, so that they count only where nothing better is
    found. ``shown`` fields are on the clerk's form even when empty; the catalogue's
    order is the form's order.
    """

    name: str
    kind: Kind
    label: str
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weak: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: bool = False

    @property
    def is_address(self) -> bool:
        return self.name.endswith("_address")


_CATALOGUE = (
    Field("document_type", "choice", "Document type", shown=True),
    Field(
        "vendor_name",
        "text",
        "Vendor",
        words={
            "en": ("vendor", "vendor name", "supplier", "supplier name", "seller", "sold by", "company name",
                   "contractor", "contractor name", "subcontractor", "make all checks payable to",
                   "make checks payable to", "checks payable to", "make cheques payable to", "payable to",
                   "service provider", "remit to", "remit payment to", "please remit to", "pay to",
                   "from (subcontractor)", "from contractor", "bill from"),
            "es": ("vendedor", "proveedor", "nombre de la compañía", "nombre de la empresa", "nombre de compañía",
                   "compañía", "contratista", "subcontratista", "emisor", "razón social"),
            "de": ("lieferant", "verkäufer", "rechnungssteller", "auftragnehmer"),
            "fr": ("fournisseur", "vendeur", "émetteur", "prestataire"),
            "nl": ("leverancier", "verkoper"),
            "it": ("fornitore", "cedente prestatore"),
            "pt": ("fornecedor", "vendedor"),
        },
        weak={"en": ("from", "account name", "beneficiary", "company"), "es": ("de", "beneficiario"),
              "de": ("von", "kontoinhaber"), "fr": ("de", "titulaire"), "nl": ("van", "t.n.v.")},
        shown=True,
    ),
    Field("vendor_address", "text", "Vendor address"),
    Field("vendor_phone", "text", "Vendor phone"),
    Field("vendor_email", "text", "Vendor e-mail"),
    Field(
        "vendor_tax_id",
        "id",
        "Vendor tax id",
        words={
            "en": ("tax id", "federal tax id", "tax id no", "tax identification number", "ein", "fein", "vat no",
                   "vat number", "vat registration no", "vat registration number", "vat reg no", "vat id", "gst no",
                   "gst id", "gst reg no", "gst registration no", "gstin", "gstin no", "abn", "tin", "vat tin", "tax reg"),
            "es": ("rfc", "nif", "cif", "cuit", "rut", "ruc"),
            "de": ("ust-idnr", "ust-id-nr", "ust-id", "ustid", "ust-ident-nr", "umsatzsteuer-id", "steuernummer", "steuer-nr",
                   "umsatzsteuer-identifikationsnummer", "uid-nr", "uid", "ust.-id nr", "vat-nr"),
            "fr": ("tva intracommunautaire", "n° tva", "numéro de tva", "n° tva intracommunautaire", "siret", "siren", "n° siret",
                   "tva intracom", "n° tva intracom", "id tva"),
            "nl": ("btw-nummer", "btw nummer", "btw nr", "btw-nr", "btw"),
            "it": ("partita iva", "p.iva", "p. iva", "codice fiscale"),
            "pt": ("nif", "cnpj", "contribuinte"),
        },
    ),
    Field(
        "customer_name",
        "text",
        "Customer",
        words={
            "en": ("bill to", "billed to", "bill to address", "billing address", "invoice to", "invoiced to", "customer",
                   "customer name", "sold to", "client", "client name", "buyer", "customer information", "to (owner)",
                   "to owner", "owner", "to contractor", "charge to", "billing information", "invoice address",
                   "customer details", "bill to customer", "prepared for"),
            "es": ("cliente", "facturar a", "nombre del cliente", "facturado a", "datos del cliente", "propietario"),
            "de": ("kunde", "rechnungsempfänger", "rechnungsadresse", "käufer", "auftraggeber", "rechnung an",
                   "rechnungsanschrift"),
            "fr": ("client", "facturé à", "adresse de facturation", "destinataire", "acheteur", "facturer à"),
            "nl": ("klant", "factuuradres", "factuur aan", "afnemer", "koper"),
            "it": ("cliente", "destinatario", "spett.le", "intestatario", "cessionario committente"),
            "pt": ("cliente", "faturar a", "destinatário"),
        },
        weak={"en": ("to", "for", "attn", "attention", "issued to", "name", "contact"), "es": ("para", "a", "nombre"),
              "de": ("an",), "fr": ("à", "à l'attention de"), "nl": ("aan", "t.a.v.")},
        shown=True,
    ),
    Field("customer_address", "text", "Customer address"),
    Field(
        "ship_to_address",
        "text",
        "Job site / ship to",
        words={
            "en": ("ship to", "shipped to", "ship to address", "shipping address", "deliver to", "delivery address",
                   "delivered to", "job site", "job address", "job location", "site address", "service address",
                   "project address", "service location", "work site", "job site address", "place of delivery",
                   "installation address", "jobsite", "property address", "work location", "shipping information"),
            "es": ("enviar a", "dirección del proyecto", "dirección de entrega", "dirección de la obra",
                   "lugar de la obra", "dirección del trabajo", "sitio de trabajo", "lugar de entrega"),
            "de": ("lieferadresse", "lieferanschrift", "lieferung an", "baustelle", "leistungsort", "warenempfänger",
                   "lieferort", "bauvorhaben"),
            "fr": ("adresse de livraison", "livrer à", "livré à", "chantier", "adresse du chantier", "lieu de livraison"),
            "nl": ("afleveradres", "bezorgadres", "leveradres"),
            "it": ("indirizzo di consegna", "luogo di destinazione", "spedire a", "cantiere"),
            "pt": ("endereço de entrega", "local de entrega", "morada de entrega"),
        },
    ),
    Field(
        "invoice_number",
        "id",
        "Invoice number",
        words={
            "en": ("invoice number", "invoice no", "invoice num", "invoice #", "invoice id", "inv no", "inv #", "inv number",
                   "tax invoice no", "tax invoice number", "tax invoice #", "invoice nr", "invoice nbr", "bill number", "bill no",
                   "bill #", "invoice ref", "invoice reference", "credit note number", "credit note no", "credit memo no",
                   "credit memo #", "credit memo number", "our invoice no", "doc no", "document no", "document number", "receipt no",
                   "receipt number", "receipt #", "invoice n°", "billing number", "statement number", "statement no"),
            "es": ("número de factura", "no. de factura", "nº de factura", "factura no", "factura número", "factura nº", "n° factura",
                   "num factura", "núm. factura", "n° de factura", "factura #", "folio", "no. factura", "factura n°", "factura num"),
            "de": ("rechnungsnummer", "rechnungs-nr", "rechnungs nr", "rechnung nr", "rechnungsnr", "re-nr", "rg-nr", "belegnummer",
                   "beleg-nr", "gutschrift nr", "gutschriftnummer", "rechnung nummer", "rechnung no", "rechnungs-nummer", "beleg nr"),
            "fr": ("numéro de facture", "n° de facture", "facture n°", "n° facture", "facture no", "facture numéro", "no facture",
                   "no de facture", "réf facture", "référence facture", "n° d'avoir", "avoir n°", "facture nº", "nº de facture"),
            "nl": ("factuurnummer", "factuur nr", "factuurnr", "factuur nummer", "nota nummer", "factuur-nr"),
            "it": ("numero fattura", "fattura n", "fattura n°", "fattura nr", "n° fattura", "fattura numero", "fattura no", "numero documento"),
            "pt": ("número da fatura", "fatura n", "fatura nº", "n.º da fatura", "fatura n.º", "nota fiscal nº", "número da nota",
                   "fatura no", "nº da fatura", "número fatura"),
        },
        weak={
            "en": ("invoice", "tax invoice", "credit note", "credit memo", "no", "number", "inv", "bill", "slip no", "trn no",
                   "transaction no", "reference number", "reference no", "ref no", "ref", "slip", "receipt", "check no", "doc",
                   "document", "#", "cash bill no", "cb no"),
            "es": ("factura", "recibo", "nota de crédito", "número", "núm"),
            "de": ("rechnung", "gutschrift", "nummer", "nr", "beleg"),
            "fr": ("facture", "avoir", "numéro", "n°"),
            "nl": ("factuur", "nummer", "nota"),
            "it": ("fattura", "numero"),
            "pt": ("fatura", "nota fiscal", "número"),
        },
        shown=True,
    ),
    Field(
        "work_order_number",
        "id",
        "Work order / estimate number",
        words={
            "en": ("work order number", "work order no", "work order #", "work order", "work order id", "w.o. number", "w.o. no",
                   "w/o #", "w/o no", "wo number", "wo #", "wo no", "w.o. #", "estimate number", "estimate no", "estimate #",
                   "estimate", "estimate id", "est no", "est #", "est number", "job ticket", "job ticket no", "job ticket number", "ticket number",
                   "ticket no", "ticket #", "work ticket", "service order", "service order no", "service order number",
                   "work authorization no", "repair order", "repair order no", "work request number", "work request no",
                   "repair order number"),
            "es": ("número de estimado", "no. de estimado", "número de orden de trabajo", "orden de trabajo", "no. de orden de trabajo",
                   "estimado no", "estimado #", "número de estimación", "núm. de estimado", "número de trabajo", "orden de trabajo no",
                   "orden de trabajo #", "orden de servicio", "número de orden", "# de estimado", "n° de estimado"),
            "de": ("arbeitsauftrag", "auftrags-nr", "auftragsnummer", "auftragsnr", "auftrag nr", "arbeitsauftrag nr"),
            "fr": ("ordre de travail", "bon de travail", "n° d'intervention", "bon d'intervention", "devis n°", "n° de devis"),
            "nl": ("werkorder", "werkbon", "werkbonnummer", "opdrachtnummer"),
            "it": ("ordine di lavoro",),
            "pt": ("ordem de serviço", "ordem de trabalho", "nº da os"),
        },
        weak={"en": ("wo", "w.o.", "w/o", "est", "quote number", "quote no", "quote #", "quotation no"), "es": ("estimado", "ot"),
              "de": ("auftrag", "angebotsnummer", "angebot nr")},
        shown=True,
    ),
    Field(
        "job_number",
        "id",
        "Job / project",
        words={
            "en": ("job number", "job no", "job #", "job id", "project number", "project no", "project #", "project name",
                   "project", "project id", "job name", "job", "project reference", "project code", "job code", "job ref",
                   "site reference", "project title"),
            "es": ("proyecto", "número de proyecto", "nombre del proyecto", "obra", "no. de proyecto", "no. de obra"),
            "de": ("projekt", "projektnummer", "projekt-nr", "objekt", "bv", "kommission", "projektname"),
            "fr": ("projet", "n° de projet", "affaire", "n° d'affaire", "référence projet"),
            "nl": ("project", "projectnummer", "projectnaam"),
            "it": ("progetto", "commessa"),
            "pt": ("projeto", "obra", "número do projeto"),
        },
        shown=True,
    ),
    Field(
        "po_number",
        "id",
        "PO number",
        words={
            "en": ("po number", "po no", "po #", "p.o. number", "p.o. no", "p.o. #", "purchase order", "purchase order number",
                   "purchase order no", "purchase order #", "customer po", "customer po no", "customer po number", "customer p.o.",
                   "customer order no", "customer order number", "your order no", "your order number", "your order", "order number",
                   "order no", "order #", "your po", "your reference", "your ref", "buyer order no", "purchase order reference", "cust po",
                   "buyers order no", "po reference", "po ref", "p.o.number", "order id", "client po", "purchase no",
                   "purchase order no / reference", "buyer reference", "po"),
            "es": ("orden de compra", "número de orden de compra", "no. de orden de compra", "pedido", "número de pedido", "no. de pedido",
                   "nº de pedido", "o.c.", "oc no", "su pedido", "su referencia"),
            "de": ("bestellnummer", "bestell-nr", "bestellnr", "bestellung", "ihre bestellung", "ihre bestellnummer", "ihr auftrag",
                   "bestellung nr", "kundenbestellnummer", "kundenbestellung", "ihre auftragsnummer", "ihre bestell-nr", "bestellreferenz",
                   "ihre bestellung nr", "bestellnummer kunde", "käuferreferenz", "ihre referenz"),
            "fr": ("bon de commande", "n° de commande", "commande n°", "numéro de commande", "votre commande", "commande", "n° commande",
                   "référence commande", "votre référence", "référence client", "réf commande", "n° de bon de commande"),
            "nl": ("bestelnummer", "ordernummer", "uw referentie", "inkooporder", "inkoopnummer", "bestelnr", "uw ordernummer", "order nr"),
            "it": ("ordine", "numero ordine", "ordine di acquisto", "rif. ordine", "n° ordine", "vostro ordine"),
            "pt": ("pedido", "número do pedido", "ordem de compra", "n.º da encomenda", "encomenda", "nota de encomenda"),
        },
        weak={"en": ("p.o.", "order", "reference", "customer ref", "customer reference", "order ref", "ref number"), "de": ("referenz",),
              "fr": ("référence",), "es": ("referencia",), "nl": ("referentie", "order")},
        shown=True,
    ),
    Field(
        "contract_number",
        "id",
        "Contract number",
        words={
            "en": ("contract number", "contract no", "contract #", "contract id", "subcontract no", "subcontract number", "subcontract #",
                   "agreement no", "agreement number", "contract reference", "contract", "subcontract"),
            "es": ("número de contrato", "no. de contrato", "contrato no", "contrato"),
            "de": ("vertragsnummer", "vertrags-nr", "vertrag nr", "vertragsnr", "vertrag"),
            "fr": ("n° de contrat", "contrat n°", "numéro de contrat", "n° contrat", "numéro de marché"),
            "nl": ("contractnummer", "contract nr"),
            "it": ("numero contratto", "contratto n"),
            "pt": ("número do contrato", "contrato n"),
        },
    ),
    Field(
        "application_number",
        "id",
        "Application number",
        words={
            "en": ("application number", "application no", "application #", "pay application no", "pay application number",
                   "pay app no", "pay app #", "pay application #", "draw number", "draw no", "draw #", "pay request no", "progress billing no",
                   "pay estimate no", "requisition no", "payment application no"),
            "es": ("solicitud de pago no", "número de solicitud", "estimación no"),
            "de": ("abschlagsrechnung nr", "abschlag nr"),
            "fr": ("situation n°", "situation de travaux n°"),
        },
    ),
    Field(
        "invoice_date",
        "date",
        "Invoice date",
        words={
            "en": ("invoice date", "date of invoice", "inv date", "date issued", "issue date", "date of issue", "bill date", "billing date",
                   "issued on", "issued", "invoiced on", "document date", "tax date", "tax point", "invoice dated", "receipt date",
                   "transaction date", "statement date", "credit note date", "credit memo date", "doc date", "issue on", "tax invoice date",
                   "application date", "date of bill", "invoice issued", "dated", "date paid"),
            "es": ("fecha de factura", "fecha de emisión", "fecha factura", "fecha de la factura", "fecha de expedición", "fecha emisión"),
            "de": ("rechnungsdatum", "datum der rechnung", "belegdatum", "ausstellungsdatum", "re-datum", "rechnungs-datum",
                   "rechnung vom", "datum rechnung", "rg-datum", "gutschriftsdatum"),
            "fr": ("date de facture", "date de la facture", "date facture", "date d'émission", "date de facturation", "facture du",
                   "émise le", "date émission", "date du document", "facturé le", "date d'emission", "fait le", "émis le"),
            "nl": ("factuurdatum", "datum factuur", "facturatiedatum"),
            "it": ("data fattura", "data della fattura", "data emissione", "data documento", "fattura del"),
            "pt": ("data da fatura", "data de emissão", "data da emissão", "data fatura", "emitida em"),
        },
        weak={
            "en": ("date", "date:", "on", "of", "date/time", "date time", "dt"),
            "es": ("fecha", "fecha y hora"),
            "de": ("datum", "den", "vom"),
            "fr": ("date", "le", "du"),
            "nl": ("datum",),
            "it": ("data", "del"),
            "pt": ("data", "em"),
        },
        shown=True,
    ),
    Field(
        "due_date",
        "date",
        "Due date",
        words={
            "en": ("due date", "payment due", "payment due date", "date due", "due", "pay by", "due by", "please pay by", "due on",
                   "invoice due", "invoice due date", "payable by", "net due date", "amount due by", "payment due by", "pay before",
                   "total due by", "due for payment", "total amount due on", "amount due on", "balance due by", "deadline",
                   "payment deadline", "pay on or before", "payment due on"),
            "es": ("fecha de vencimiento", "vencimiento", "fecha límite de pago", "vence", "fecha vencimiento", "fecha límite", "vence el",
                   "pagar antes del", "fecha de pago"),
            "de": ("fälligkeitsdatum", "fällig am", "zahlbar bis", "fälligkeit", "zahlungsziel", "fällig", "zu zahlen bis",
                   "zahlbar bis zum", "zahlung bis", "zahlbar bis spätestens", "zahlungsfrist", "fällig bis", "bis zum", "netto bis"),
            "fr": ("date d'échéance", "échéance", "date limite de paiement", "à payer avant le", "payable le", "échéance le", "à régler avant le",
                   "date échéance", "date de règlement", "date d'echeance", "payable au plus tard le", "à régler le", "date de paiement"),
            "nl": ("vervaldatum", "te betalen voor", "uiterste betaaldatum", "betalen voor", "vervalt op"),
            "it": ("scadenza", "data scadenza", "data di scadenza", "scadenza pagamento"),
            "pt": ("vencimento", "data de vencimento", "data limite de pagamento", "pagar até", "data vencimento"),
        },
        shown=True,
    ),
    Field(
        "period_start",
        "date",
        "Period from",
        words={
            "en": ("period from", "service period", "billing period", "period", "service start", "start date", "from date", "for the period",
                   "service date", "service dates", "period start", "work from", "date from", "rental period"),
            "es": ("período", "periodo", "período de servicio", "desde", "fecha de inicio"),
            "de": ("leistungszeitraum", "zeitraum", "abrechnungszeitraum", "lieferzeitraum"),
            "fr": ("période", "période du", "période de facturation", "date de début"),
            "nl": ("periode",), "it": ("periodo",), "pt": ("período", "período de faturação"),
        },
    ),
    Field(
        "period_end",
        "date",
        "Period to",
        words={
            "en": ("period to", "through", "service end", "end date", "to date", "period end", "period ending", "work through", "thru",
                   "period ended", "week ending", "for period ending", "date to"),
            "es": ("hasta", "fecha final"),
            "de": ("bis einschließlich",), "fr": ("période au", "date de fin"),
        },
    ),
    Field(
        "payment_terms",
        "text",
        "Payment terms",
        words={
            "en": ("payment terms", "terms", "terms of payment", "payment term", "term", "terms and conditions of payment", "credit terms"),
            "es": ("condiciones de pago", "términos de pago", "términos", "plazo de pago", "forma de pago", "condiciones"),
            "de": ("zahlungsbedingungen", "zahlungsbedingung", "zahlungskonditionen"),
            "fr": ("conditions de paiement", "conditions de règlement", "modalités de paiement", "délai de paiement"),
            "nl": ("betalingsvoorwaarden", "betaaltermijn", "betalingstermijn", "betalingsconditie"),
            "it": ("condizioni di pagamento", "termini di pagamento", "modalità di pagamento"),
            "pt": ("condições de pagamento", "termos de pagamento", "prazo de pagamento"),
        },
        shown=True,
    ),
    Field("currency", "code", "Currency", shown=True),
    Field(
        "subtotal",
        "money",
        "Subtotal",
        words={
            "en": ("subtotal", "sub total", "sub-total", "net total", "total net", "net amount", "total excluding tax", "total before tax",
                   "subtotal before tax", "total excl vat", "total ex vat", "total excl gst", "total exc vat", "amount before tax",
                   "taxable amount", "total net amount", "net invoice value", "total (excluding gst)", "total excluding gst",
                   "total sales (excluding gst)", "total sales excluding gst", "merchandise total", "total ex gst", "taxable total",
                   "net value", "total excl tax", "total without tax", "total amount without vat", "total without vat", "goods total",
                   "net amount total", "total amount excl vat", "charges", "invoice subtotal", "order subtotal", "total sales excl gst",
                   "earned less retainage", "sum", "net sum", "subtotal amount", "total charges", "total net value", "amount excl gst",
                   "sales excl gst", "net subtotal", "line total sum"),
            "es": ("subtotal", "sub total", "base imponible", "importe neto", "total neto", "neto", "suma", "total sin iva", "base"),
            "de": ("zwischensumme", "nettobetrag", "netto", "summe netto", "nettosumme", "gesamt netto", "gesamtbetrag netto",
                   "gesamtsumme netto", "netto gesamt", "total netto", "rechnungsbetrag netto", "nettowert", "betrag netto", "gesamtnetto",
                   "warenwert", "summe (netto)", "netto-betrag", "netto summe", "summe positionen", "warenwert netto", "positionssumme",
                   "gesamtbetrag (netto)", "zwischensumme netto", "gesamt (netto)", "zwischensumme (netto)", "gesamt-netto", "summe netto betrag",
                   "total (netto)", "netto-summe", "nettogesamtbetrag", "gesamtbetrag ohne ust", "warenbetrag", "betrag ohne mwst"),
            "fr": ("total ht", "total h.t.", "montant ht", "sous-total", "sous total", "total hors taxe", "total hors taxes", "total net ht",
                   "montant total ht", "total brut ht", "montant hors taxe", "net ht", "base ht", "total net", "prix total ht", "total en ht",
                   "montant net ht", "total hors tva", "montant h.t.", "sous-total ht", "total facture ht"),
            "nl": ("subtotaal", "totaal excl btw", "totaal exclusief btw", "excl btw", "netto totaal", "totaal exclusief", "bedrag excl btw",
                   "totaal excl", "totaalbedrag excl btw", "totaal netto", "subtotaal excl btw", "goederenbedrag"),
            "it": ("imponibile", "totale imponibile", "subtotale", "totale netto"),
            "pt": ("subtotal", "total líquido", "base tributável", "total sem iva", "valor líquido", "total ilíquido"),
        },
        weak={"en": ("net", "amount", "total sales", "merchandise subtotal"), "fr": ("ht", "total"), "de": ("summe",)},
        shown=True,
    ),
    Field(
        "discount_total",
        "money",
        "Discount",
        words={
            "en": ("discount", "total discount", "less discount", "discounts", "trade discount", "discount amount", "discount total",
                   "volume discount", "item discount", "early payment discount", "total savings", "total discounts", "less discounts"),
            "es": ("descuento", "descuentos", "total descuento", "rebaja"),
            "de": ("rabatt", "gesamtrabatt", "nachlass", "abzüglich rabatt", "summe rabatt", "summe nachlässe", "abschläge", "summe abschläge"),
            "fr": ("remise", "remises", "total remise", "rabais", "escompte", "remise totale"),
            "nl": ("korting", "totaal korting"),
            "it": ("sconto", "sconti"),
            "pt": ("desconto", "descontos"),
        },
    ),
    Field(
        "freight",
        "money",
        "Freight / shipping",
        words={
            "en": ("freight", "shipping", "shipping and handling", "shipping & handling", "delivery", "delivery charge", "delivery fee",
                   "shipping cost", "freight charge", "freight charges", "shipping charges", "handling", "carriage", "s & h", "postage",
                   "freight & delivery", "freight and delivery", "delivery & handling", "shipping fee", "postage & packing", "fuel surcharge",
                   "delivery charges", "shipping/handling", "freight cost", "transportation", "shipping and delivery", "shipping charge",
                   "delivery and handling", "s&h", "shipping costs"),
            "es": ("flete", "envío", "gastos de envío", "transporte", "porte", "portes"),
            "de": ("versandkosten", "versand", "fracht", "frachtkosten", "porto", "lieferkosten", "transportkosten", "versandkostenpauschale",
                   "zuschläge", "summe zuschläge", "porto und verpackung", "fracht und verpackung"),
            "fr": ("frais de port", "port", "livraison", "frais de livraison", "transport", "frais d'expédition", "frais d'envoi", "total frais"),
            "nl": ("verzendkosten", "bezorgkosten", "vrachtkosten"),
            "it": ("spese di trasporto", "spese di spedizione", "trasporto"),
            "pt": ("frete", "portes", "transporte", "custos de envio"),
        },
    ),
    Field(
        "tax_rate",
        "percent",
        "Tax rate",
        words={
            "en": ("tax rate", "vat rate", "gst rate", "tax %", "vat %", "sales tax rate"),
            "es": ("tasa de impuesto", "tipo iva", "% iva"),
            "de": ("steuersatz", "ust-satz", "mwst-satz", "mwst %", "ust %"),
            "fr": ("taux tva", "taux de tva", "taux"),
            "nl": ("btw %", "btw-tarief", "btw percentage"),
            "it": ("aliquota", "aliquota iva"),
            "pt": ("taxa de iva", "taxa iva"),
        },
    ),
    Field(
        "tax_amount",
        "money",
        "Tax",
        words={
            "en": ("tax", "sales tax", "total tax", "vat", "gst", "hst", "pst", "qst", "vat amount", "total vat", "tax amount", "total gst",
                   "gst amount", "tax total", "igst", "cgst", "sgst", "utgst", "state tax", "county tax", "city tax", "use tax", "local tax",
                   "vat total", "gst payable", "add gst", "plus tax", "service tax", "state sales tax", "total taxes", "taxes", "plus vat",
                   "add vat", "total tax amount", "total vat amount", "tax payable", "gst total", "excise tax"),
            "es": ("iva", "i.v.a.", "impuesto", "impuestos", "total iva", "total impuestos", "cuota iva", "itbis", "igv", "importe iva"),
            "de": ("mwst", "ust", "umsatzsteuer", "mehrwertsteuer", "zzgl mwst", "zzgl ust", "steuerbetrag", "steuer", "zzgl umsatzsteuer",
                   "mwst-betrag", "ust-betrag", "gesamtsteuerbetrag", "summe ust", "summe mwst", "zuzüglich mwst", "zzgl mehrwertsteuer",
                   "summe umsatzsteuer", "steuerbetrag gesamt", "mwst betrag", "steuern", "umsatzsteuerbetrag", "summe steuern",
                   "gesamtbetrag ust", "gesamt ust", "gesamt steuer", "gesamt mwst", "summe steuer", "gesamtsteuer", "enthaltene mwst",
                   "steuergesamtbetrag", "+ mwst", "+ ust", "inkl mwst", "enthaltene umsatzsteuer"),
            "fr": ("tva", "t.v.a.", "total tva", "montant tva", "taxe", "total taxes", "dont tva", "montant de la tva", "total t.v.a.",
                   "montant total tva", "total des taxes", "montant taxe", "montant de tva"),
            "nl": ("btw", "btw bedrag", "totaal btw", "btw-bedrag", "b.t.w."),
            "it": ("iva", "i.v.a.", "imposta", "totale iva", "totale imposta", "imposte"),
            "pt": ("iva", "i.v.a.", "total iva", "imposto", "total de iva", "impostos"),
        },
        shown=True,
    ),
    Field(
        "retainage_amount",
        "money",
        "Retainage",
        words={
            "en": ("retainage", "retention", "less retainage", "retainage held", "less retention", "total retainage", "retention amount",
                   "retainage amount", "less 10% retainage", "retainage withheld", "retention held"),
            "es": ("retención", "retenido", "fondo de garantía"),
            "de": ("sicherheitseinbehalt", "einbehalt", "gewährleistungseinbehalt"),
            "fr": ("retenue de garantie", "retenue"),
        },
    ),
    Field(
        "total",
        "money",
        "Total",
        words={
            "en": ("total", "grand total", "invoice total", "total amount", "total invoice", "invoice amount", "total invoice amount",
                   "total including tax", "total incl vat", "total inc vat", "total incl gst", "total inc gst", "gross total", "gross amount",
                   "total for this invoice", "amount total", "total price", "total with tax", "total inclusive of gst", "total cost",
                   "total sales (inclusive of gst)", "total (inclusive of gst)", "total inclusive gst", "total payable", "nett total",
                   "total sales inclusive of gst", "total with vat", "total incl tax", "total rounded", "rounded total", "total (rm)",
                   "net total (incl tax)", "total this invoice", "total sales incl gst", "total amt", "grand total amount", "estimate total",
                   "job total", "total job cost", "total estimate", "total charge", "total amount (incl gst)", "total inclusive of tax",
                   "total after rounding", "total amount with vat", "total gross", "total gross amount", "total invoice value",
                   "total for invoice", "total amt incl gst", "total after tax", "contract total", "total amount payable", "sales total",
                   "total sale", "total amount incl vat", "total incl. gst", "receipt total", "final total", "order total", "invoice value"),
            "es": ("total", "gran total", "total general", "importe total", "total factura", "monto total", "total a pagar", "costo total",
                   "total con iva", "precio total", "total de la factura", "total estimado", "total de factura"),
            "de": ("gesamtbetrag", "gesamtsumme", "rechnungsbetrag", "endbetrag", "bruttobetrag", "gesamt", "summe brutto", "gesamt brutto",
                   "brutto", "total brutto", "rechnungssumme", "gesamtbetrag brutto", "gesamtsumme brutto", "brutto gesamt", "bruttosumme",
                   "rechnungsendbetrag", "gesamtpreis", "summe (brutto)", "betrag brutto", "rechnungsbetrag brutto", "bruttogesamtbetrag",
                   "gesamtbetrag inkl mwst", "gesamtbetrag (brutto)", "gesamt (brutto)", "endsumme", "gesamtbetrag eur", "brutto-summe",
                   "gesamtbetrag inkl ust", "rechnungsgesamtbetrag", "brutto betrag", "gesamtbrutto", "total (brutto)", "gesamtrechnungsbetrag"),
            "fr": ("total ttc", "total t.t.c.", "montant ttc", "montant total ttc", "total toutes taxes comprises", "total général",
                   "montant total", "total facture", "ttc", "total de la facture", "prix total ttc", "total en ttc", "montant t.t.c.",
                   "total facture ttc", "montant de la facture", "total a payer ttc"),
            "nl": ("totaal", "totaalbedrag", "totaal incl btw", "totaal inclusief btw", "eindtotaal", "factuurbedrag", "totaal inclusief",
                   "totaal factuur", "totaalbedrag incl btw", "totaal generaal"),
            "it": ("totale", "totale fattura", "totale documento", "importo totale", "totale generale", "totale ivato"),
            "pt": ("total", "valor total", "total da fatura", "total geral", "montante total", "total com iva", "total do documento"),
        },
        weak={"en": ("amount", "nett", "total due", "cost", "price", "amt", "total rm", "net total"), "de": ("summe", "betrag", "total"),
              "fr": ("montant", "total"), "es": ("importe", "monto"), "nl": ("bedrag",)},
        shown=True,
    ),
    Field(
        "amount_paid",
        "money",
        "Already paid",
        words={
            "en": ("amount paid", "paid", "payments", "deposit", "less deposit", "advance", "payment received", "payments received", "total paid",
                   "less payments", "less amount paid", "payments/credits", "payment made", "paid to date", "prepaid", "prepayment", "less payment",
                   "less previous payments", "less previous certificates", "payments received to date", "down payment", "deposit paid",
                   "paid amount", "total payments"),
            "es": ("anticipo", "pagado", "pagos", "depósito", "abono", "importe pagado"),
            "de": ("anzahlung", "bereits bezahlt", "bezahlt", "gezahlt", "vorauszahlung", "abzüglich anzahlung", "bereits gezahlt", "anzahlungen",
                   "gezahlter betrag", "vorausbezahlt"),
            "fr": ("acompte", "déjà réglé", "acompte versé", "montant payé", "payé", "déjà payé", "acomptes", "montant déjà payé", "déjà versé",
                   "montant déjà réglé", "total acomptes"),
            "nl": ("voldaan", "reeds betaald", "aanbetaling", "betaald"),
            "it": ("acconto", "già pagato"),
            "pt": ("adiantamento", "valor pago"),
        },
    ),
    Field(
        "previous_balance",
        "money",
        "Previous balance",
        words={
            "en": ("previous balance", "previous unpaid balance", "balance forward", "prior balance", "opening balance", "past due balance",
                   "balance brought forward", "past due", "previous amount due", "unpaid balance", "outstanding balance", "brought forward",
                   "last balance", "previous statement balance"),
            "es": ("saldo anterior", "balance anterior"),
            "de": ("vorheriger saldo", "alter saldo", "saldo vortrag", "offener saldo"),
            "fr": ("solde précédent", "ancien solde", "solde antérieur", "report"),
        },
    ),
    Field(
        "amount_due",
        "money",
        "Amount due",
        words={
            "en": ("amount due", "total amount due", "balance due", "total due", "amount payable", "net payable", "please pay",
                   "current payment due", "due now", "amount owing", "balance", "total balance due", "total payable amount", "balance payable",
                   "net amount due", "amount to pay", "pay this amount", "amount now due", "outstanding amount", "total to pay", "to pay",
                   "net due", "payment amount", "please pay this amount", "invoice amount due", "current amount due", "total owing",
                   "current charges due", "amount due for payment", "this payment", "total outstanding", "amount outstanding",
                   "remaining balance", "total balance"),
            "es": ("saldo", "saldo pendiente", "total a pagar", "importe a pagar", "monto a pagar", "saldo a pagar", "a pagar", "balance",
                   "importe pendiente", "cantidad a pagar"),
            "de": ("zahlbetrag", "zu zahlen", "zu zahlender betrag", "offener betrag", "restbetrag", "fälliger betrag", "noch zu zahlen",
                   "zu zahlender gesamtbetrag", "forderungsbetrag", "zahlungsbetrag", "ausstehender betrag", "überweisungsbetrag",
                   "zu überweisen", "noch zu zahlender betrag"),
            "fr": ("net à payer", "montant dû", "solde à payer", "reste à payer", "à payer", "montant à payer", "total à payer", "solde dû",
                   "net a payer", "net à régler", "montant net à payer", "reste dû", "solde", "somme à payer", "montant a payer"),
            "nl": ("te betalen", "te voldoen", "openstaand bedrag", "te betalen bedrag", "nog te betalen", "totaal te betalen"),
            "it": ("totale da pagare", "importo da pagare", "netto a pagare", "saldo"),
            "pt": ("total a pagar", "valor a pagar", "saldo a pagar", "montante a pagar"),
        },
        shown=True,
    ),
    Field(
        "iban",
        "id",
        "IBAN",
        words={"en": ("iban",)},
    ),
    Field(
        "bank_account",
        "id",
        "Bank account",
        words={
            "en": ("account no", "account number", "acct no", "acct #", "a/c no", "bank account", "bank account no", "account #", "bank account number",
                   "bank acct", "acct number", "a/c number"),
            "es": ("número de cuenta", "cuenta", "no. de cuenta", "cuenta bancaria", "clabe"),
            "de": ("kontonummer", "konto-nr", "kontonr", "konto nr", "konto"),
            "fr": ("n° de compte", "numéro de compte", "compte bancaire"),
            "nl": ("rekeningnummer", "bankrekening"),
        },
    ),
    Field(
        "routing_number",
        "id",
        "Routing number",
        words={
            "en": ("routing number", "routing no", "routing #", "aba", "aba number", "aba no", "routing", "sort code", "ach routing", "bsb",
                   "routing transit number", "aba routing number", "ifsc", "ifsc code", "wire routing"),
            "de": ("blz", "bankleitzahl"),
            "es": ("número de ruta",),
        },
    ),
)

FIELDS: Mapping[str, Field] = MappingProxyType({f.name: f for f in _CATALOGUE})
"""Every header field by name, in the order in which a form shows them."""

SHOWN_FIELDS: tuple[str, ...] = tuple(f.name for f in _CATALOGUE if f.shown)
"""Fields that a clerk's form shows even where the document has none."""

MONEY_FIELDS: tuple[str, ...] = tuple(f.name for f in _CATALOGUE if f.kind == "money")

REQUIRED_FIELDS: tuple[str, ...] = ("vendor_name", "invoice_number", "invoice_date", "total")
"""What an invoice can't be paid without; an organization may require more."""


@dataclass(frozen=True, slots=True)
class LineItemField:
    """One column of the table of lines.

    ``words`` label the column on paper, all languages together: a column's
    header is recognised by its neighbours as much as by its own words.
    """

    name: str
    kind: Kind
    label: str
    words: tuple[str, ...] = ()
    shown: bool = False


_LINE_CATALOGUE = (
    LineItemField(
        "item_number", "text", "Item",
        ("#", "pos", "pos.", "position", "line", "line no", "s.no", "s no", "sr no", "sl no", "sl. no", "item no.", "no", "n°", "ln", "sno",
         "lfd nr", "lfd. nr.", "nr", "nº", "pos nr", "line #", "zeile", "serial no"),
    ),
    LineItemField(
        "product_code", "text", "Code",
        ("item code", "sku", "product code", "part no", "part number", "part #", "code", "item #", "item number", "item id", "product id",
         "article", "article no", "material", "stock code", "model", "model no", "item no", "catalog no", "product no", "hsn", "hsn/sac",
         "hsn code", "sac", "código", "clave", "referencia", "artikelnummer", "artikel-nr", "artikelnr", "art.-nr", "art nr", "artnr",
         "référence", "réf", "ref", "code article", "artikelcode", "codice", "material no", "artikel nr", "art-nr", "upc", "model number"),
    ),
    LineItemField(
        "description", "text", "Description",
        ("description", "item description", "product description", "description of work", "work description", "item", "items", "product",
         "products", "service", "services", "details", "particulars", "goods", "activity", "description of goods", "product name",
         "item name", "description of services", "product/service", "item & description", "work performed", "description of work performed",
         "services rendered", "item/description", "task", "name", "labor description", "line item", "material description", "products & services",
         "descripción", "descripción del trabajo", "concepto", "producto", "detalle", "servicio", "trabajo realizado",
         "bezeichnung", "beschreibung", "artikel", "leistung", "produkt", "text", "artikelbezeichnung", "produktbezeichnung", "leistungsbeschreibung",
         "artikelbeschreibung", "artikel/dienstleistung", "dienstleistung", "gegenstand",
         "désignation", "libellé", "produit", "prestation", "description du produit", "désignation des produits", "article/description", "détail",
         "omschrijving", "productomschrijving", "descrizione", "descrição", "designação", "description of materials", "service description",
         "equipment", "labor", "type of work", "description of item", "title", "charge", "charges", "role"),
        shown=True,
    ),
    LineItemField(
        "date", "date", "Date",
        ("date", "service date", "work date", "fecha", "datum", "leistungsdatum", "lieferdatum", "delivery date", "date performed"),
    ),
    LineItemField(
        "quantity", "quantity", "Quantity",
        ("qty", "quantity", "hours", "hrs", "units", "qty.", "quant", "qnty", "no of units", "qty/hr", "qty/hrs", "hrs/qty", "hours/qty",
         "qty shipped", "shipped", "qty ordered", "ordered", "order qty", "pcs", "qty/hours", "billed qty", "ship qty", "quantity shipped",
         "cantidad", "cant", "cant.", "horas", "menge", "anzahl", "stk", "stück", "std", "menge/einheit", "anz",
         "quantité", "qté", "qte", "nombre", "nb", "aantal", "quantità", "q.tà", "quantidade", "qtd", "qtde", "hours worked", "days"),
        shown=True,
    ),
    LineItemField(
        "unit", "text", "Unit",
        ("unit", "uom", "um", "u/m", "unit of measure", "units of measure", "unidad", "und", "einheit", "einh", "me", "unité", "eenheid",
         "unità", "u.m.", "un", "unit type", "per", "ud"),
        shown=True,
    ),
    LineItemField(
        "unit_price", "money", "Unit price",
        ("unit price", "price", "rate", "unit cost", "price/unit", "price each", "unit rate", "cost", "hourly rate", "price per unit", "each",
         "unit amount", "rate/hr", "rate/hour", "item price", "u. price", "u/price", "price (usd)", "cost per unit", "cost each", "net price",
         "unit price (usd)", "net unit price", "price (each)", "list price", "rate per hour", "unit value", "gross price",
         "precio", "precio unitario", "p. unitario", "tarifa", "valor unitario", "p.u.", "costo",
         "einzelpreis", "preis", "stückpreis", "e-preis", "ep", "einzel", "preis/einheit", "einzelpreis netto", "preis pro einheit", "stk-preis",
         "einzelpreis eur", "einheitspreis", "netto-preis", "nettopreis", "einzel-preis", "stückpreis netto", "e.-preis", "preis netto",
         "prix unitaire", "p.u.", "pu ht", "p.u. ht", "prix", "prix unitaire ht", "prix unit", "pu", "prix ht", "prix unit. ht", "p.u.h.t.",
         "prijs", "stukprijs", "eenheidsprijs", "prijs per stuk", "tarief", "prezzo", "prezzo unitario", "preço", "preço unitário", "valor unit"),
        shown=True,
    ),
    LineItemField(
        "tax_rate", "percent", "Tax rate",
        ("tax", "vat", "vat %", "tax %", "tax rate", "vat rate", "gst", "gst %", "igst", "cgst", "sgst", "taxes", "taxable", "iva", "% iva",
         "mwst", "mwst %", "ust", "ust %", "ust.", "mwst.", "steuersatz", "ust-satz", "mwst-satz", "steuer", "tva", "% tva", "taux tva", "taux",
         "btw", "btw %", "btw%", "aliquota", "vat code", "tax code", "sales tax", "vat amount", "tax amount", "tva %", "mwst. %", "ust. %",
         "vat percentage", "mwst-code"),
    ),
    LineItemField(
        "amount", "money", "Amount",
        ("amount", "total", "line total", "extended", "ext price", "extended price", "extended amount", "extension", "net amount", "total price",
         "ext", "ext.", "line amount", "amt", "total amount", "amount (usd)", "total cost", "sub total", "subtotal", "value", "total (usd)",
         "ext amount", "net", "net value", "total price (usd)", "amount due", "item total", "gross", "gross amount", "price total", "line cost",
         "amount usd", "total value", "sum", "net total", "amount gbp", "total net", "ext. price", "price ext", "amount rm",
         "importe", "monto", "total línea", "valor", "gesamt", "gesamtpreis", "betrag", "summe", "gesamtbetrag", "g-preis", "gp", "netto",
         "gesamtpreis netto", "nettobetrag", "preis gesamt", "gesamt netto", "wert", "gesamtpreis eur", "betrag eur", "positionssumme",
         "gesamt-preis", "gesamt eur", "gesamtwert", "summe netto", "netto-betrag", "netto betrag", "total netto", "betrag netto", "gesamt €",
         "montant", "total ht", "montant ht", "prix total", "total ttc", "montant ttc", "montant h.t.", "total ht net", "montant total", "prix total ht",
         "bedrag", "totaal", "totaal excl btw", "totaalprijs", "subtotaal", "bedrag excl btw", "importo", "totale", "montante", "valor total"),
        shown=True,
    ),
    LineItemField("cost_code", "text", "Cost code", ("cost code", "phase", "phase code", "cost type", "gl code", "csi", "csi code", "código de costo"),
                  shown=True),
    LineItemField("scheduled_value", "money", "Scheduled value", ("scheduled value", "contract value", "contract amount", "schedule of values")),
    LineItemField("previous_completed", "money", "Previously completed",
                  ("from previous application", "previous application", "previous applications", "previously completed", "prior applications",
                   "work completed previous")),
    LineItemField("this_period", "money", "This period", ("this period", "this application", "work this period", "current period", "this billing")),
    LineItemField("materials_stored", "money", "Stored materials",
                  ("materials presently stored", "stored materials", "materials stored", "presently stored")),
    LineItemField("total_completed", "money", "Completed to date",
                  ("total completed and stored", "total completed", "completed and stored to date", "total completed & stored", "completed to date")),
    LineItemField("percent_complete", "percent", "Percent", ("% complete", "percent complete", "g/c", "%")),
    LineItemField("balance_to_finish", "money", "Balance to finish", ("balance to finish", "balance to complete")),
    LineItemField("retainage", "money", "Retainage", ("retainage", "retention")),
)

LINE_ITEM_FIELDS: Mapping[str, LineItemField] = MappingProxyType({f.name: f for f in _LINE_CATALOGUE})
"""Every column of the table of lines by name, in the order in which a grid shows them."""

SHOWN_LINE_ITEM_FIELDS: tuple[str, ...] = tuple(f.name for f in _LINE_CATALOGUE if f.shown)

_WHITE_SPACE = re.compile(r"\s+")


def collapse(text: str) -> str:
    """Return ``text`` with white space collapsed and trimmed: how ids and text are stored."""
    return _WHITE_SPACE.sub(" ", text).strip()


def normalise(name: str, text: str) -> str | None:
    """Turn what a person typed or a page says into the stored form of a field.

    :param name: a field of :data:`FIELDS` or a column of :data:`LINE_ITEM_FIELDS`.
    :param text: free text, in any of the notations that ``extraction.reading.amounts``
        and ``extraction.reading.dates`` know; dates such as 03/04/2026 are taken month first.
    :returns: the normalised value, or ``None`` if the text isn't a value of that kind.
    :raises KeyError: if there is no such field.
    """
    from extraction.reading import amounts, dates

    kind = (FIELDS.get(name) or LINE_ITEM_FIELDS[name]).kind
    text = collapse(text)
    if not text:
        return None
    if kind in ("money", "quantity"):
        amount = amounts.parse_money(text) if kind == "money" else amounts.parse_quantity(text)
        return None if amount is None else amounts.plain(amount, places=2 if kind == "money" else 0)
    if kind == "percent":
        percent = amounts.parse_percent(text)
        return None if percent is None else amounts.plain(percent)
    if kind == "date":
        day = dates.parse_date(text)
        return None if day is None else day.isoformat()
    if kind == "code":
        return amounts.currency_of(text)
    if kind == "choice":
        value = text.lower().replace(" ", "_")
        return value if value in DOCUMENT_TYPES else None
    return text
