"""The report's section on what the scores rest on: families, features, what counts together, segments."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from leadml.bootstrap import BootstrapConfig
from leadml.features.dictionary import Kind
from leadml.importance import list_pairs, measure_families, measure_segments, pair_families
from leadml.reasons import feature_value_words, sentence_case
from leadml.report import shap_plots
from leadml.report.dependence_plot import plot_dependence
from leadml.report.inputs import ReportInput
from leadml.report.words import Words
from leadml.schema import FAMILIES

MOST_FEATURES = 12
DEPENDENCES = 4
PAIRS = 8
PAIR_LEADS = 2_000  # what counts together is told of so many leads, drawn at random
SEGMENTS = 8  # levels of the segment


def view_rests(data: ReportInput, words: Words) -> dict[str, Any]:
    """Families' shares, the SHAP plots, pairs and segments; no plots where no feature moves anything."""
    explained = shap_plots.Explained(data.points, data.X, data.features)
    shown: dict[str, Any] = {"families": view_families(data, words), "plots": [], "pairs": None, "segments": None}
    if not explained.strongest(1):
        return shown
    drawn = drawn_words(len(data.points), shap_plots.MOST_LEADS, words)
    seed, draws = data.context.seed, bootstrap(data)
    bars = words.t("bar_caption", confidence=words.percent(draws.confidence)) + bag_words(data, words)
    dependence = words.t("dependence_caption", drawn=drawn)
    if data.strength is not None:
        dependence += ". " + words.t("dependence_together")
    figures = [
        (bars, shap_plots.plot_bar(explained.measure(data.account_ids, draws, data.bag), MOST_FEATURES, words)),
        (
            words.t("beeswarm_caption", drawn=drawn),
            shap_plots.plot_beeswarm(explained, MOST_FEATURES, words, seed),
        ),
        (dependence, plot_dependence(explained, DEPENDENCES, words, seed, data.strength)),
    ]  # fmt: skip
    shown["plots"] = [(caption, Markup(svg)) for caption, svg in figures]
    shown["pairs"] = view_pairs(data, words)
    named = [group["of"] for group in (data.metrics.get("segments") or {}).get("groups", [])]
    shown["segments"] = view_segments(explained, data.scores["probability"].to_numpy(), words, named)
    return shown


def bag_words(data: ReportInput, words: Words) -> str:
    """What the dots beside the bars are; "" where the model has no bag."""
    if data.bag is None or not len(data.bag):
        return words.t("bar_no_bag")
    return words.t("bar_bag", n=words.number(len(data.bag)), drawn=words.number(min(len(data.points), PAIR_LEADS)))


def bootstrap(data: ReportInput) -> BootstrapConfig:
    """How the intervals are drawn."""
    return BootstrapConfig(data.context.draws, data.context.confidence, data.context.seed)


def view_families(data: ReportInput, words: Words) -> list[dict[str, Any]]:
    """One row a family: mean points with their interval, share."""
    found = measure_families(data.points, data.features, data.account_ids, bootstrap(data))
    largest = float(found["share"].max()) or 1.0
    return [
        {
            "name": words.t(str(family)),
            "words": words.t(f"{family}_words"),
            "points": words.number(row["mean_points"], 1),
            "interval": "" if np.isnan(row["low"]) else f"{words.number(row['low'], 1)}–{words.number(row['high'], 1)}",
            "share": words.percent(row["share"], 0),
            "bar": round(100 * float(row["share"]) / largest, 1),
            "key": str(family),
        }
        for family, row in found.iterrows()
    ]


def view_pairs(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """The pairs of features that count together most, and what fit and intent give together; None where none do."""
    if data.strength is None or not len(pairs := list_pairs(data.strength, PAIRS)):
        return None
    families = pair_families(data.strength, data.features)
    intent = [f for f in FAMILIES if f != "firmographic"]
    both, total = families.loc[["firmographic"], intent].to_numpy().sum(), np.triu(families.to_numpy()).sum()
    names = [sentence_case(f.words(words.language)) for f in data.features]
    found = pairs.itertuples(index=False, name=None)
    rows = [(names[one], names[two], words.number(points, 1)) for one, two, points in found]
    drawn = drawn_words(len(data.points), PAIR_LEADS, words)
    return {"rows": rows, "sentence": words.t("pairs_sentence", share=words.percent(both / total, 0), drawn=drawn)}


def drawn_words(leads: int, most: int, words: Words) -> str:
    """How many leads are looked at, and whether that is all of them or some."""
    return words.t("drawn_all" if leads <= most else "drawn_some", n=words.number(min(leads, most)))


def view_segments(
    explained: shap_plots.Explained, probability: np.ndarray, words: Words, named: Sequence[str] = ()
) -> dict[str, Any] | None:
    """What scores rest on by the levels of a segment, one of the ``named`` first; None where none has two levels."""
    segment = choose_segment(explained, named)
    if segment is None:
        return None
    features, feature = explained.features, explained.features[segment]
    values = explained.X[feature.name].reset_index(drop=True)
    found = measure_segments(explained.points, features, values, probability)
    levels = pd.Series(found["level"].astype("object"))
    codes, texts = feature_value_words(levels, feature, words.language)
    rows = [
        {
            "name": sentence_case(texts[code]),
            "leads": words.number(row["leads"]),
            "mean": words.percent(row["probability"], 1),
            "families": [words.number(row[family], 1) for family in FAMILIES],
            "strongest": sentence_case(features[int(row["strongest"])].words(words.language)),
        }
        for code, (_, row) in zip(codes.tolist(), found.head(SEGMENTS).iterrows(), strict=False)
    ]
    more = len(found) - SEGMENTS
    return {
        "title": words.t("by_segment", name=feature.words(words.language)),
        "families": [words.t(f) for f in FAMILIES],
        "rows": rows,
        "more": words.t("segments_more", n=words.number(more)) if more > 0 else "",
    }


def choose_segment(explained: shap_plots.Explained, named: Sequence[str] = ()) -> int | None:
    """The place of the category, with two levels or more, that moves scores most; firmographic where none is named."""
    strength, features = explained.strength(), explained.features
    apart = [k for k, f in enumerate(features) if f.kind == Kind.CATEGORY and explained.X[f.name].nunique() > 1]
    places = [k for k in apart if features[k].name in named]
    places = places or [k for k in apart if features[k].family == "firmographic"]
    return max(places, key=lambda k: float(strength[k]), default=None)
