"""Measures the features against SQL written by hand, pandas and Featuretools, and prints tables; ten minutes.

    python benchmarks/features.py [share of the full size, 0.2 unless said]
    python benchmarks/features.py sizes [millions of touchpoints ...]

The full size is 20 million touchpoints in two shapes: one snapshot a lead (500,000 leads with 40 touchpoints) and many
(50,000 leads with 400 touchpoints, 10 weekly cutoffs). All ways give the same columns, and the values are compared.
Each way runs in a process of its own, by turns; only a temporary folder is written. Featuretools is measured where
LEADML_FEATURETOOLS names a Python that has it (it needs an older pandas than leadml).
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from leadml.config import EngineConfig
from leadml.engine import DuckEngine, connect
from leadml.features.build import build_features
from leadml.features.spec import Content, FeatureSpec, FeatureTables, TouchKind

SHAPES = {"one": (500_000, 40, 1), "many": (50_000, 400, 10)}  # leads, touchpoints of each, weekly cutoffs
TURNS = 3
LIMIT = "3GB"  # of the engine; Python, the libraries and what is handed over are beside it
DAY = 86_400_000_000
CHANNELS = ("ads", "call", "chat", "email", "event", "form", "social", "web")
KINDS = tuple(
    sorted(
        (TouchKind(CHANNELS[i % 8], f"k{i:02d}", "company" if i % 3 == 0 else "lead") for i in range(20)),
        key=lambda k: (k.channel, k.kind, k.initiator),
    )
)
SPEC = FeatureSpec(
    windows=(7, 30, 90),
    half_lives=(7, 30),
    content=(
        Content("pricing", "pricing|precio|plans", "pricing pages", "páginas de precios"),
        Content("demo", "demo|trial|prueba", "demo pages", "páginas de demo"),
        Content("docs", "docs|documentation|api|guide", "documentation", "documentación"),
    ),
    kinds=KINDS,
    lead_attributes={},
    account_attributes={},
    as_of_fields={},
    account_as_of_fields={},
    include_effort=True,
    exclude=(),
    channels=tuple(sorted({k.channel for k in KINDS if k.initiator == "lead"})),
)
TOUCHPOINTS = """
    SELECT printf('tp-%010d', i) AS touchpoint_id, printf('00Q%012d', hash(i * 7) % {leads}) AS lead_id,
        NULL::VARCHAR AS account_id, occurred_at,
        occurred_at + to_seconds(CASE WHEN hash(i + 5) % 20 = 0 THEN (hash(i + 6) % 259200)::BIGINT ELSE 0 END)
            AS known_at,
        k.channel, k.kind, k.initiator, NULL::DOUBLE AS value,
        CASE WHEN k.channel = 'web' THEN '/' || ['pricing', 'demo', 'docs', 'home', 'blog'][1 + (hash(i + 3) % 5)::INT]
            || '/' || (hash(i + 4) % 400) END AS content
    FROM (SELECT i, TIMESTAMP '2024-01-01' + to_microseconds((hash(i + 1) % 31536000000000)::BIGINT) AS occurred_at,
            (hash(i + 2) % {kinds})::INT AS code FROM range({rows}) r(i)) JOIN kinds k USING (code)"""
SNAPSHOTS = """
    SELECT (row_number() OVER (ORDER BY cutoff, lead_id) - 1)::BIGINT AS row, lead_id, NULL::VARCHAR AS account_id,
        cutoff
    FROM (SELECT printf('00Q%012d', l) AS lead_id, TIMESTAMP '2024-12-30' - to_days((7 * c)::INT) AS cutoff
        FROM range({leads}) a(l), range({cutoffs}) b(c))"""
EMPTY = {
    "accounts": "account_id VARCHAR, created_at TIMESTAMP, known_at TIMESTAMP",
    "history": "entity VARCHAR, entity_id VARCHAR, field VARCHAR, value VARCHAR, changed_at TIMESTAMP",
    "conversions": "lead_id VARCHAR, converted_at TIMESTAMP, known_at TIMESTAMP, amount DOUBLE, currency VARCHAR",
    "closures": "lead_id VARCHAR, closed_at TIMESTAMP, known_at TIMESTAMP, kind VARCHAR, reason VARCHAR",
}


def make_files(folder: Path, leads: int, each: int, cutoffs: int) -> None:
    """touchpoints, snapshots and leads as Parquet."""
    con = duckdb.connect(config={"temp_directory": str(folder / "spill"), "memory_limit": LIMIT})
    con.execute("CREATE TABLE kinds(code INT, channel VARCHAR, kind VARCHAR, initiator VARCHAR)")
    con.executemany("INSERT INTO kinds VALUES (?, ?, ?, ?)", [[i, *vars(k).values()] for i, k in enumerate(KINDS)])
    sizes = {"leads": leads, "rows": leads * each, "cutoffs": cutoffs, "kinds": len(KINDS)}
    known = "TIMESTAMP '2024-01-01'"
    leads_of = f"SELECT DISTINCT lead_id, account_id, {known} AS created_at, {known} AS known_at"
    for name, query in (
        ("touchpoints", TOUCHPOINTS),
        ("snapshots", SNAPSHOTS),
        ("leads", f"{leads_of} FROM ({SNAPSHOTS})"),
    ):
        con.execute(f"COPY ({query.format(**sizes)}) TO '{folder}/{name}.parquet' (FORMAT parquet)")


# ------------------------------------------------------------------------------------------------ SQL written by hand
def touch_columns() -> str:
    """What both ways by hand decide once a touchpoint: kind, flags, and what lies between it and the one before."""
    codes = " ".join(
        f"WHEN channel = '{k.channel}' AND kind = '{k.kind}' AND initiator = '{k.initiator}' THEN {i}"
        for i, k in enumerate(KINDS)
    )
    flags = ", ".join(
        f"(initiator = 'lead' AND coalesce(regexp_matches(lower(content), '{c.pattern}'), false)) AS is_{c.name}"
        for c in SPEC.content
    )
    return f"""
        SELECT lead_id, known_at, occurred_at, epoch_us(occurred_at) AS us, channel, content,
            initiator = 'lead' AS mine, CASE {codes} ELSE -1 END AS code, {flags},
            lag(initiator) OVER whole AS other, epoch_us(lag(occurred_at) OVER whole) AS other_us,
            epoch_us(occurred_at) - epoch_us(lag(occurred_at) OVER whole) AS after,
            epoch_us(occurred_at) - epoch_us(lag(occurred_at) OVER side) AS since,
            hour(occurred_at) AS hour, isodow(occurred_at) AS day
        FROM touchpoints WHERE lead_id IS NOT NULL
        WINDOW whole AS (
                PARTITION BY lead_id ORDER BY greatest(occurred_at, known_at), occurred_at, initiator = 'lead'),
            side AS (PARTITION BY lead_id, initiator ORDER BY greatest(occurred_at, known_at), occurred_at)"""


def by_hand(grouped: bool) -> str:
    """The touchpoints' features as one query: one join and one GROUP BY with a FILTER a column.

    ``grouped``: first by (snapshot, kind), then by snapshot, which is faster where a snapshot has many touchpoints;
    what cannot be added up from the first step goes through the plain way beside it.
    """
    counts = {f"{k.name}_{w}d": (f"code = {i}", w) for i, k in enumerate(KINDS) for w in SPEC.windows}
    recent = {f"days_since_{k.name}": f"code = {i}" for i, k in enumerate(KINDS) if k.initiator == "lead"}
    for w in SPEC.windows:
        counts |= {f"activity_{w}d": ("mine", w), f"our_touches_{w}d": ("NOT mine", w)}
        counts |= {f"content_{c.name}_{w}d": (f"is_{c.name}", w) for c in SPEC.content}
    recent |= {f"days_since_content_{c.name}": f"is_{c.name}" for c in SPEC.content}
    recent |= {"recency_lead_days": "mine", "recency_company_days": "NOT mine"}
    long = f"age <= {90 * DAY}"
    answer = f"mine AND other = 'company' AND after >= 0 AND asked <= {90 * DAY}"
    replied = f"NOT mine AND other = 'lead' AND after >= 0 AND {long}"
    direct = {
        "pages_90d": f"count(DISTINCT content) FILTER (mine AND {long})",
        **{
            f"active_days_{w}d": f"count(DISTINCT occurred_at::DATE) FILTER (mine AND age <= {w * DAY})"
            for w in SPEC.windows
        },
        **{
            f"intensity_{h}d": f"coalesce(sum(round(pow(2, -age / {h * DAY}) * 4294967296)::BIGINT) FILTER (mine), 0)"
            "::DOUBLE / 4294967296"
            for h in SPEC.half_lives
        },
        "gaps": f"count(*) FILTER (mine AND since >= 0 AND {long})",
        "gap": f"sum(round(since / 6e7)::BIGINT) FILTER (mine AND since >= 0 AND {long})",
        "squares": f"sum(round(since / 6e7)::BIGINT * round(since / 6e7)::BIGINT)"
        f" FILTER (mine AND since >= 0 AND {long})",
        "answers_90d": f"count(*) FILTER ({answer})",
        "answer": f"sum(round(after / 6e7)::BIGINT) FILTER ({answer})",
        "reply_hours_90d": f"sum(round(after / 6e7)::BIGINT) FILTER ({replied})"
        f" / nullif(count(*) FILTER ({replied}), 0) / 60",
        "office": f"count(*) FILTER (mine AND day < 6 AND hour >= 9 AND hour < 18 AND {long})",
        "evening": f"count(*) FILTER (mine AND day < 6 AND hour >= 18 AND {long})",
        "weekend": f"count(*) FILTER (mine AND day > 5 AND {long})",
        "first_channel": "min_by(channel, us * 64 + ascii(channel)) FILTER (mine)",
        "last_channel": "max_by(channel, us * 64 + ascii(channel)) FILTER (mine)",
        **{f"uses_{c}": f"count(*) FILTER (mine AND channel = '{c}' AND {long})" for c in SPEC.channels},
    }
    pairs = f"""SELECT s.row, t.*, epoch_us(s.cutoff) - us AS age, epoch_us(s.cutoff) - other_us AS asked
        FROM snapshots s JOIN ({touch_columns()}) t
        ON s.lead_id = t.lead_id AND t.known_at < s.cutoff AND t.occurred_at < s.cutoff"""
    if not grouped:
        plain = [f"count(*) FILTER ({f} AND age <= {w * DAY}) AS {n}" for n, (f, w) in counts.items()]
        plain += [f"min(age) FILTER ({f}) / {DAY} AS {n}" for n, f in recent.items()]
        plain += [f"{e} AS {n}" for n, e in direct.items()]
        return finish(f"SELECT row, {', '.join(plain)} FROM ({pairs}) GROUP BY row")
    keys = ["code", "mine", *(f"is_{c.name}" for c in SPEC.content)]
    first = ", ".join(f"count(*) FILTER (age <= {w * DAY}) AS n{w}" for w in SPEC.windows)
    second = [f"coalesce(sum(n{w}) FILTER ({f}), 0) AS {n}" for n, (f, w) in counts.items()]
    second += [f"min(young) FILTER ({f}) / {DAY} AS {n}" for n, f in recent.items()]
    rest = ", ".join(f"{e} AS {n}" for n, e in direct.items())
    return finish(f"""WITH pairs AS MATERIALIZED ({pairs}) SELECT * FROM
        (SELECT row, {", ".join(second)} FROM (SELECT row, {", ".join(keys)}, {first}, min(age) AS young FROM pairs
            GROUP BY ALL) GROUP BY row) JOIN (SELECT row, {rest} FROM pairs GROUP BY row) USING (row)""")


def finish(touched: str) -> str:
    """The ratios, and a row for the snapshots that nothing touched."""
    uses = " + ".join(f"uses_{c}" for c in SPEC.channels)
    shares = ", ".join(f"uses_{c} / nullif({uses}, 0) AS share_{c}_90d" for c in SPEC.channels)
    mean = "(gap / nullif(gaps, 0))"
    deviation = f"sqrt(greatest(squares / nullif(gaps, 0) - {mean} * {mean}, 0))"
    entropy = " + ".join(
        f"CASE WHEN uses_{c} > 0 THEN -uses_{c} / ({uses}) * ln(uses_{c} / ({uses})) ELSE 0 END" for c in SPEC.channels
    )
    used = " + ".join(f"(uses_{c} > 0)::INT" for c in SPEC.channels)
    clock = ", ".join(f"{c} / nullif(activity_90d, 0) AS {c}_share_90d" for c in ("office", "evening", "weekend"))
    return f"""SELECT s.row, * EXCLUDE (row, gap, gaps, squares, answer, office, evening, weekend,
            {", ".join(f"uses_{c}" for c in SPEC.channels)}),
        {shares}, {clock}, {mean} / 1440 AS gap_days_90d, ({deviation} - {mean}) / nullif({deviation} + {mean}, 0)
            AS burstiness_90d, answer / nullif(answers_90d, 0) / 60 AS answer_hours_90d,
        answers_90d / nullif(our_touches_90d, 0) AS answered_share_90d,
        activity_7d / 7 - (activity_30d - activity_7d) / 23 AS momentum_7d, {used} AS channels_90d,
        CASE WHEN {uses} > 0 THEN {entropy} END AS channel_entropy_90d,
        first_channel || ' > ' || last_channel AS channel_path
        FROM snapshots s LEFT JOIN ({touched}) USING (row)"""


# ---------------------------------------------------------------------------------------------------------- the ways
def open_tables(folder: Path) -> object:
    """A connection with the tables of the folder, which spills beside them."""
    con = connect(EngineConfig(threads=2, memory_limit=LIMIT), folder / "spill")
    for name in ("touchpoints", "snapshots", "leads"):
        con.con.execute(f"CREATE VIEW {name} AS SELECT * FROM '{folder}/{name}.parquet'")
    for name, columns in EMPTY.items():
        con.con.execute(f"CREATE TABLE {name} ({columns})")
    return con


def run_leadml(con: object, folder: Path) -> None:
    """Leadml's own features, as a table of the engine."""
    tables = FeatureTables(*[con.table(n) for n in ("snapshots", "leads", "accounts", "history", "touchpoints")],
                           *[con.table(n) for n in ("conversions", "closures")])  # fmt: skip
    engine = DuckEngine(con)
    expression, _ = build_features(tables, SPEC, engine)
    engine.hold("result", expression)


