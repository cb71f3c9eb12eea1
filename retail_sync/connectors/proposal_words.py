"""The words by which a file's columns are recognised, in English and German, and the words inside them that we know.

Only vocabulary. A phrase is lower case, without signs, umlauts written out; the first phrases of a column are the surest.
"""

from __future__ import annotations

import re

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

# Canonical column: how a header may call it. `object.column` is for one object and replaces the general entry.
PHRASES: dict[str, tuple[str, ...]] = {
    "sku": ("sku", "seller sku", "stock code", "article number", "artikelnummer", "artikel nr", "artikelnr", "item code",
            "item number", "item no", "product code", "artikel", "item", "lineitem sku"),
    "channel_sku": ("channel sku", "asin", "listing id", "offer id", "seller sku"),
    "title": ("title", "description", "product name", "item name", "bezeichnung", "artikelbezeichnung", "beschreibung", "name"),
    "quantity": ("quantity", "qty", "menge", "anzahl", "units", "stueck", "quantity ordered", "count"),
    "currency": ("currency", "currency code", "waehrung", "iso currency"),
    "store": ("store", "shop", "filiale", "store id", "branch", "outlet", "kasse standort", "markt"),
    "register": ("register", "till", "kasse", "kassennummer", "kassen nr", "device", "terminal"),
    "receipt_id": ("receipt", "receipt id", "receipt number", "invoice no", "invoice number", "beleg", "belegnummer",
                   "beleg nr", "bon", "bonnummer", "bon nr", "transaction id", "ticket"),
    "receipt_line_no": ("line", "line no", "line number", "position", "pos nr", "zeile"),
    "sold_at": ("sold at", "invoice date", "sale date", "date time", "datum", "zeit", "date", "time", "verkaufsdatum",
                "bondatum", "timestamp", "zeitpunkt"),
    "tendered_at": ("tendered at", "paid at", "date time", "datum", "date", "time", "zeit", "timestamp", "zeitpunkt"),
    "pos_sales.kind": ("kind", "type", "art", "vorgang", "belegart", "transaction type"),
    "gross_amount": ("gross amount", "gross", "brutto", "bruttobetrag", "amount incl tax", "total incl vat", "gross sales",
                     "umsatz brutto"),
    "net_amount": ("net amount", "net", "netto", "nettobetrag", "amount excl tax", "net sales", "umsatz netto"),
    "tax_amount": ("tax amount", "vat amount", "tax", "vat", "mwst betrag", "ust betrag", "steuer", "steuerbetrag", "mwst",
                   "ust", "taxes"),
    "tax_rate": ("tax rate", "vat rate", "mwst satz", "steuersatz", "ust satz", "mwst", "vat", "tax percent", "mwst prozent"),
    "discount_amount": ("discount", "discount amount", "rabatt", "nachlass", "discounts"),
    "tender": ("tender", "payment method", "payment type", "zahlart", "zahlungsart", "zahlungsmittel", "tender type"),
    "pos_tenders.amount": ("amount", "betrag", "total", "summe"),
    "shift_id": ("shift", "shift id", "schicht", "schichtnummer", "z nr", "drawer"),
    "opened_at": ("opened at", "opened", "start", "beginn", "geoeffnet"),
    "closed_at": ("closed at", "closed", "end", "ende", "geschlossen"),
    "opening_amount": ("opening amount", "opening", "float", "anfangsbestand", "wechselgeld"),
    "counted_amount": ("counted", "counted amount", "gezaehlt", "kassenbestand", "closing amount"),
    "paid_in_amount": ("paid in", "einlage"),
    "paid_out_amount": ("paid out", "entnahme"),
    "snapshot_date": ("snapshot date", "stock date", "stichtag", "bestandsdatum", "as of", "date", "datum"),
    "location_id": ("location", "location id", "warehouse", "lager", "lagerort", "standort", "fulfilment center", "store",
                    "filiale"),
    "quantity_on_hand": ("quantity on hand", "on hand", "stock", "bestand", "lagerbestand", "qty on hand", "stock on hand",
                         "total quantity"),
    "quantity_reserved": ("reserved", "quantity reserved", "reserviert", "committed", "total reserved quantity"),
    "unit_cost": ("unit cost", "cost", "einstandspreis", "ek", "ek preis", "einkaufspreis", "standard cost"),
    "moved_at": ("moved at", "posting date", "buchungsdatum", "movement date", "date", "datum"),
    "stock_movements.kind": ("movement type", "entry type", "bewegungsart", "kind", "type", "art"),
    "movement_id": ("movement id", "entry no", "entry number", "bewegungsnummer", "lfd nr"),
    "stock_movements.reference": ("reference", "document no", "document", "belegnummer", "beleg"),
    "counted_at": ("counted at", "count date", "zaehldatum", "inventurdatum", "last updated time", "date", "datum"),
    "stock_counts.quantity": ("counted quantity", "counted", "gezaehlt", "gezaehlte menge", "fulfillable quantity",
                              "zaehlmenge"),
    "gtin": ("gtin", "ean", "barcode", "upc"),
    "unit": ("unit", "uom", "einheit", "mengeneinheit"),
    "tax_code": ("tax code", "steuerschluessel", "tax class"),
    "is_active": ("active", "is active", "aktiv"),
    "valid_from": ("valid from", "gueltig ab", "gueltig von", "start date"),
    "valid_to": ("valid to", "gueltig bis", "end date", "valid until"),
    "unit_price": ("unit price", "price", "preis", "einzelpreis", "stueckpreis", "vk", "vk preis", "list price",
                   "item price amount", "lineitem price"),
    "channel": ("channel", "sales channel", "kanal", "vertriebskanal", "marketplace"),
    "listed_at": ("listed at", "export date", "updated at", "date", "datum"),
    "listed_quantity": ("listed quantity", "available", "verfuegbar", "quantity available", "listed"),
    "order_id": ("order id", "order", "order number", "order no", "bestellnummer", "bestellung", "auftrag", "auftragsnummer",
                 "amazon order id"),
    "ordered_at": ("ordered at", "order date", "purchase date", "bestelldatum", "created at", "date", "datum"),
    "orders.status": ("status", "order status", "financial status", "bestellstatus"),
    "total_amount": ("total amount", "total", "order total", "order total amount", "gesamtbetrag", "summe", "gesamt"),
    "shipping_amount": ("shipping", "shipping amount", "versand", "versandkosten"),
    "order_line_no": ("line no", "line", "position"),
    "order_lines.tax_amount": ("item tax amount", "tax amount", "tax", "steuer"),
    "order_lines.discount_amount": ("promotion discount amount", "discount amount", "discount", "rabatt"),
    "payment_id": ("payment id", "transaction id", "zahlungs id"),
    "payments.kind": ("type", "kind", "transaction type", "art", "typ", "event", "event type"),
    "paid_at": ("transaction date", "paid at", "payment date", "zahlungsdatum", "date", "datum"),
    "payments.gross_amount": ("amount", "gross", "gross amount", "brutto", "betrag"),
    "fee_amount": ("fee", "fees", "fee amount", "gebuehr", "gebuehren", "fees taxes"),
    "payments.net_amount": ("net", "net amount", "netto"),
    "presentment_amount": ("presentment amount",),
    "presentment_currency": ("presentment currency",),
    "payout_id": ("payout id", "auszahlungsnummer"),
    "payout_date": ("payout date", "auszahlungsdatum"),
    "shipped_at": ("shipped at", "ship date", "shipment date", "versanddatum", "fulfilled at"),
    "fulfilment_id": ("fulfilment id", "shipment id", "sendungsnummer", "lieferschein"),
    "returned_at": ("returned at", "return date", "retourendatum", "date", "datum"),
    "return_id": ("return id", "rma", "retourennummer"),
    "disposition": ("disposition", "zustand", "verbleib"),
    "refund_amount": ("refund amount", "refund", "erstattung", "gutschrift"),
    "gift_card_number": ("gift card number", "gift card code", "gift card id", "gift card", "gutscheinnummer", "gutschein nr",
                         "gutscheincode", "geschenkkartennummer", "geschenkkarte"),
    "event_id": ("event id", "transaction id", "entry id", "vorgangsnummer"),
    "occurred_at": ("occurred at", "event date", "issued at", "created at", "date time", "date", "datum", "timestamp",
                    "zeitpunkt"),
    "gift_card_events.kind": ("event", "event type", "kind", "type", "art", "vorgang", "transaction type"),
    "gift_card_events.amount": ("amount", "value", "betrag", "wert", "balance change"),
    "voucher_id": ("voucher id", "voucher", "voucher number", "voucher no", "journal no", "journal number", "entry no",
                   "belegnummer", "buchungsbeleg"),
    "vouchers.business_date": ("posting date", "booking date", "business date", "voucher date", "buchungsdatum", "belegdatum",
                               "date", "datum"),
    "category": ("category", "posting category", "kategorie", "buchungsart"),
    "vouchers.amount": ("amount", "debit credit amount", "betrag"),
    "vouchers.location": ("location", "store", "country", "filiale", "land"),
    "memo": ("memo", "text", "description", "note", "buchungstext", "bemerkung"),
    "deferred_transactions.snapshot_date": ("snapshot date", "report date", "taken on", "stichtag", "as of"),
    "deferred_transactions.transaction_id": ("transaction id", "deferred transaction id", "transaktionsnummer"),
    "transaction_date": ("transaction date", "posted date", "date", "datum"),
    "deferred_transactions.category": ("category", "amount category", "kategorie"),
    "deferred_transactions.amount": ("amount", "deferred amount", "betrag"),
    "deferred_transactions.account": ("account", "seller account", "seller id", "merchant id"),
    "customer_number": ("customer id", "customer number", "kundennummer", "kunden nr", "customer"),
    "country": ("country", "land"),
    "tax_status": ("tax status",),
    "locations.kind": ("kind", "type", "art"),
    "time_zone": ("time zone", "timezone", "zeitzone"),
    "value_date": ("value date", "valuta", "wertstellung", "valutadatum", "buchungstag", "buchung", "booking date", "date",
                   "datum"),
    "bank_transactions.amount": ("amount", "betrag", "umsatz"),
    "reference": ("reference", "verwendungszweck", "description", "purpose", "text", "details", "buchungstext", "memo",
                  "payment reference"),
    "account": ("iban", "account", "account number", "konto", "kontonummer", "auftragskonto"),
    "transaction_id": ("transaction id", "id", "bank reference", "umsatz id"),
    "rate_date": ("rate date", "date", "datum", "kursdatum"),
    "from_currency": ("from currency", "from", "base", "von", "basis"),
    "to_currency": ("to currency", "to", "quote", "nach", "ziel"),
    "rate": ("rate", "exchange rate", "kurs", "wechselkurs"),
}  # fmt: skip

