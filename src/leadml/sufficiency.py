"""Whether there is enough to learn from: typed findings with their counts, dates and the way out, all of them at once.

``stop`` findings end in one `DataError`; ``warn`` ones make figures that mean little; ``note`` ones are good to know.
What is asked of the data lives in ``train.enough`` and ``train.min_conversions``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leadml.config import Rung
from leadml.errors import DataError
from leadml.splits import Split, build_split
from leadml.sufficiency_words import TEXTS
from leadml.verdict import fewest_in_test

if TYPE_CHECKING:
    from leadml.recipe import RecipeConfig

SEVERITIES = ("stop", "warn", "note")
MIN_EXPECTED = 10.0  # conversions that a silence should have held: by chance it holds none once in 22,000
MIN_EXPECTED_DAYS = 5.0  # days with rows that a silence should have held: days, as an import brings many rows at once
MONTH_DAYS = 30.44
EXTRACT_ONLY = ("immature", "quiet", "conversions_stop", "conversions_begin")  # told by tables that train does not have
DAY = pd.Timedelta(days=1)
NONE = "none_converted"


@dataclass(frozen=True)
class Shortfall:
    """One thing that the data lack: ``kind`` (of `sufficiency_words.TEXTS`), severity, counts, and dates (ISO days)."""

    kind: str
    severity: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)

    def words(self, language: str = "en") -> str:
        """What is missing, in ``en`` or ``es``, without a full stop."""
        return TEXTS[self.kind][language == "es"].format(**self._values(language))

    def way_out(self, language: str = "en") -> str:
        """What can be done about it."""
        return TEXTS[self.kind][2 + (language == "es")].format(**self._values(language))

    def _values(self, language: str) -> dict[str, Any]:
        tables = {"leads": "leads", "touchpoints": "puntos de contacto"}
        table = self.counts.get("table")
        translated = {"table": tables.get(str(table), table)} if language == "es" and table else {}
        return {**self.counts, **self.dates, **translated}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the words in both languages."""
        told = {f"{name}_{lang}": getattr(self, name)(lang) for name in ("words", "way_out") for lang in ("en", "es")}
        return asdict(self) | told

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Shortfall":
        """The inverse of `to_dict`."""
        return cls(str(entry["kind"]), str(entry["severity"]), dict(entry["counts"]), dict(entry["dates"]))


def find_stops(snapshots: pd.DataFrame, config: "RecipeConfig") -> tuple[Split | None, list[Shortfall]]:
    """The split, where nothing forbids learning, and what does.

    A scorecard that is asked for by name learns nothing: it needs no conversion, and none at all is a warning.

    Args:
        snapshots: as `recipe.typed` gives them.
        config: the recipe.
    """
    by_hand = config.model.kind is Rung.points
    found = [replace(s, severity="warn") if by_hand and s.kind == NONE else s for s in find_outcome_stops(snapshots)]
    matured = np.flatnonzero(snapshots["label"].notna())
    if not len(matured):
        return None, found
    needed, everyone = config.train.min_conversions, count_converting(snapshots, matured)
    if everyone < needed and not by_hand:
        found.append(Shortfall("few_conversions", "stop", {"found": everyone, "needed": needed}))
    try:
        split = build_split(snapshots, config.problem, config.train.split, config.seed, config.ordered, by_hand)
    except DataError as error:
        counts = {"said": str(error), "rows": len(matured)}
        return None, [*found, Shortfall("short_history", "stop", counts, _span(snapshots.iloc[matured]))]
    trained = count_converting(snapshots, split.train)
    if everyone >= needed > trained and not by_hand:
        counts = {"found": trained, "needed": needed, "everyone": everyone}
        found.append(Shortfall("few_in_training", "stop", counts, _span(snapshots.iloc[split.train])))
    one_outcome = any(s.kind in ("all_converted", NONE) for s in found)
    if not one_outcome and not (snapshots["label"].iloc[split.train] == 0).any():
        found.append(Shortfall("training_converted", "stop", {"rows": len(split.train)}))
    return (None if any(s.severity == "stop" for s in found) else split), found


def find_outcome_stops(snapshots: pd.DataFrame) -> list[Shortfall]:
    """Whether the matured labels hold both outcomes: at most one finding."""
    matured = snapshots[snapshots["label"].notna()]
    if not len(matured):
        return [Shortfall("no_matured", "stop", {"snapshots": len(snapshots)})]
    if matured["label"].nunique() > 1:
        return []
    kind = "all_converted" if matured["label"].iloc[0] == 1 else NONE
    return [Shortfall(kind, "stop", {"snapshots": len(matured)}, _span(matured))]


