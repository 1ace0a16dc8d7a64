"""DuckDB expressions as text: quoted identifiers, quoted literals, and the few conversions that exports need.

Every argument named ``expr`` is an expression (a quoted column, mostly); every literal goes through `literal`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from leadml.features.values import LOOK_ALIKES
from leadml.sources.spec import Condition

EARLIEST = "TIMESTAMP '1990-01-01'"
BLANKS = " \t\n\r\u00a0"
_ODD_BLANKS = "\u00a0\u202f"


def ident(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | None) -> str:
    """A quoted text literal, or NULL."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def literals(values: Iterable[str]) -> str:
    """Quoted text literals, separated by commas."""
    return ", ".join(literal(v) for v in values)


def present(expr: str, missing: Iterable[str]) -> str:
    """A stripped text, NULL where it is one of the texts (lower case) that mean missing."""
    texts = sorted({*missing, ""})
    longest = max(len(t.encode()) for t in texts)
    return f"CASE WHEN strlen({expr}) <= {longest} AND lower({expr}) IN ({literals(texts)}) THEN NULL ELSE {expr} END"


def where(conditions: Iterable[Condition]) -> str:
    """All conditions; a missing value fulfils only a negated one."""
    return " AND ".join(_condition(c) for c in conditions) or "TRUE"


def _condition(condition: Condition) -> str:
    if condition.before is not None:
        return f"coalesce({at(condition.column)} < {at(condition.before)}, FALSE)"
    column = f"lower({level(ident(condition.column))})"
    if condition.matches is not None:
        held = f"coalesce(regexp_matches({column}, {literal(condition.matches)}), FALSE)"
        return f"NOT {held}" if condition.negated else held
    wanted = {v.lower() for v in condition.values}
    # Exports write booleans as true, 1 or yes; a mapping says true.
    for word, others in (("true", ("1", "yes")), ("false", ("0", "no"))):
        wanted |= set(others) if word in wanted else set()
    held = f"coalesce({column} IN ({literals(sorted(wanted))}), FALSE)" if wanted else "FALSE"
    return f"NOT {held}" if condition.negated else held


def level(expr: str) -> str:
    """A level's text with Cyrillic letters that look like Latin ones made Latin, unless it has others too."""
    made = f"translate({expr}, {literal(LOOK_ALIKES[0])}, {literal(LOOK_ALIKES[1])})"
    # strlen counts bytes: texts of ASCII alone, nearly all, are told by that.
    plain = f"strlen({expr}) = length({expr})"
    return f"CASE WHEN {plain} OR regexp_matches({made}, '[\u0400-\u04ff]') THEN {expr} ELSE {made} END"


def is_true(expr: str) -> str:
    """Whether a text says yes."""
    return f"coalesce(lower({expr}) IN ('true', '1', 'yes'), FALSE)"