# What a column of a closed list of words may say: the file's word (in lower case) = ours.
MEANINGS: dict[str, dict[str, str]] = {
    "pos_sales.kind": {
        "sale": "sale", "sales": "sale", "verkauf": "sale", "s": "sale", "v": "sale", "return": "return", "refund": "return",
        "retoure": "return", "storno": "return", "r": "return", "rueckgabe": "return", "tip": "tip", "trinkgeld": "tip",
        "gift card": "gift_card_sold", "gutschein": "gift_card_sold", "rounding": "rounding", "rundung": "rounding",
    },
    "tender": {
        "cash": "cash", "bar": "cash", "card": "card", "karte": "card", "ec": "card", "ec karte": "card", "girocard": "card",
        "visa": "card", "mastercard": "card", "credit card": "card", "kreditkarte": "card", "debit": "card",
        "gift card": "gift_card", "gutschein": "voucher", "voucher": "voucher", "rechnung": "account", "account": "account",
    },
    "stock_movements.kind": {
        "sale": "sale", "verkauf": "sale", "return": "return", "retoure": "return", "purchase": "receipt",
        "receipt": "receipt", "wareneingang": "receipt", "einkauf": "receipt", "transfer": "transfer",
        "umlagerung": "transfer", "adjustment": "adjustment", "positive adjustment": "adjustment",
        "negative adjustment": "adjustment", "korrektur": "adjustment", "inventur": "adjustment",
    },
    "payments.kind": {word: word for word in ("charge", "refund", "chargeback", "adjustment", "reserve", "fee", "payout")}
    | {"sale": "charge", "payment": "charge", "capture": "charge", "zahlung": "charge", "payment refund": "refund",
       "refunded": "refund", "erstattung": "refund", "rueckzahlung": "refund", "dispute": "chargeback",
       "rueckbuchung": "chargeback", "deposit": "payout", "transfer": "payout", "auszahlung": "payout", "gebuehr": "fee",
       "processing fee": "fee", "stripe fee": "fee", "korrektur": "adjustment"},
    "gift_card_events.kind": {
        "sold": "sold", "sale": "sold", "purchased": "sold", "activated": "sold", "verkauft": "sold", "verkauf": "sold",
        "redeemed": "redeemed", "redemption": "redeemed", "used": "redeemed", "eingeloest": "redeemed",
        "einloesung": "redeemed", "issued": "issued", "goodwill": "issued", "ausgegeben": "issued", "kulanz": "issued",
        "expired": "expired", "breakage": "expired", "abgelaufen": "expired", "verfallen": "expired",
    },
    "disposition": {"restocked": "restocked", "resellable": "restocked", "sellable": "restocked", "none": "none",
                    "written off": "written_off", "damaged": "written_off", "defective": "written_off"},
    "locations.kind": {"store": "store", "filiale": "store", "warehouse": "warehouse", "lager": "warehouse",
                       "fba": "marketplace_fulfilment"},
    "stock_counts.kind": {"physical": "physical", "marketplace": "marketplace", "third party": "third_party"},
}  # fmt: skip

