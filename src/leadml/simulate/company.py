"""Who the leads are: accounts, people, channel and instant of creation, and the latent fit and intent base."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from leadml.errors import ConfigurationError
from leadml.simulate import words

DAY = 86_400

# Sizes of the hidden parts of the fit (standard deviations), and of the base of intent.
SHARED_BY_COLLEAGUES = 0.40
HIDDEN_OWN = 0.40
INTENT_BASE = 0.60
FIT_CENTRE = 0.05

_COLLEAGUES = (0.68, 0.16, 0.08, 0.04, 0.02, 0.01, 0.01)  # share of accounts with 1, 2, ... leads
_WEEKDAY_CREATION = (1.0, 1.05, 1.05, 1.0, 0.85, 0.25, 0.22)
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 19, 17, 14, 14, 16, 17, 16, 13, 10, 8, 6, 5, 3, 2]) / 19


@dataclass(frozen=True)
class Span:
    """The simulated time, ``[start, end)`` in seconds since 1970 UTC; the exports are drawn at ``end``."""

    start: int
    end: int

    @property
    def days(self) -> int:
        """Whole days in the span."""
        return (self.end - self.start) // DAY


@dataclass
class Leads:
    """The real people of one chunk, ordered by creation; codes point into `words`, times are seconds since 1970 UTC."""

    account: np.ndarray
    created: np.ndarray
    first: np.ndarray
    last: np.ndarray
    title: np.ndarray
    source: np.ndarray
    product: np.ndarray
    free_mail: np.ndarray  # -1 is the company's own domain
    city: np.ndarray
    country: np.ndarray
    size: np.ndarray
    employees: np.ndarray
    industry: np.ndarray  # of the account
    typed_industry: np.ndarray  # as entered at creation; codes past the industries are MISSING_MARKS
    visible: np.ndarray  # the part of the fit that fields show
    fit: np.ndarray
    base: np.ndarray
    accounts: int

    def __len__(self) -> int:
        return len(self.created)


def build_span(start: str, months: int) -> Span:
    """The span from the day ``start`` (ISO, UTC) over whole calendar months.

    Raises:
        ConfigurationError: ``start`` is not an ISO date.
    """
    try:
        first = datetime.fromisoformat(start).replace(tzinfo=UTC)
        year, month = divmod(first.month - 1 + months, 12)
        last = first.replace(year=first.year + year, month=month + 1, day=min(first.day, 28))
    except ValueError as error:
        raise ConfigurationError(f"simulate.start={start}: an ISO date is needed, e.g. 2024-07-01") from error
    return Span(int(first.timestamp()), int(last.timestamp()))


def hour_weight(seconds: np.ndarray) -> np.ndarray:
    """Weight in (0, 1] of the hour of the day (UTC) in which people act."""
    return _HOURS[seconds % DAY // 3600]


def build_leads(rng: np.random.Generator, count: int, span: Span) -> Leads:
    """Draw ``count`` leads of one chunk with their accounts, ordered by creation."""
    account, place = _draw_accounts(rng, count)
    accounts = int(account[-1]) + 1
    created = _draw_creation(rng, account, place, span)
    size = _pick(rng, [s[2] for s in words.SIZES], accounts)
    country = _pick(rng, [c[1] for c in words.COUNTRIES], accounts)
    industry = _pick(rng, [i[1] for i in words.INDUSTRIES], accounts)
    low, high = (np.array([s[k] for s in words.SIZES])[size] for k in (0, 1))
    employees = np.exp(rng.uniform(np.log(low), np.log(high + 1))).astype(np.int64)
    source = _draw_source(rng, created, span)
    title = _pick(rng, [t[2] for t in words.TITLES], count)
    product = _pick(rng, [p[1] for p in words.PRODUCTS], count)
    free = np.where(rng.random(count) < np.where(size[account] == 0, 0.35, 0.07), rng.integers(0, 4, count), -1)
    typed = _draw_typed_industry(rng, industry[account])
    visible = (
        _effects(words.SIZES, 3)[size[account]]
        + _effects(words.COUNTRIES, 2)[country[account]]
        + _effects(words.INDUSTRIES, 2)[industry[account]]
        + np.array(words.SENIORITY_EFFECTS)[np.array([t[1] for t in words.TITLES])[title]]
        + _effects(words.SOURCES, 3)[source]
        + _effects(words.PRODUCTS, 2)[product]
        + np.where(free >= 0, words.FREE_MAIL_EFFECT, 0.0)
        - FIT_CENTRE
    )
    hidden = SHARED_BY_COLLEAGUES * rng.standard_normal(accounts)[account] + HIDDEN_OWN * rng.standard_normal(count)
    fit = visible + hidden
    leads = Leads(
        account=account,
        created=created,
        # Colleagues have different first names, so that no two people share an address.
        first=(rng.integers(0, len(words.FIRST_NAMES), accounts)[account] + place) % len(words.FIRST_NAMES),
        last=rng.integers(0, len(words.LAST_NAMES), count),
        title=title,
        source=source,
        product=product,
        free_mail=free,
        city=rng.integers(0, 4, accounts)[account],
        country=country[account],
        size=size[account],
        employees=employees[account],
        industry=industry[account],
        typed_industry=typed,
        visible=visible,
        fit=fit,
        base=INTENT_BASE * rng.standard_normal(count) + 0.15 * fit,
        accounts=accounts,
    )
    return _ordered(leads, np.argsort(created, kind="stable"))


def _ordered(leads: Leads, order: np.ndarray) -> Leads:
    """The same leads in another order."""
    columns = {k: v[order] for k, v in vars(leads).items() if isinstance(v, np.ndarray)}
    return Leads(**columns, accounts=leads.accounts)


def _draw_accounts(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The account of every lead (0, 1, ...) and its place among its colleagues (0 is the first)."""
    sizes = 1 + rng.choice(len(_COLLEAGUES), size=count, p=_COLLEAGUES)
    ends = np.cumsum(sizes)
    account = np.searchsorted(ends, np.arange(count), side="right")
    return account, np.arange(count) - (ends - sizes)[account]