def run_join(con: object, folder: Path) -> None:
    """By hand, one join and one GROUP BY."""
    con.con.execute(f"CREATE TABLE result AS {by_hand(grouped=False)}")


def run_grouped(con: object, folder: Path) -> None:
    """By hand, in two steps."""
    con.con.execute(f"CREATE TABLE result AS {by_hand(grouped=True)}")


def run_pandas(con: object, folder: Path) -> None:
    """pandas: a merge, and a groupby for every window and measure."""
    touches = pd.read_parquet(folder / "touchpoints.parquet").drop(columns=["account_id", "value"])
    snapshots = pd.read_parquet(folder / "snapshots.parquet")[["row", "lead_id", "cutoff"]]
    code = {(k.channel, k.kind, k.initiator): i for i, k in enumerate(SPEC.kinds)}
    keys = zip(touches["channel"], touches["kind"], touches["initiator"], strict=True)
    touches["code"] = [code[k] for k in keys]
    text = touches["content"].fillna("").str.lower()
    touches["mine"] = touches["initiator"] == "lead"
    for rule in SPEC.content:
        touches[f"is_{rule.name}"] = text.str.contains(rule.pattern) & touches["mine"]
    pairs = snapshots.merge(touches, on="lead_id")
    pairs = pairs[(pairs["known_at"] < pairs["cutoff"]) & (pairs["occurred_at"] < pairs["cutoff"])]
    pairs["age"] = (pairs["cutoff"] - pairs["occurred_at"]) / pd.Timedelta(days=1)
    parts = []
    for window in SPEC.windows:
        inside = pairs[pairs["age"] <= window]
        parts.append(inside.groupby(["row", "code"]).size().unstack(fill_value=0).add_suffix(f"_{window}"))
        for flag in ("mine", *(f"is_{c.name}" for c in SPEC.content)):
            parts.append(inside[inside[flag]].groupby("row").size().rename(f"{flag}_{window}"))
        mine = inside[inside["mine"]]
        parts.append(mine["occurred_at"].dt.date.groupby(mine["row"]).nunique().rename(f"days_{window}"))
    mine = pairs[pairs["mine"]]
    parts.append(mine.groupby(["row", "code"])["age"].min().unstack().add_prefix("since_"))
    parts += [mine.groupby("row")["age"].min().rename("recency"), pairs.groupby("row")["age"].min().rename("any")]
    for half_life in SPEC.half_lives:
        weight = np.exp2(-mine["age"] / half_life)
        parts.append(weight.groupby(mine["row"]).sum().rename(f"intensity_{half_life}"))
    recent = mine[mine["age"] <= SPEC.windows[-1]]
    parts.append(recent.groupby(["row", "channel"]).size().unstack(fill_value=0))
    parts.append(recent.groupby("row")["content"].nunique().rename("pages"))
    ordered = mine.sort_values(["row", "occurred_at"])
    channels = ordered.groupby("row")["channel"]
    parts += [channels.first().rename("first_channel"), channels.last().rename("last_channel")]
    gap = ordered.groupby("row")["occurred_at"].diff() / pd.Timedelta(minutes=1)
    parts.append(gap.groupby(ordered["row"]).agg(["mean", "std"]))
    pd.concat(parts, axis=1).reindex(snapshots["row"]).to_parquet(folder / "pandas.parquet")


