"""What every cell of a raw table goes through, as cheap expressions: stripped, missing or not, and read as a time.

They give exactly what `sql.present` of a trimmed text and `sql.Clock.instant` give; a test asserts it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leadml.sources.sql import BLANKS, Clock, literal

_MARK = "\x02"
_NO_BREAK = "'\u00a0'"
# Digits of an epoch, and how many microseconds one of it is: microseconds, milliseconds, seconds.
_EPOCHS = {16: 1, 15: 1, 13: 1_000, 12: 1_000, 10: 1_000_000, 9: 1_000_000}
_WHOLE = frozenset(("BIGINT", "UBIGINT", "INTEGER", "UINTEGER", "HUGEINT"))


def has_blanks(expr: str) -> str:
    """Whether a text begins or ends with a blank, or with a control character: for columns with few different texts.

    Of those that Parquet holds once each DuckDB looks at each once.
    """
    # Comparison with the first letters that are no blanks, and of the last letter.
    return f"({expr} < '!' OR {expr} >= {_NO_BREAK} OR ({expr})[-1] <= ' ' OR suffix({expr}, {_NO_BREAK}))"


def in_one(exprs: Iterable[str]) -> str:
    """All texts of a row as one, each between marks, for `may_have_blanks`."""
    mark = literal(_MARK)
    return f"concat({', '.join([mark, *(f'{e}, {mark}' for e in exprs)])})"


def may_have_blanks(texts: str) -> str:
    """Whether one of the texts that are in one (see `in_one`) begins or ends with a blank.

    Most rows have none, and are spared to look at each of their texts. It may be said of a row without any, too: by
    a line break or a mark within a text.
    """
    looked = (f" {_MARK}", f"{_MARK} ", *BLANKS.replace(" ", ""))
    return f"({' OR '.join(f'contains({texts}, {literal(x)})' for x in looked)})"


def cleaned(expr: str, missing: Iterable[str], blank: str) -> str:
    """The text without blanks at its ends, NULL where it is then one of the texts (lower case) that mean missing.

    ``blank``: whether it may have blanks at its ends. Trimming and lower case cost more than reading the text itself:
    whoever needs neither is told first, by ``blank``, the length and the first letter. The words are told by a regular
    expression, because DuckDB makes of IN a join that all rows go through, also those that a CASE would spare.
    """
    texts = sorted({*missing, ""})
    longest = max(len(t.encode()) for t in texts)
    words = literal("|".join(map(_quoted, texts)))

    def kept(text: str) -> str:
        read = f"CASE WHEN regexp_full_match(lower({text}), {words}) THEN NULL ELSE {text} END"
        return f"CASE WHEN strlen({text}) <= {longest} AND {_may_begin(text, texts)} THEN {read} ELSE {text} END"

    return f"CASE WHEN {blank} THEN {kept(f'trim({expr}, {literal(BLANKS)})')} ELSE {kept(expr)} END"


def _may_begin(expr: str, texts: Iterable[str]) -> str:
    """Whether a text begins like one of the texts, whatever its case; any that begins beyond ASCII may."""
    firsts = {t[0] for t in texts if t and t[0].isascii()}
    letters = sorted(firsts | {c.upper() for c in firsts})
    spans = (f"{expr} >= {literal(c)} AND {expr} < {literal(chr(ord(c) + 1))}" for c in letters)
    return f"({expr} = '' OR {expr} >= '\x7f' OR {' OR '.join(spans) or 'FALSE'})"


def _quoted(text: str) -> str:
    return "".join(c if c.isalnum() or not c.isascii() else f"\\x{{{ord(c):x}}}" for c in text)


@dataclass(frozen=True)
class _Form:
    """A way to write times: texts of one length that a format of strptime reads; ``zoned`` ones are UTC.

    Of epochs ``format`` is "" and ``factor`` how many microseconds one of them is.
    """

    pattern: str
    length: int
    format: str
    zoned: bool = False
    factor: int = 0


def _iso() -> Iterable[_Form]:
    for letter in "T ":
        base, shape = rf"\d{{4}}-\d\d-\d\d{letter}\d\d:\d\d:\d\d", f"%Y-%m-%d{letter}%H:%M:%S"
        for fraction, width, part in (("", 0, ""), (r"\.\d{3}", 4, ".%g"), (r"\.\d{6}", 7, ".%f")):
            yield _Form(base + fraction, 19 + width, shape + part)
            for zone in ("Z", "+0000", "+00:00", "+00"):
                yield _Form(base + fraction + re.escape(zone), 19 + width + len(zone), shape + part + zone, True)
    yield _Form(r"\d{4}-\d\d-\d\d", 10, "%Y-%m-%d")


def _slashed(day_first: bool) -> Iterable[_Form]:
    day = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    for time, width, part in (("", 0, ""), (r" \d\d:\d\d", 6, " %H:%M"), (r" \d\d:\d\d:\d\d", 9, " %H:%M:%S")):
        yield _Form(r"\d\d/\d\d/\d{4}" + time, 10 + width, day + part)


def _epochs() -> Iterable[_Form]:
    for length, factor in _EPOCHS.items():
        yield _Form(rf"[1-9]\d{{{length - 1}}}", length, "", True, factor)


def instant(clock: Clock, expr: str, samples: Sequence[str]) -> str:
    """As `Clock.instant`; the way in which most of the samples are written is tried first."""
    forms = [*_iso(), *_slashed(clock.day_first), *_epochs()]
    counted = [(sum(re.fullmatch(f.pattern, s, re.ASCII) is not None for s in samples), f) for f in forms]
    fits, form = max(counted, key=lambda pair: pair[0])
    if not fits:
        return clock.instant(expr)
    if form.factor:
        # A cast also reads 1e15, 12.5 and +1, which are no epochs: the number is written again and compared.
        whole = f"try_cast({expr} AS BIGINT)"
        parsed = f"CASE WHEN {whole}::VARCHAR = {expr} AND {whole} > 0 THEN make_timestamp({whole} * {form.factor}) END"
    else:
        parsed = f"try_strptime({expr}, {literal(form.format)})"
    known = parsed if form.zoned else _to_utc(clock, parsed)
    return f"coalesce(CASE WHEN strlen({expr}) = {form.length} THEN {known} END, {clock.instant(expr)})"


def typed_instant(clock: Clock, expr: str, type_name: str) -> str | None:
    """The instant of a column that holds times already, or whole numbers (epochs, mostly); None for other types."""
    if type_name in _WHOLE:
        spans = [(10 ** (n - 1), 10**n - 1, factor) for n, factor in _EPOCHS.items()]
        cases = " ".join(
            f"WHEN {expr} BETWEEN {low} AND {high} THEN make_timestamp({expr}::BIGINT * {factor})"
            for low, high, factor in spans
        )
        return f"CASE {cases} ELSE {clock.instant(f'{expr}::VARCHAR')} END"
    if type_name == "TIMESTAMP WITH TIME ZONE":
        local = known = f"timezone('UTC', {expr})"
    elif type_name == "DATE" or (type_name.startswith("TIMESTAMP") and "TIME ZONE" not in type_name):
        local = f"{expr}::TIMESTAMP"
        known = _to_utc(clock, local)
    else:
        return None
    # Years of five digits are no times, as in texts.
    return f"CASE WHEN {local} < TIMESTAMP '10000-01-01' THEN {known} END"


def _to_utc(clock: Clock, local: str) -> str:
    if clock.timezone == "UTC":
        return local
    return f"timezone('UTC', timezone({literal(clock.timezone)}, {local}))"