def _draw_creation(rng: np.random.Generator, account: np.ndarray, place: np.ndarray, span: Span) -> np.ndarray:
    """Creation instants in ``[start, end - 1 h)``: more each month, few at night, colleagues often near."""
    days = np.arange(span.days)
    weekday = (span.start // DAY + days + 3) % 7
    weight = np.array(_WEEKDAY_CREATION)[weekday] * (1.0 + 0.35 * days / span.days)
    day = _pick(rng, weight, len(account))
    colleague = (place > 0) & (rng.random(len(account)) < 0.5)
    near = day[np.arange(len(account)) - place] + rng.exponential(45.0, len(account)).astype(np.int64)
    day = np.where(colleague & (near < span.days), near, day)
    second = _pick(rng, _HOURS, len(account)) * 3600 + rng.integers(0, 3600, len(account))
    return np.minimum(span.start + day * DAY + second, span.end - 3601)


def _draw_source(rng: np.random.Generator, created: np.ndarray, span: Span) -> np.ndarray:
    """Channel of creation; the mix moves in a straight line from the first to the last day."""
    share = ((created - span.start) / (span.end - span.start))[:, None]
    first, last = (np.cumsum(_effects(words.SOURCES, k) / _effects(words.SOURCES, k).sum()) for k in (1, 2))
    cumulative = (1 - share) * first + share * last
    return (rng.random(len(created))[:, None] > cumulative[:, :-1]).sum(axis=1)


def _draw_typed_industry(rng: np.random.Generator, industry: np.ndarray) -> np.ndarray:
    """The industry as entered: the account's, another one (12 %), or one of the marks for missing (9 %)."""
    kinds = len(words.INDUSTRIES)
    u = rng.random(len(industry))
    other = rng.integers(0, kinds, len(industry))
    mark = kinds + rng.integers(0, len(words.MISSING_MARKS), len(industry))
    return np.where(u < 0.09, mark, np.where(u < 0.21, other, industry))


def _effects(table: tuple, column: int) -> np.ndarray:
    """One column of numbers of a word list."""
    return np.array([row[column] for row in table], dtype=float)


def _pick(rng: np.random.Generator, weights: np.ndarray | list[float], count: int) -> np.ndarray:
    """``count`` codes drawn in proportion to ``weights``."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(edges / edges[-1], rng.random(count), side="right").clip(max=len(edges) - 1)
