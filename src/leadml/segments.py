"""How good the model is within each level of a segment: figures, calibration, and what changed since the stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadml.bootstrap import BootstrapConfig
from leadml.chance import Judged
from leadml.judgement import judge_rows
from leadml.reliability import judge_group, level_rows

PARTS = 10  # parts of equally many stream rows by probability, behind the stability index
SHARE_FLOOR = 0.5  # rows that stand for none in a part, so that its logarithm exists


@dataclass(frozen=True)
class SegmentRows:
    """The judged test and the out-of-time stream before it, with the level of each of their rows by segment.

    ``test``: as in `judgement.judge_test`, with ``probability_constant``. ``stream``: ``lead_id``, ``label``,
    ``probability_other``. Levels are text; None is missing.
    """

    test: pd.DataFrame
    stream: pd.DataFrame
    test_levels: Mapping[str, Sequence[str | None]]
    stream_levels: Mapping[str, Sequence[str | None]]


def judge_segments(rows: SegmentRows, least: int, config: BootstrapConfig) -> list[dict[str, Any]]:
    """One entry a segment and level of the test, the largest level first, the missing ones last.

    Args:
        rows: what is judged, and what it is compared with.
        least: distinct converting leads of the test below which only counts are told.
        config: of the intervals.

    Returns:
        Plain values for JSON: ``of`` (the segment), ``name`` (the level, "" missing), ``rows``, ``leads``,
        ``converting_leads``, ``told``; where that is so also ``figures`` and ``difference_to_constant`` (`judge_rows`),
        ``calibration`` (`judge_group`) and, where the stream has ``least`` converting leads there too, ``drift``
        (`find_drift`), which is None otherwise.
    """
    found, whole = [], Judged.of(rows.test)
    for of, levels in rows.test_levels.items():
        before = dict(level_rows(rows.stream_levels[of]))
        for name, mine in level_rows(levels):
            if mine.any():
                earlier = before.get(name, np.zeros(len(rows.stream), dtype=bool))
                level = _judge_level(rows, mine, earlier, least, config)
                if level["told"]:
                    level["calibration"] = judge_group(whole.take(mine), config.seed)
                found.append({"of": of, "name": name} | level)
    return found


def find_drift(test: pd.DataFrame, stream: pd.DataFrame) -> dict[str, Any]:
    """How rows of the test differ from those of the stream: rate and what was said then, and how probabilities moved.

    Returns:
        ``leads``, ``converting_leads``, ``rate`` and ``mean_probability`` of the stream, whose probabilities are by
        what was fitted on the other folds; ``stability``: the population stability index of the probabilities, the sum
        over tenths of the stream of (share now - share then) times the logarithm of their ratio.
    """
    then, now = stream["probability_other"].to_numpy(np.float64), test["probability"].to_numpy(np.float64)
    edges = np.unique(np.quantile(then, np.arange(1, PARTS) / PARTS))
    shares = []
    for p in (then, now):
        count = np.maximum(np.bincount(np.searchsorted(edges, p), minlength=len(edges) + 1), SHARE_FLOOR)
        shares.append(count / count.sum())
    return {
        "leads": int(stream["lead_id"].nunique()),
        "converting_leads": _converting(stream),
        "rate": float(stream["label"].mean()),
        "mean_probability": float(then.mean()),
        "stability": float((shares[1] - shares[0]) @ np.log(shares[1] / shares[0])),
    }


def _judge_level(
    rows: SegmentRows, mine: np.ndarray, earlier: np.ndarray, least: int, config: BootstrapConfig
) -> dict[str, Any]:
    test, stream = rows.test[mine], rows.stream[earlier]
    converting = _converting(test)
    found: dict[str, Any] = {
        "rows": len(test),
        "leads": int(test["lead_id"].nunique()),
        "converting_leads": converting,
        "told": converting >= least,
    }
    if not found["told"]:
        return found
    judged = judge_rows(test, config)
    figures = {name: judged[name] for name in ("figures", "difference_to_constant")}
    compared = find_drift(test, stream) if _converting(stream) >= least else None
    return found | figures | {"drift": compared}


def _converting(rows: pd.DataFrame) -> int:
    return int(rows.loc[rows["label"] == 1, "lead_id"].nunique())