@dataclass(frozen=True)
class Clock:
    """How times without a zone are read: the source's zone, and whether 01/02/2025 is the first of February."""

    timezone: str
    day_first: bool

    def instant(self, expr: str) -> str:
        """UTC TIMESTAMP of a text, NULL where it is no time; a date is the start of its day in the source's zone.

        Read are ISO dates and datetimes with or without zone, d/m/y with / - or . (m/d/y unless ``day_first``), also
        with two digits for the year and with AM or PM, dates with the month's English name, YYYYMMDD, Excel's serial
        days (five digits, 1900 system) and epochs of 9-10 (seconds), 12-13 (milliseconds) or 15-16 digits
        (microseconds). Times before 1990 are for the caller to refuse (`plausible`).
        """
        slashed = rf"regexp_replace({expr}, '^(\d+)[-/.](\d+)[-/.]', '\1/\2/')"
        short = "%d/%m/" if self.day_first else "%m/%d/"
        iso = rf"""CASE
            WHEN {expr} IS NULL THEN NULL
            WHEN regexp_full_match({expr}, '\d{{4}}-\d{{2}}-\d{{2}}[T ][0-9:.]+ ?(Z|UTC|[+-]\d{{2}}(:?\d{{2}})?)')
                THEN timezone('UTC', try_cast(
                    regexp_replace(regexp_replace({expr}, ' ?UTC$', 'Z'), ' ([+-][0-9:]+)$', '\1') AS TIMESTAMPTZ))
            WHEN regexp_full_match({expr}, '\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}([T ][0-9:.]+)?')
                THEN {self._to_utc(f"try_cast({expr} AS TIMESTAMP)")}
            WHEN regexp_full_match({expr}, '\d{{9,10}}') THEN make_timestamp(try_cast({expr} AS BIGINT) * 1000000)
            WHEN regexp_full_match({expr}, '\d{{12,13}}') THEN make_timestamp(try_cast({expr} AS BIGINT) * 1000)
            WHEN regexp_full_match({expr}, '\d{{15,16}}') THEN make_timestamp(try_cast({expr} AS BIGINT))
            WHEN regexp_full_match({expr}, '\d{{8}}') THEN {self._to_utc(f"try_strptime({expr}, '%Y%m%d')")}
            WHEN regexp_full_match({expr}, '\d{{5}}(\.\d+)?') THEN {self._to_utc(_excel(expr))}
            WHEN regexp_matches({expr}, '^\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}')
                THEN {self._to_utc(f"try_strptime({slashed}, {_formats(short + '%Y')})")}
            WHEN regexp_matches({expr}, '^\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2}}( |$)')
                THEN {self._to_utc(f"try_strptime({slashed}, {_formats(short + '%y')})")}
            WHEN regexp_matches({expr}, '[A-Za-z]{{3}}') THEN {self._to_utc(f"try_strptime({expr}, {_NAMED})")}
            END"""
        return iso

    def known(self, text: str, instant: str) -> str:
        """When a time is known: its instant, or D+1 00:00 in the source's zone where the text is a date D."""
        if self.timezone == "UTC":
            return f"CASE WHEN {is_date(text)} THEN {instant} + INTERVAL 1 DAY ELSE {instant} END"
        local = f"timezone({literal(self.timezone)}, timezone('UTC', {instant}))"
        return f"CASE WHEN {is_date(text)} THEN {self._to_utc(f'({local} + INTERVAL 1 DAY)')} ELSE {instant} END"

    def _to_utc(self, local: str) -> str:
        if self.timezone == "UTC":
            return local
        return f"timezone('UTC', timezone({literal(self.timezone)}, {local}))"


def plausible(instant: str) -> str:
    """The instant, NULL where it lies before 1990: no export is as old, and 0001-01-01 is some tools' "never"."""
    return f"CASE WHEN {instant} >= {EARLIEST} THEN {instant} END"


def at(column: str) -> str:
    """The column of a raw table that holds the parsed time of ``column``."""
    return ident(f"_at_{column}")


@dataclass(frozen=True)
class Moment:
    """Expressions of a time: its text, the UTC instant (NULL where the text is no time), and when it is known."""

    text: str
    at: str
    known: str


def moment(clock: Clock, columns: Iterable[str]) -> Moment:
    """The first of a raw table's time columns that has a text; a broken one is not passed over for the next."""
    listed = list(columns)
    texts = [ident(c) for c in listed]
    cases = " ".join(f"WHEN {t} IS NOT NULL THEN {at(c)}" for t, c in zip(texts, listed, strict=True))
    text = texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"
    instant = at(listed[0]) if len(listed) == 1 else f"CASE {cases} END"
    return Moment(text, instant, clock.known(text, instant))


def is_date(expr: str) -> str:
    """Whether a time's text has no time of day."""
    # Digits alone: 8 are YYYYMMDD, 5 are Excel's days; with a colon or a fraction of a day there is a time of day.
    alone = rf"(length({expr}) IN (5, 8) AND regexp_full_match({expr}, '\d+'))"
    apart = rf"regexp_matches({expr}, '[-/., ]') AND NOT regexp_matches({expr}, ':|^\d+\.\d+$')"
    # Not AND, of which DuckDB works out both sides.
    return f"CASE WHEN length({expr}) > 12 THEN FALSE ELSE {apart} OR {alone} END"


