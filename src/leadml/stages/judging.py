"""What train finds out about the judged model beyond the verdict: calibration, segments, groups of people, proxies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from leadml.bootstrap import BootstrapConfig
from leadml.calibration_forms import judge_forms
from leadml.encoding import level_texts
from leadml.errors import DataError
from leadml.fairness import Least, audit_groups
from leadml.fairness_top import audit_top, nearly_all_or_none
from leadml.groups import make_groups
from leadml.judgement import AGE_BANDS
from leadml.proxies import find_proxies, newest_rows
from leadml.reliability import judge_reliability
from leadml.segment_choice import choose_segments, fold
from leadml.segments import SegmentRows, judge_segments
from leadml.sensitive import sensitive_topic
from leadml.stages.auditing import Audited
from leadml.stages.calibrate import in_lists
from leadml.stages.context import Context
from leadml.stages.sensitive import AUDITED
from leadml.stages.stored import Extracted, read_frame
from leadml.thresholds import choose_threshold
from leadml.training import Trained


def judge_further(context: Context, extracted: Extracted, audited: Audited, trained: Trained) -> Trained:
    """The training with more among its metrics.

    ``reliability``; where train.segments names any, ``segments``; where fairness.columns does, ``fairness``.
    """
    config, test, stream = context.config, trained.test, trained.stream
    named = config.train.segments or []
    told = choose_segments(extracted.X, stream, audited.used, named)
    levels, before = (
        {name: fold(level_texts(extracted.X[name].iloc[part["snapshot"]]), kept) for name, kept in told.items()}
        for part in (test, stream)
    )
    found: dict[str, Any] = {"reliability": reliability(context, trained, levels)}
    if named:
        rows, least = SegmentRows(test, stream, levels, before), config.train.segment_conversions
        found["segments"] = {"least": least, "groups": judge_segments(rows, least, draws(context))}
    if config.fairness.columns:
        found["fairness"] = fairness(context, extracted, audited, trained)
    return replace(trained, metrics=trained.metrics | found)


def reliability(context: Context, trained: Trained, levels: Mapping[str, Sequence[str | None]]) -> dict[str, Any]:
    """`judge_reliability` of the test, and under ``forms`` isotonic and beta calibration (`judge_forms`)."""
    stream, test, config = trained.stream, trained.test, context.config
    found = judge_reliability(test, levels, AGE_BANDS, config.seed)
    return found | {"forms": judge_forms(stream, test, stream["recency"].to_numpy(), draws(context))}


def fairness(context: Context, extracted: Extracted, audited: Audited, trained: Trained) -> dict[str, Any]:
    """`audit_groups` and `find_proxies` by each of fairness.columns, at the threshold that the stream's lists choose.

    The threshold is chosen as calibrate does for its judgement: from weekly capacity, on rows that judge nothing.
    """
    config, settings = context.config, context.config.fairness
    values = read_audited(context, len(extracted.snapshots))
    rule = (config.threshold.weekly_capacity, config.threshold.again_after_days)
    threshold = choose_threshold(in_lists(trained.stream), *rule).threshold
    bands = {name.casefold(): edges for name, edges in settings.bands.items()}
    rows = newest_rows(extracted.snapshots)
    accounts = extracted.snapshots["account_id"].to_numpy(dtype=object)[rows]
    told = []
    for column in settings.columns:
        topic = sensitive_topic(column)
        groups = make_groups(values[column], topic, bands.get(column.casefold(), ()))
        of_test = replace(groups, of=groups.of[trained.test["snapshot"].to_numpy()])
        least = Least(settings.min_leads, settings.min_conversions)
        found = audit_groups(trained.test, of_test, threshold, least, draws(context))
        shown = {group["name"] for group in found["groups"]}
        known = pd.Series(groups.of[rows], dtype=object).where(lambda g, shown=shown: g.isin(shown), None).to_numpy()
        proxies = find_proxies(extracted.X.iloc[rows], audited.used, known, accounts, config.seed)
        about = {"column": column, "topic": topic, "made": groups.made, "edges": list(groups.edges)}
        top = audit_top(trained.test, of_test, [group["name"] for group in found["groups"]], draws(context))
        told.append(about | found | {"proxies": proxies, "top": top})
    return {"threshold": threshold, "min_leads": settings.min_leads, "min_conversions": settings.min_conversions} | {
        "columns": told
    }


def read_audited(context: Context, rows: int) -> pd.DataFrame:
    """The values of fairness.columns beside the snapshots.

    Raises:
        DataError: extract ran without (all of) them.
    """
    columns, path = context.config.fairness.columns, context.workspace.features / AUDITED
    frame = read_frame(path, "leadml extract") if path.exists() else pd.DataFrame()
    absent = [c for c in columns if c not in frame]
    if absent or len(frame) != rows:
        raise DataError(
            f"the features were extracted without {len(absent)} of fairness.columns: {', '.join(absent)}; run leadml "
            f"extract again with fairness.columns=[{','.join(columns)}]"
        )
    return frame


def tell_intercepts(context: Context, stage: str, trained: Trained) -> None:
    """One line for each of train.segments: whether it has intercepts of its own, and on what evidence."""
    for tried in trained.metrics["segment_intercepts"]:
        sizes = [level["shift"] for level in tried["levels"]]
        told = f"an intercept for each of {len(sizes)} levels" if tried["used"] else "no intercepts of its own"
        told += f", log-odds from {min(sizes):+.2f} to {max(sizes):+.2f}" if tried["used"] else ""
        context.progress.say(
            stage,
            f"segment {tried['feature']}: {told}; log loss lower by {tried['less']:.4f} (standard error "
            f"{tried['error']:.4f}), by those of earlier folds {tried['forward_less']:.4f} "
            f"({tried['forward_error']:.4f}), in the newest fold {tried['newest_less']:.4f}",
        )


def tell_fairness(context: Context, stage: str, trained: Trained) -> None:
    """One line a column: how apart selection and error rates are, and the features that stand for it."""
    for found in trained.metrics.get("fairness", {}).get("columns", []):
        apart = found["differences"]["demographic_parity_difference"]
        if apart is None:
            told = "fewer than two groups are large enough to be told"
        else:
            shares = [
                f"{g['name']} {g['selection_rate']['value']:.1%} of {g['leads']:,} leads" for g in found["groups"]
            ]
            ends = "" if apart["low"] is None else f" [{apart['low']:.1%}, {apart['high']:.1%}]"
            ends += f" (by chance up to {found['chance']['demographic_parity_difference']:.1%})"
            told = f"selected {'; '.join(shares)}; largest difference {apart['value']:.1%}{ends}"
            if nearly := nearly_all_or_none(found["groups"]):
                told = f"the threshold selects nearly {nearly} of every group, so that nothing can differ"
            told += f"; {_top_words(found['top'])}"
        proxies = ", ".join(f"{p['feature']} (AUC {p['auc']:.2f})" for p in found["proxies"]["proxies"])
        context.progress.say(stage, f"fairness by {found['column']}: {told}; proxies: {proxies or 'none'}")


def _top_words(top: Mapping[str, Any]) -> str:
    shares = ", ".join(f"{name} {rate['value']:.1%}" for name, rate in top["rates"].items())
    apart = top["differences"]["demographic_parity_difference"]
    chance = top["chance"]["demographic_parity_difference"]
    told = f"in the top {top['share']:.0%} of each list {shares}"
    return f"{told}; largest difference {apart['value']:.1%} (by chance up to {chance:.1%})"


def draws(context: Context) -> BootstrapConfig:
    """How intervals are drawn."""
    return BootstrapConfig.of(context.config.train, context.config.seed)