# What may be the same for a whole file and is then no column of it; the value is what the trial run puts there.
CONSTANTS: dict[str, str] = {
    "currency": "XXX", "store": "S1", "location_id": "L1", "channel": "shop", "kind": "", "tender": "other",
    "disposition": "none", "status": "unknown", "from_currency": "XXX", "to_currency": "XXX", "reference": "",
    "time_zone": "UTC", "opening_amount": "0",
}  # fmt: skip

# The constant for `kind` where no column says it.
USUAL_KINDS = {
    "pos_sales": "sale", "stock_movements": "adjustment", "payments": "charge", "locations": "store",
    "gift_card_events": "issued",
}  # fmt: skip


# Words of a marketplace's report of what it holds: people who count have none of them.
MARKETPLACE_STOCK = ("fulfillable quantity", "afn fulfillable quantity")


def words_of(text: str) -> str:
    """Header or word as a phrase: lower case, umlauts written out, signs and camelCase as spaces."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.strip())
    return " ".join(re.sub(r"[^a-z0-9]+", " ", spaced.casefold().translate(_UMLAUTS)).split())


def likeness(header: str, object_name: str, column: str) -> float:
    """How well a header names a canonical column, from 0 to 1."""
    # MwSt is one word though it looks like camelCase.
    return max(_likeness(said, object_name, column) for said in {words_of(header), words_of(header.casefold())})


def _likeness(said: str, object_name: str, column: str) -> float:
    phrases = PHRASES.get(f"{object_name}.{column}") or PHRASES.get(column) or ()
    found = 0.0
    for place, phrase in enumerate((*phrases, column.replace("_", " "))):
        if said == phrase:
            found = max(found, 1.0 - place * 0.02)
        elif f" {said} ".find(f" {phrase} ") >= 0:
            # A phrase that is the lesser part of a long header says little: "warehouse" in "warehouse damaged quantity".
            share = len(phrase.split()) / len(said.split())
            found = max(found, (0.6 - place * 0.02) * (share >= 0.5))
    return found