def _excel(expr: str) -> str:
    """The time of Excel's serial day (1900 system: day 25569 is 1970-01-01), to the second."""
    seconds = f"round((try_cast({expr} AS DOUBLE) - 25569) * 86400)::BIGINT * 1000000"
    return f"CASE WHEN try_cast({expr} AS DOUBLE) BETWEEN 20000 AND 80000 THEN make_timestamp({seconds}) END"


def _formats(day: str) -> str:
    times = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
    return f"[{literals(day + time for time in times)}]"


# Months by name, as databases and reports write them.
_DAYS_NAMED = ("%d %b %Y", "%d-%b-%y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_NAMED = f"[{literals(day + time for day in _DAYS_NAMED for time in ('', ' %H:%M', ' %H:%M:%S', ' %I:%M %p'))}]"


def number(expr: str, decimal: str = "auto") -> str:
    """DOUBLE of a text; NULL for anything else, infinities included.

    Read are plain numbers and those with a currency sign or code, or a per cent sign, beside them, also in brackets or
    with a typographic minus. With ``decimal`` "." or "," the other one (and blanks and apostrophes) only separates
    thousands; with "auto" they are read where nothing else can be meant: 1,234.5 and 1.234,5, and 1,234 is a thousand.
    """
    money = r"([A-Z]{0,3}[€$£]|[A-Z]{3})"
    minus = rf"regexp_replace(replace({expr}, '−', '-'), '^\((.*)\)$', '-\1')"
    bare = rf"regexp_replace({minus}, '^(-?)\s*{money}\s*|\s*({money}|%)$', '\1', 'g')"
    # Blanks and apostrophes between digits only ever part thousands.
    thousands = rf"regexp_full_match({bare}, '-?\d{{1,3}}([ {_ODD_BLANKS}''’]\d{{3}})+([.,]\d+)?')"
    spaced = rf"CASE WHEN {thousands} THEN regexp_replace({bare}, '[ {_ODD_BLANKS}''’]', '', 'g') ELSE {bare} END"
    points = "regexp_full_match(t, '-?[1-9]\\d{0,2}(,\\d{3})+(\\.\\d+)?')"
    commas = "regexp_full_match(t, '-?[1-9]\\d{0,2}((\\.\\d{3})+,\\d+|(\\.\\d{3}){2,})')"
    # A thousand has no leading nought.
    alone = "regexp_full_match(t, '-?(\\d+,(\\d{1,2}|\\d{4,})|0,\\d+)')"
    without_commas = "try_cast(replace(t, ',', '') AS DOUBLE)"
    without_points = "try_cast(replace(replace(t, '.', ''), ',', '.') AS DOUBLE)"
    if decimal == ",":
        whole = "regexp_full_match(t, '-?(\\d+|[1-9]\\d{0,2}(\\.\\d{3})+)(,\\d+)?')"
        value = f"CASE WHEN {whole} THEN {without_points} ELSE try_cast(t AS DOUBLE) END"
        first = "NULL::DOUBLE"
    else:
        comma = f"WHEN {commas} OR {alone} THEN {without_points}" if decimal == "auto" else ""
        value = f"CASE WHEN {points} THEN {without_commas} {comma} ELSE try_cast(t AS DOUBLE) END"
        first = f"try_cast({expr} AS DOUBLE)"
    # A list of one, so that the text made bare is worked out once.
    slow = f"list_transform([{spaced}], lambda t: {value})[1]".replace("\\\\", "\\")
    read = f"coalesce({first}, CASE WHEN {expr} IS NOT NULL THEN {slow} END)"
    return f"CASE WHEN isfinite({read}) THEN {read} END"


def has_decimal_comma(expr: str) -> str:
    """Whether a text is a number that can only be read with a decimal comma."""
    number = r"(^|[^,\d])(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})([^,.\d]|$)"
    # Not AND, of which DuckDB works out both sides.
    return f"CASE WHEN contains({expr}, ',') THEN regexp_matches({expr}, '{number}') ELSE FALSE END"


def has_decimal_point(expr: str) -> str:
    """Whether a text is a number that can only be read with a decimal point."""
    return rf"regexp_matches({expr}, '\d\.(\d{{1,2}}|\d{{4,}})([^\d.,]|$)')"


def currency_of(expr: str, company: str | None = None) -> str:
    """The currency that an amount's own text names by sign or code, else NULL.

    ``company``: the currency of the mapping; a bare $ means that where it is a dollar or a peso, else the US dollar.
    """
    dollar = company if company in _DOLLARS else "USD"
    signs = (*_SIGNS, ("$", dollar))
    cases = " ".join(f"WHEN contains({expr}, {literal(sign)}) THEN {literal(code)}" for sign, code in signs)
    code = rf"nullif(regexp_extract({expr}, '^([A-Z]{{3}})\s*[-\d]|\d\s*([A-Z]{{3}})$', 0), '')"
    return f"CASE {cases} ELSE nullif(regexp_replace({code}, '[^A-Z]', '', 'g'), '') END"


_SIGNS = (("€", "EUR"), ("£", "GBP"), ("R$", "BRL"), ("US$", "USD"), ("MX$", "MXN"), ("CA$", "CAD"), ("AU$", "AUD"))
_DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "COP", "CLP", "ARS", "UYU", "DOP")


