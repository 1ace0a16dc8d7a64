"""What train finds out about the judged model beyond the verdict: calibration in parts, and by kind of lead."""

from dataclasses import replace
from typing import Any

from leadml.bootstrap import BootstrapConfig
from leadml.calibration import recency_weights
from leadml.calibration_forms import judge_forms
from leadml.judgement import AGE_BANDS
from leadml.reliability import judge_reliability
from leadml.segment_choice import choose_segments, fold
from leadml.stages.auditing import Audited
from leadml.stages.context import Context
from leadml.stages.stored import Extracted
from leadml.training import Trained


def judge_further(context: Context, extracted: Extracted, audited: Audited, trained: Trained) -> Trained:
    """The training with ``reliability`` among its metrics."""
    found = {"reliability": reliability(context, extracted, audited, trained)}
    return replace(trained, metrics=trained.metrics | found)


def reliability(context: Context, extracted: Extracted, audited: Audited, trained: Trained) -> dict[str, Any]:
    """`judge_reliability` of the test, and under ``forms`` isotonic and beta calibration (`judge_forms`)."""
    stream, test, config = trained.stream, trained.test, context.config
    segments = choose_segments(extracted.X, stream, audited.used)
    levels = {name: fold(extracted.X[name].iloc[test["snapshot"]], told) for name, told in segments.items()}
    found = judge_reliability(test, levels, AGE_BANDS, config.seed)
    weight = recency_weights(stream["cutoff"], stream["cutoff"].max(), config.train.base_rate_half_life_days)
    draws = BootstrapConfig(config.train.bootstrap, config.train.confidence, config.seed)
    return found | {"forms": judge_forms(stream, test, weight, draws)}