WAYS = {"leadml": run_leadml, "join": run_join, "grouped": run_grouped, "pandas": run_pandas}
NAMES = {
    "leadml": "leadml",
    "join": "SQL by hand, one join and GROUP BY",
    "grouped": "SQL by hand, in two steps",
    "pandas": "pandas merge and groupby",
    "featuretools": "Featuretools, cutoff times and three windows",
}
FEATURETOOLS = """
import sys, time, json, pandas as pd, featuretools as ft
folder = sys.argv[1]
touches = pd.read_parquet(folder + "/touchpoints.parquet").drop(columns=["account_id", "value", "occurred_at"])
snapshots = pd.read_parquet(folder + "/snapshots.parquet")
leads = pd.read_parquet(folder + "/leads.parquet")[["lead_id", "created_at"]]
begun = time.perf_counter()
es = ft.EntitySet("leads")
es.add_dataframe(dataframe_name="leads", dataframe=leads, index="lead_id", time_index="created_at")
es.add_dataframe(dataframe_name="touchpoints", dataframe=touches, index="touchpoint_id", time_index="known_at",
    logical_types={c: "Categorical" for c in ("channel", "kind", "initiator", "content")})
es.add_relationship("leads", "lead_id", "touchpoints", "lead_id")
es.add_interesting_values(dataframe_name="touchpoints", values={"kind": sorted(touches["kind"].unique())})
times = snapshots.rename(columns={"cutoff": "time"})[["lead_id", "time"]]
for days in (7, 30, 90):
    ft.dfs(entityset=es, target_dataframe_name="leads", cutoff_time=times, training_window=str(days) + " days",
        agg_primitives=["count", "num_unique", "mode", "time_since_last", "avg_time_between"], trans_primitives=[],
        where_primitives=["count", "time_since_last"], include_cutoff_time=False)
print(json.dumps({"seconds": time.perf_counter() - begun, "peak_mb": 0}))
"""


