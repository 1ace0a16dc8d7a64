"""Amounts of conversions: as they were at the conversion where a history tells, and in one currency."""

from leadml.sources import sql
from leadml.sources.identity import Reading
from leadml.sources.quarantine import OTHER_FIELD, Check, Source
from leadml.sources.raw import Raw
from leadml.sources.spec import DatedSpec, HistorySpec, Rates
from leadml.sources.sql import Moment, ident, literal

# What is booked within a day of the conversion belongs to it: amounts are often typed in just after the stage.
_SETTLED = "INTERVAL 1 DAY"


def with_amount_at(reading: Reading, relation: str, spec: DatedSpec, when: Moment) -> str:
    """The relation with ``_amount_then``: the text of the amount at the conversion, NULL where no history tells it.

    Of the changes up to a day after the conversion the last one's new value counts, else the first later change's old
    one; without any change the amount is what the row says now.
    """
    booked, raw = spec.amount_history, reading.raw[spec.source]
    history = reading.mapping.history[booked.history] if booked else None
    if booked is None or history is None or history.source not in reading.raw or booked.key not in raw.present:
        return f"(SELECT *, NULL::VARCHAR AS _amount_then FROM {relation})"
    _read_amounts(reading, history, reading.mapping.files[spec.source].aliases(spec.amount or ""))
    return (
        f"(SELECT * EXCLUDE (_then), coalesce(_then.before, _then.after) AS _amount_then FROM ("
        f"SELECT t.*, (SELECT {{before: arg_max(h.new, (h.changed, h.place)) "
        f"FILTER (h.changed <= t._converted + {_SETTLED}), "
        f"after: arg_min(h.old, (h.changed, h.place)) FILTER (h.changed > t._converted + {_SETTLED})}} "
        f"FROM _amounts h WHERE h.id = t.{ident(booked.key)}) AS _then "
        f"FROM (SELECT *, {when.at} AS _converted FROM {relation}) t))"
    )


def _read_amounts(reading: Reading, history: HistorySpec, names: tuple[str, ...]) -> None:
    """``_amounts``: the changes of an amount, with the row's place for those of one instant."""
    raw = reading.raw[history.source]
    changed = reading.moment(history.at, raw)
    other = f"coalesce(lower({ident(history.field)}) NOT IN ({sql.literals(n.lower() for n in names)}), TRUE)"
    checks = [
        Check(OTHER_FIELD, f"{other} OR NOT ({sql.where(history.where)})", quarantined=False),
        Check("missing_id", f"{ident(history.id)} IS NULL", column=history.id),
        *reading.time_checks(history.at[0], changed),
    ]
    columns = {
        "id": ident(history.id), "new": ident(history.new), "changed": changed.at,
        "old": ident(history.old) if history.old in raw.present else "NULL::VARCHAR",
        "place": "{f: _file, r: _row}",
    }  # fmt: skip
    reading.con.execute("DROP TABLE IF EXISTS _amounts")
    reading.ledger.sift("amounts", Source(raw.table, raw.name), columns, checks, "_amounts")


def amount_columns(reading: Reading, spec: DatedSpec, raw: Raw) -> dict[str, str]:
    """The expressions of ``amount`` and ``currency``, in the currency of the mapping where it names one.

    ``_amount_given`` is the text that was read: an amount that is no number, or that no rate turns, is missing.
    """
    if spec.amount is None or spec.amount not in raw.present:
        return {"amount": "NULL::DOUBLE", "currency": "NULL::VARCHAR", "_amount_given": "NULL::VARCHAR"}
    decimal = raw.decimals.get(spec.amount, "auto")
    text, amount = ident(spec.amount), raw.number(spec.amount)
    if spec.amount_history is not None:
        text = f"coalesce(_amount_then, {text})"
        amount = sql.number(text, decimal)
    named = f"upper({ident(spec.currency)})" if spec.currency in raw.present else "NULL::VARCHAR"
    currency = f"coalesce({named}, {sql.currency_of(text, reading.mapping.currency)})"
    wanted, rates = reading.mapping.currency, reading.mapping.rates
    if wanted is None:
        return {"amount": amount, "currency": currency, "_amount_given": text}
    # Without a column and without a sign all amounts are in the one currency of the company.
    if spec.currency not in raw.present:
        currency = f"coalesce({currency}, {literal(wanted)})"
    one = f"CASE WHEN {currency} = {literal(wanted)} THEN 1.0 END"
    if rates is not None and rates.source in reading.raw:
        _read_rates(reading, rates)
        moment = reading.moment(spec.at, raw)
        dated = f"(SELECT arg_max(rate, (since, place)) FROM _rates WHERE code = {currency} AND since <= {moment.at})"
        one = f"coalesce({one}, {dated})"
    turned = f"CASE WHEN {one} IS NOT NULL THEN {literal(wanted)} ELSE {currency} END"
    return {"amount": f"{amount} * {one}", "currency": turned, "_amount_given": text}


def _read_rates(reading: Reading, spec: Rates) -> None:
    """``_rates``: code, ``since`` (a rate holds from its date on) and the value of one unit in the wanted currency."""
    raw = reading.raw[spec.source]
    moment, rate = reading.moment((spec.at,), raw), raw.number(spec.rate)
    value = rate if spec.per == "one" else f"1.0 / {rate}"
    checks = [
        Check("missing_id", f"{ident(spec.currency)} IS NULL", column=spec.currency),
        *reading.time_checks(spec.at, moment),
        Check("bad_rate", f"coalesce({rate} <= 0, TRUE)", column=spec.rate, value=ident(spec.rate)),
    ]
    columns = {
        "code": f"upper({ident(spec.currency)})",
        "since": moment.at,
        "rate": value,
        "place": "{f: _file, r: _row}",
    }
    reading.con.execute("DROP TABLE IF EXISTS _rates")
    reading.ledger.sift("rates", Source(raw.table, raw.name), columns, checks, "_rates")
