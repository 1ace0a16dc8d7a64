"""The prediction problem: who is scored at which cutoff, and what happened next (design section 6).

Everything here follows four intervals, whose ends are always these:

- history of a snapshot: what has ``known_at < cutoff``;
- gap: ``[cutoff, cutoff + gap)``, a conversion in it leaves the snapshot out;
- horizon: ``[cutoff + gap, cutoff + gap + horizon)``, a conversion in it is label 1;
- a cutoff is matured when ``cutoff + gap + horizon + booking_delay <= data_end``: all its rows, or none.

One worked example, with gap 0, horizon 90 days, booking delay 7 days and data that end on 2026-07-01 00:00: the cutoff
2026-03-23 00:00 has its horizon end on 2026-06-21 00:00 and matures on 2026-06-28 00:00, so it may be used; the next
one, 2026-03-30 00:00, matures on 2026-07-05 00:00, so every row of it, converted or not, is censored.

`eligible` says when a lead is open, `cutoffs` at which instants it is looked at, `outcomes` what it converted to,
`accounts` makes one lead of an account, `build` puts them together, `cohorts` sums up.
"""

from leadml.snapshots.accounts import UnitTables, fold_to_accounts
from leadml.snapshots.build import LeadTables, Snapshots, build_population, build_snapshots
from leadml.snapshots.cohorts import build_cohorts, build_conversion_curve
from leadml.snapshots.cutoffs import check_history, weekly_cutoffs

__all__ = [
    "LeadTables",
    "Snapshots",
    "UnitTables",
    "build_cohorts",
    "build_conversion_curve",
    "build_population",
    "build_snapshots",
    "check_history",
    "fold_to_accounts",
    "weekly_cutoffs",
]