def find_doubts(snapshots: pd.DataFrame, split: Split | None, config: "RecipeConfig") -> list[Shortfall]:
    """What makes the figures mean little, and what is good to know; ``split`` is None where there is none."""
    matured = snapshots[snapshots["label"].notna()]
    return [*_few(snapshots, matured, split, config), *_folds(snapshots, split), *_amounts(matured, config)]


def find_shortfalls(snapshots: pd.DataFrame, config: "RecipeConfig") -> list[Shortfall]:
    """Everything that snapshots (as `recipe.typed` gives them) show, the gravest first."""
    split, stops = find_stops(snapshots, config)
    return in_order([*stops, *find_doubts(snapshots, split, config)])


def find_silences(daily: Mapping[str, pd.Series], end: pd.Timestamp, config: "RecipeConfig") -> list[Shortfall]:
    """Long times without leads or touchpoints, and conversions that stop or begin far from the data's ends.

    A silence is told where it is longer than ``train.enough.quiet_days`` and should have held `MIN_EXPECTED_DAYS` days
    with rows, or `MIN_EXPECTED` conversions, at the pace of the rest.

    Args:
        daily: ``leads``, ``touchpoints``, ``conversions``: rows a day, by day (UTC), any order; days without rows are
            left out.
        end: of the data, UTC.
        config: the recipe.
    """
    quiet = config.train.enough.quiet_days
    found = [s for name in ("leads", "touchpoints") for s in _silences(name, daily[name], end, quiet)]
    conversions, leads = daily["conversions"].sort_index(), daily["leads"]
    if len(conversions) < 2 or not len(leads):
        return found
    first, last = conversions.index[0], conversions.index[-1]
    pace = float(conversions.sum()) / max((last - first) / DAY, 1.0)
    booked = end - pd.Timedelta(days=config.problem.booking_delay_days)
    after, before = (booked - last) / DAY, (first - leads.index.min()) / DAY
    if after > quiet and pace * after >= MIN_EXPECTED:
        dates = {"last": _day(last), "end": _day(end)}
        found.append(Shortfall("conversions_stop", "warn", _silence(after, pace), dates))
    # Conversions take their time: in a young company they may well begin two horizons after the leads.
    if before > quiet + 2 * config.problem.horizon_days and pace * before >= MIN_EXPECTED:
        dates = {"first": _day(first), "lead": _day(leads.index.min())}
        found.append(Shortfall("conversions_begin", "warn", _silence(before, pace), dates))
    return found


def in_order(found: Sequence[Shortfall]) -> list[Shortfall]:
    """The gravest first, otherwise as they were found."""
    return sorted(found, key=lambda s: SEVERITIES.index(s.severity))


def check_enough(found: Sequence[Shortfall]) -> None:
    """Raise one `DataError` that tells every finding that stops, with its way out."""
    if any(s.severity == "stop" for s in found):
        raise DataError(stops_words(found))


def stops_words(found: Sequence[Shortfall]) -> str:
    """All that stops, each with its way out, in one line."""
    stops = [s for s in found if s.severity == "stop"]
    return ". ".join("; ".join(part for part in (s.words(), s.way_out()) if part) for s in stops)


def count_converting(snapshots: pd.DataFrame, rows: np.ndarray) -> int:
    """Distinct converting leads among the rows."""
    part = snapshots.iloc[rows]
    return int(part.loc[part["label"] == 1, "lead_id"].nunique())