def measure(way: str, folder: Path) -> dict[str, float]:
    """Seconds and peak memory of one way in this process; its result stays in the folder."""
    con = open_tables(folder)
    begun = time.perf_counter()
    WAYS[way](con, folder)
    seconds = time.perf_counter() - begun
    if way != "pandas":
        con.con.execute(f"COPY (SELECT * FROM result ORDER BY row) TO '{folder}/{way}.parquet' (FORMAT parquet)")
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def run_apart(way: str, folder: Path) -> dict[str, float] | None:
    """One way in a process of its own; None where there is no Featuretools."""
    python = sys.executable if way != "featuretools" else os.environ.get("LEADML_FEATURETOOLS")
    if python is None:
        return None
    words = [__file__, "--way", way, str(folder)] if way != "featuretools" else ["-c", FEATURETOOLS, str(folder)]
    done = subprocess.run([python, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{way} ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(folder: Path, other: str) -> int:
    """How many columns both have; raises `SystemExit` where one of them differs."""
    ours, theirs = (pd.read_parquet(folder / f"{n}.parquet") for n in ("leadml", other))
    shared = [c for c in theirs.columns if c in ours.columns and c != "row"]
    for name in shared:
        a, b = ours[name], theirs[name]
        if a.dtype.kind == "f":
            b = b.astype("float64")
            same = np.isclose(a, b, rtol=1e-9, atol=1e-8, equal_nan=True) | (a.eq(0) & b.isna())
        else:
            same = (a == b) | (a.isna() & b.isna())
        if not same.all():
            row = int(np.flatnonzero(~same)[0])
            raise SystemExit(f"{other} differs in {name}, {int((~same).sum())} rows; row {row}: {a[row]} and {b[row]}")
    return len(shared)


def print_table(title: str, ways: dict[str, int], shape: tuple[int, int, int]) -> None:
    """The ways by turns on one set of tables; the ratio is to leadml."""
    with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
        folder = Path(name)
        make_files(folder, *shape)
        turns: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for turn in range(TURNS):
            for way, most in ways.items():
                if turn < most and (told := run_apart(way, folder)):
                    turns[way].append(told)
        columns = {way: compare(folder, way) for way in ("join", "grouped") if turns.get(way)}
    leads, each, cutoffs = shape
    load = os.getloadavg()[0]
    print(f"\n{title}: {leads * each:,} touchpoints of {leads:,} leads, {leads * cutoffs:,} snapshots, load {load:.1f}")
    if columns:
        print(f"{next(iter(columns.values()))} columns compared, all equal")
    print("\n| way | s | times leadml | peak MB |\n| --- | ---: | ---: | ---: |")
    base = statistics.median(t["seconds"] for t in turns["leadml"])
    for way, told in turns.items():
        if told:
            seconds = statistics.median(t["seconds"] for t in told)
            peak = max(t["peak_mb"] for t in told)
            print(f"| {NAMES[way]} | {seconds:.2f} | {seconds / base:.2f} | {f'{peak:,.0f}' if peak else ''} |")


def print_sizes(millions: list[float]) -> None:
    """The time and memory of leadml alone at several sizes."""
    heads = ["shape", "touchpoints", "snapshots", "s", "touchpoints/s", "peak MB"]
    print(f"\n| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    for shape, (_, each, cutoffs) in SHAPES.items():
        for size in millions:
            leads = int(size * 1_000_000 / each)
            with tempfile.TemporaryDirectory(prefix="leadml-bench-") as name:
                make_files(Path(name), leads, each, cutoffs)
                told = run_apart("leadml", Path(name))
            rows = leads * each
            cells = (f"{rows:,}", f"{leads * cutoffs:,}", f"{told['seconds']:.1f}", f"{rows / told['seconds']:,.0f}")
            print(f"| {shape} | {' | '.join(cells)} | {told['peak_mb']:,.0f} |", flush=True)


def main() -> None:
    """Measures and prints."""
    words = sys.argv[1:]
    if words[:1] == ["--way"]:
        print(json.dumps(measure(words[1], Path(words[2]))))
        return
    if words[:1] == ["sizes"]:
        print_sizes([float(w) for w in words[1:]] or [1, 5, 20])
        return
    share = float(words[0]) if words else 0.2
    for name, (leads, each, cutoffs) in SHAPES.items():
        print_table(name, {"leadml": 3, "join": 3, "grouped": 3}, (int(leads * share), each, cutoffs))
    for name, (_, each, cutoffs) in SHAPES.items():
        print_table(f"{name}, against pandas", {"leadml": 3, "pandas": 1}, (1_000_000 // each, each, cutoffs))
        print_table(f"{name}, against Featuretools", {"leadml": 3, "featuretools": 1}, (8_000 // each, each, cutoffs))


if __name__ == "__main__":
    main()