def email(expr: str) -> str:
    """A normalised e-mail address, NULL where the text is none."""
    text = f"lower(trim({expr}))"
    return rf"CASE WHEN regexp_full_match({text}, '[^\s@<>]+@[^\s@<>]+\.[a-z]{{2,}}') THEN {text} END"


def domain(expr: str) -> str:
    """The domain of an e-mail address or a web address, in lower case, without www."""
    host = rf"regexp_replace(regexp_replace(lower(trim({expr})), '^[a-z]+://', ''), '^.*@|^www\.', '')"
    bare = rf"regexp_extract({host}, '^[^/?#:\s]+')"
    return rf"CASE WHEN regexp_full_match({bare}, '[^\s.]+(\.[^\s.]+)+') THEN {bare} END"


def path(expr: str) -> str:
    """The path of a web address, without its query, which may name people."""
    bare = rf"regexp_replace(regexp_replace({expr}, '^[a-zA-Z]+://[^/?#]*', ''), '[?#].*$', '')"
    return f"CASE WHEN {expr} IS NOT NULL THEN coalesce(nullif({bare}, ''), '/') END"


def without_people(expr: str) -> str:
    """The text with every e-mail address in it replaced by a star."""
    return rf"CASE WHEN contains({expr}, '@') THEN regexp_replace({expr}, '[^\s/]*@[^\s/]*', '*', 'g') ELSE {expr} END"


def keyword_level(expr: str, levels: dict[str, tuple[str, ...]]) -> str:
    """The first level one of whose words (accents and case aside) begins a word of the text; 'other' without any."""
    text = f"strip_accents(lower({expr}))"
    cases = [
        f"WHEN regexp_matches({text}, {literal(_any_word(words))}) THEN {literal(level)}"
        for level, words in levels.items()
    ]
    return f"CASE WHEN {expr} IS NULL THEN NULL {' '.join(cases)} ELSE 'other' END"


def _any_word(words: Iterable[str]) -> str:
    # A trailing * means "begins with"; without it the whole word must match. Two-letter titles need that.
    parts = [_escape(w[:-1]) if w.endswith("*") else _escape(w) + r"\b" for w in words]
    return rf"\b(?:{'|'.join(parts)})"


def _escape(word: str) -> str:
    return "".join(c if c.isalnum() or c == " " else "\\" + c for c in word.lower())


def long_id(expr: str) -> str:
    """A Salesforce id of 15 characters with its check: one character for the capitals of each five.

    Source: Salesforce, "What are the differences between 15 and 18 digit record IDs".
    """
    checks = []
    for chunk in range(3):
        places = (f"ascii(substr({expr}, {5 * chunk + i + 1}, 1)) BETWEEN 65 AND 90" for i in range(5))
        bits = " + ".join(f"({place})::INTEGER * {1 << i}" for i, place in enumerate(places))
        checks.append(f"substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', {bits} + 1, 1)")
    return f"{expr} || {' || '.join(checks)}"


def is_short_id(expr: str) -> str:
    """Whether a text has the form of a Salesforce id of 15 characters."""
    return f"(strlen({expr}) = 15 AND regexp_full_match({expr}, '[A-Za-z0-9]{{15}}'))"