def _few(
    snapshots: pd.DataFrame, matured: pd.DataFrame, split: Split | None, config: "RecipeConfig"
) -> Iterator[Shortfall]:
    """Leads, conversions, months, immature snapshots, and one account that holds most of the conversions."""
    enough, converted = config.train.enough, matured[matured["label"] == 1]
    leads = int(matured["lead_id"].nunique())
    if leads < enough.leads:
        yield Shortfall("few_leads", "warn", {"found": leads, "wanted": enough.leads})
    found = int(converted["lead_id"].nunique())
    cold = [] if split is None else _cold_start(snapshots, split, config)
    yield from cold
    if split is not None and not cold and found < enough.conversions:
        yield Shortfall("wide_intervals", "warn", {"found": found, "wanted": enough.conversions})
    dated = matured["cutoff"].dropna()
    months = round((dated.max() - dated.min()) / DAY / MONTH_DAYS, 1) if len(dated) else None
    if months is not None and months < enough.months:
        yield Shortfall("few_months", "warn", {"found": months, "wanted": enough.months}, _span(matured))
    immature = len(snapshots) - len(matured)
    if immature / max(len(snapshots), 1) > enough.immature_share:
        counts = {"found": immature, "snapshots": len(snapshots), "percent": round(100 * immature / len(snapshots))}
        yield Shortfall("immature", "warn", counts, _span(snapshots))
    by_account = converted.drop_duplicates("lead_id")["account_id"].value_counts()
    if found > 1 and len(by_account) and by_account.iloc[0] / found > enough.account_share:
        account = min(by_account.index[by_account == by_account.iloc[0]])
        most = int(by_account.iloc[0])
        yield Shortfall("one_account", "warn", {"account": str(account), "found": most, "everyone": found})


def _cold_start(snapshots: pd.DataFrame, split: Split, config: "RecipeConfig") -> list[Shortfall]:
    """A scorecard that there are too few conversions to judge."""
    needed = config.train.min_conversions
    counts = {"found": count_converting(snapshots, split.train), "needed": needed}
    counts |= {"tested": count_converting(snapshots, split.test), "wanted": fewest_in_test(config.train)}
    few = counts["found"] < needed or counts["tested"] < counts["wanted"]
    return [Shortfall("cold_start", "warn", counts)] if few and config.model.kind is Rung.points else []


def _folds(snapshots: pd.DataFrame, split: Split | None) -> Iterator[Shortfall]:
    """Parts of the split that hold one outcome only, and folds that were left out."""
    if split is None:
        return
    if split.notes:
        yield Shortfall("folds_left_out", "note", {"found": len(split.notes)})
    label = snapshots["label"].to_numpy(dtype=np.float64)
    for number, (_, rows) in enumerate(split.folds, start=1):
        if len(np.unique(label[rows])) < 2:
            counts = {"fold": number, "rows": len(rows), "conversions": count_converting(snapshots, rows)}
            yield Shortfall("one_class_fold", "warn", counts, _span(snapshots.iloc[rows]))
    if len(np.unique(label[split.test])) < 2:
        counts = {"rows": len(split.test), "conversions": count_converting(snapshots, split.test)}
        yield Shortfall("one_class_test", "warn", counts, _span(snapshots.iloc[split.test]))


def _amounts(matured: pd.DataFrame, config: "RecipeConfig") -> Iterator[Shortfall]:
    converted = matured[matured["label"] == 1]
    everyone = int(converted["lead_id"].nunique())
    have = int(converted.loc[converted["amount"].notna(), "lead_id"].nunique())
    if everyone and not have:
        yield Shortfall("no_amounts", "note", {"everyone": everyone})
    elif everyone and 1 - have / everyone > config.train.enough.amounts_missing:
        yield Shortfall("few_amounts", "note", {"found": everyone - have, "everyone": everyone})


def _silences(name: str, daily: pd.Series, end: pd.Timestamp, quiet: float) -> Iterator[Shortfall]:
    """One finding a table: how many silences, and the longest, with the days with rows that it should have held."""
    days = daily[daily > 0].sort_index()
    if len(days) < 2:
        return
    gaps = [((b - a) / DAY - 1, a + DAY, b) for a, b in pairwise([*days.index, end])]
    span = (end - days.index[0]) / DAY
    long = [g for g in gaps if g[0] > quiet and g[0] * len(days) / max(span - g[0], 1.0) >= MIN_EXPECTED_DAYS]
    if long:
        longest, start, stop = max(long, key=lambda g: g[0])
        counts = _silence(longest, len(days) / max(span - longest, 1.0)) | {"table": name, "found": len(long)}
        yield Shortfall("quiet", "warn", counts, {"first": _day(start), "last": _day(stop)})


def _silence(days: float, pace: float) -> dict[str, Any]:
    return {"days": round(days), "expected": round(days * pace)}


def _span(part: pd.DataFrame) -> dict[str, str]:
    """First and last cutoff; a dash where there are none."""
    cutoff = part["cutoff"].dropna()
    return {"first": _day(cutoff.min()), "last": _day(cutoff.max())} if len(cutoff) else {"first": "-", "last": "-"}


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}"
