"""What the other leads of the account did: the account's own tallies at each cutoff, less the lead's."""

import ibis
import ibis.expr.types as ir

from leadml.engine import Engine
from leadml.features.packing import Packing
from leadml.features.spec import FeatureSpec, FeatureTables
from leadml.features.tallies import Row, add, merge_runs, tally_runs
from leadml.features.timeline import UNIT_COLUMNS, Timeline, build_timeline, cumulate, microseconds
from leadml.features.touches import TYPE, clean_touchpoints, content_flag, highest, leave, until


def breadth_window(spec: FeatureSpec) -> int:
    """The window of colleagues_active: the second shortest, or the only one."""
    return spec.windows[min(1, len(spec.windows) - 1)]


def build_colleagues(tables: FeatureTables, own: Row, types: ir.Table, spec: FeatureSpec, engine: Engine) -> ir.Table:
    """Row and the features of the account's other leads; leads without account have no row.

    A colleague counts when known before the cutoff, its touchpoints when both they and it were. Accounts of one lead
    have no colleagues, so their touchpoints are not looked at.

    Args:
        tables: the tables.
        own: what each lead did itself, one row a snapshot with ``row``, ``account`` and ``cutoff``.
        types: the held types of touchpoints.
        spec: the specification.
        engine: computes and keeps what is used more than once.
    """
    snapshots = own.table.filter(own.table.account.notnull())
    timeline = build_timeline("account", snapshots.select(key="account", cutoff="cutoff"), engine)
    leads = tables.leads.select("lead_id", "known_at", account_key="account_id")
    leads = leads.filter(leads.account_key.notnull()).join(timeline.units, leads.account_key == timeline.units.key)
    known = leads.mutate(lead_since=microseconds(leads.known_at))
    known = known.mutate(position=timeline.position(known, known.lead_since))
    known = known.filter(known.position < known.total).select("lead_id", "position", "lead_since", *UNIT_COLUMNS)
    colleagues = known.group_by(["unit", "position"]).aggregate(leads=lambda t: t.count())
    several = known.group_by("unit").having(lambda t: t.count() > 1).aggregate(several=lambda t: t.count())
    touches, packing = place_account_touches(tables, known.semi_join(several, "unit"), types, timeline, spec, engine)
    active = touches.select("unit", "lead", "position", until=touches[until(breadth_window(spec))])
    blocks = [
        engine.hold("account_leads", colleagues),
        engine.hold("account_entering", touches.group_by(["unit", "position"]).aggregate(
            **{c: add(touches[c]) for c in packing.columns}
        )),
        *[engine.hold(f"account_left_{w}", leaving(touches, packing, w)) for w in spec.windows],
        tally_runs(merge_runs(active, "lead"), "active", engine),
    ]  # fmt: skip
    sums = [c for b in blocks for c in b.columns if c not in ("unit", "position")]
    account = engine.hold("account_accumulated", cumulate(timeline, blocks, sums, [], [])).rename("account_{name}")
    joined = snapshots.join(
        account, [snapshots.account == account.account_key, snapshots.cutoff == account.account_cutoff]
    )
    return less_own(joined, own.packing, packing, spec)


def place_account_touches(
    tables: FeatureTables, leads: ir.Table, types: ir.Table, timeline: Timeline, spec: FeatureSpec, engine: Engine
) -> tuple[ir.Table, Packing]:
    """What leads of these accounts did, with its places among the account's cutoffs, and its packing."""
    rows = clean_touchpoints(tables.touchpoints).filter(lambda t: t.initiator == "lead")
    joined = rows.join(leads.drop("position"), "lead_id").join(types, TYPE)
    occurred = microseconds(joined.occurred_at)
    timed = joined.mutate(
        occurred=occurred, since=ibis.greatest(occurred, microseconds(joined.known_at), joined.lead_since)
    )
    timed = timed.mutate(position=timeline.position(timed, timed.since))
    timed = timed.filter(timed.position < timed.total)
    ends = {until(w): leave(timeline, timed, w) for w in spec.windows}
    flags = [content_flag(c.name) for c in spec.content]
    held = engine.hold("account_touches", timed.select("unit", "position", *flags, **ends, lead=timed.lead_id))
    packing = Packing(("lead", *flags), highest(held.group_by("unit").aggregate(n=lambda t: t.count()).n))
    packs = packing.pack({"lead": held.position >= 0} | {f: held[f] for f in flags})
    end = held[until(spec.windows[-1])]
    live = held.filter(end.isnull() | (held.position < end))
    return engine.hold("account_packed", live.mutate(**packs)), packing


def leaving(touches: ir.Table, packing: Packing, window: int) -> ir.Table:
    """What has left the window at each position."""
    gone = touches.filter(touches[until(window)].notnull())
    sums = {f"{c}_{window}d": add(gone[c]) for c in packing.columns}
    return gone.group_by(["unit", until(window)]).aggregate(**sums).rename(position=until(window))


def less_own(joined: ir.Table, own: Packing, account: Packing, spec: FeatureSpec) -> ir.Table:
    """The account's numbers less the lead's, 0 where it has no colleague yet."""
    mine = Row(joined, own, {})
    breadth, longest = breadth_window(spec), spec.windows[-1]

    def theirs(all_of_them: ir.IntegerValue, its_own: ir.IntegerValue) -> ir.IntegerValue:
        return ibis.ifelse(joined.account_leads > 1, all_of_them - its_own, 0)

    def counted(counter: str, window: int) -> ir.IntegerValue:
        column, _ = account.place(counter)
        packed = joined[f"account_{column}"] - joined[f"account_{column}_{window}d"]
        return theirs(account.read(packed, counter), mine.count(counter, window))

    was_active = (mine.count("lead", breadth) > 0).cast("int64")
    return joined.select(
        "row",
        colleagues=joined.account_leads - 1,
        **{f"colleagues_active_{breadth}d": theirs(joined.account_active, was_active)},
        **{f"colleague_activity_{w}d": counted("lead", w) for w in spec.windows},
        **{f"colleague_{c.name}_{longest}d": counted(content_flag(c.name), longest) for c in spec.content},
    )
