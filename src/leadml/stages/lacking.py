"""What the data lack, told by extract and train alike: on the terminal, in the manifest, and on to the report."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from ibis.backends.duckdb import Backend

from leadml.recipe import typed
from leadml.stages.context import Context
from leadml.stages.settings import recipe
from leadml.stages.stored import Extracted
from leadml.stages.units import unit_table
from leadml.sufficiency import EXTRACT_ONLY, Shortfall, check_enough, find_shortfalls, find_silences, in_order

DATED = {"leads": "known_at", "touchpoints": "known_at", "conversions": "converted_at"}


def lacking_tables(context: Context, con: Backend, snapshots: pd.DataFrame, data_end: datetime) -> list[Shortfall]:
    """What the snapshots (censored ones too) and the engine's tables lack."""
    config = recipe(context.config)
    found = find_shortfalls(typed(snapshots), config)
    return in_order([*found, *find_silences(daily_rows(con, data_end), pd.Timestamp(data_end), config)])


def lacking_rows(context: Context, snapshots: pd.DataFrame) -> list[Shortfall]:
    """What the rows of a table of their own lack."""
    return find_shortfalls(typed(snapshots), recipe(context.config))


def lacking_extracted(context: Context, extracted: Extracted) -> list[Shortfall]:
    """The same at training: what only extract could see comes from there, the rest is looked at again."""
    stored = [Shortfall.from_dict(e) for e in extracted.facts.get("lacking", [])]
    kept = [s for s in stored if s.kind in EXTRACT_ONLY]
    return in_order([*lacking_rows(context, extracted.snapshots), *kept])


def tell_lacking(context: Context, stage: str, entry: dict[str, Any], found: Sequence[Shortfall]) -> None:
    """The manifest's entry and one line a finding.

    Raises:
        DataError: findings stop: all of them in one line.
    """
    entry["lacking"] = [s.to_dict() for s in found]
    for shortfall in found:
        way = shortfall.way_out()
        context.progress.say(stage, f"{shortfall.severity}: {shortfall.words()}{'; ' + way if way else ''}")
    check_enough(found)


def daily_rows(con: Backend, data_end: datetime) -> dict[str, pd.Series]:
    """Rows a day of leads, touchpoints and conversions, those before the end of the data."""
    daily = {}
    for name, column in DATED.items():
        table = unit_table(con, name)
        day = table[column].truncate("D")
        counted = table.filter(table[column] < data_end).group_by(day=day).aggregate(rows=lambda t: t.count())
        frame = counted.order_by("day").to_pandas().dropna()
        daily[name] = pd.Series(frame["rows"].to_numpy(), index=pd.DatetimeIndex(frame["day"]))
    return daily
