"""Measures what the reasons of a list cost once its points are known, and prints a table; a minute and 5 GB of memory.

    python benchmarks/reasons.py [leads, 1,000,000 unless said]

The features are those that are built of sixteen kinds of touchpoint and eleven attributes; values and points are drawn:
most counts are 0, times have no two alike, a feature's points take a few dozen values as a forest's do.
"""

import multiprocessing
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadml.encoding import fit_encoder
from leadml.features.build import list_features
from leadml.features.dictionary import Feature, Kind
from leadml.features.spec import Content, FeatureSpec, TouchKind
from leadml.features.words import OURS, THEIRS
from leadml.reasons import ReasonsStyle, choose_reasons, fit_reference, group_topics, reasons_text
from leadml.reasons.phrases import render_phrases
from leadml.reasons.writing import Reasons

LIST: list[Any] = []  # what is measured: a forked process has it without a copy
COLUMNS, REFERENCE, CODES = 120, 20_000, 32
ATTRIBUTES = {"industry": "category", "country": "category", "seniority": "category", "department": "category",
              "lead_source": "category", "product_interest": "category", "employees": "number",
              "annual_revenue": "number"}  # fmt: skip


def make_features() -> list[Feature]:
    """The dictionary of a large company."""
    kinds = [*[TouchKind(c, k, "lead") for c, k in THEIRS][:12], *[TouchKind(c, k, "company") for c, k in OURS][:4]]
    spec = FeatureSpec(
        windows=(7, 30, 90), half_lives=(7, 30),
        content=(Content("pricing", "x", "pricing pages", "páginas de precios"),
                 Content("docs", "x", "documentation", "documentación")),
        kinds=tuple(kinds), channels=("ads", "call", "email", "form", "web"), lead_attributes=ATTRIBUTES,
        account_attributes={}, as_of_fields={"pipeline_stage": "category"}, account_as_of_fields={},
        include_effort=True, exclude=(),
    )  # fmt: skip
    return [d.feature for d in list_features(spec)][:COLUMNS]


def make_values(feature: Feature, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Values of one feature."""
    if feature.kind is Kind.CATEGORY:
        return np.array([f"level {i}" for i in range(20)], dtype=object)[(rng.random(rows) ** 2 * 20).astype(int)]
    if feature.unit in ("days", "hours"):
        values = rng.gamma(1, 30, rows)
        return np.where(rng.random(rows) < 0.4, np.nan, values) if feature.never else values
    if feature.unit == "share":
        return np.where(rng.random(rows) < 0.5, np.nan, rng.integers(0, 20, rows) / 20)
    if feature.unit in ("hour", "weekday"):
        return rng.integers(0, 24 if feature.unit == "hour" else 7, rows).astype(float)
    if feature.unit == "count":
        return np.where(rng.random(rows) < 0.7, 0.0, rng.geometric(0.2, rows).astype(float))
    return np.round(rng.lognormal(3, 2, rows), 2)


def make_list(rows: int) -> tuple[list[Feature], pd.DataFrame, np.ndarray]:
    """Features, prepared frame, points."""
    rng = np.random.default_rng(1)
    features = make_features()
    columns, points = {}, np.empty((rows, len(features)))
    for j, feature in enumerate(features):
        columns[feature.name] = values = make_values(feature, rows, rng)
        codes = pd.factorize(values)[0] if feature.kind is Kind.CATEGORY else np.nan_to_num(values, nan=-1.0)
        bins = np.unique(np.quantile(codes, np.linspace(0, 1, CODES)))
        table = rng.normal(0, 1.2, len(bins) + 1) * (rng.random() < 0.5)  # half of the features hardly matter
        points[:, j] = table[np.searchsorted(bins, codes)] + 0.05 * rng.integers(-2, 3, rows)
    return features, pd.DataFrame(columns), points


def memory_peak(reset: bool = False) -> float:
    """MB of the process at its peak, since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1e3  # type: ignore[index]


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and seconds."""
    begun = time.perf_counter()
    result = run()
    return result, time.perf_counter() - begun


def measure(language: str) -> list[str]:
    """A row of the table, of the list in `LIST`."""
    features, X, points, reference = LIST
    style, before, worked = ReasonsStyle(language), memory_peak(reset=True), time.process_time()
    chosen, choosing = timed(lambda: choose_reasons(points, group_topics(features), style))
    phrases, rendering = timed(lambda: render_phrases(chosen, X, features, language, reference))
    reasons = Reasons(phrases, chosen.feature, chosen.points, chosen.rest)
    texts, joining = timed(lambda: reasons_text(reasons))
    beside, worked = memory_peak() - before, time.process_time() - worked
    print(texts[0], file=sys.stderr)
    told = phrases[chosen.feature >= 0].tolist()
    seconds = (choosing, rendering, joining, choosing + rendering + joining, worked)
    counts = (len(texts), len(told), len(set(told)))
    return [language, *(f"{n:,}" for n in counts), *(f"{s:.2f}" for s in seconds), f"{beside:,.0f}"]


def main() -> None:
    """Measures and prints, each language in a process of its own."""
    features, X, points = make_list(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    encoder = fit_encoder(X.iloc[:REFERENCE], features, 20, 100)
    LIST.extend((features, X, points, fit_reference(X.iloc[:REFERENCE], encoder)))
    parts = [f"{part} s" for part in ("choosing", "rendering", "joining", "whole", "processor")]
    head = ["language", "leads", "reasons", "phrases", *parts, "MB beside"]
    print(f"\n| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}")
    for language in ("en", "es"):
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(f"| {' | '.join(pool.apply(measure, (language,)))} |", flush=True)


if __name__ == "__main__":
    main()
