"""The model card on what was learnt, and on segments."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leadml.reasons import sentence_case
from leadml.report.learnt import learnt_words, list_periods, note_words, period_row, spread_words, step_rows
from leadml.report.markdown import cell_text, listed, plain, table
from leadml.report.segmented import tell_segments
from leadml.report.words import Words

if TYPE_CHECKING:
    from leadml.report.card import CardFacts


def learnt(card: "CardFacts", words: Words) -> list[str]:
    """What was tried, what was chosen and why, and how it holds from period to period."""
    return learnt_blocks(card.metrics, words)


def segments(card: "CardFacts", words: Words) -> list[str]:
    """Figures by the levels of the named segments, and their corrections."""
    names = {f.name: sentence_case(f.words(words.language)) for f in card.features}
    return segment_blocks(card.metrics, names, words)


def learnt_blocks(metrics: Mapping[str, Any], words: Words) -> list[str]:
    """What was tried, what was chosen and why, and the periods before the test with it; [] where nothing was learnt."""
    if not metrics.get("ladder"):
        return []
    head = [words.t(key) for key in ("learnt_tried", "learnt_loss", "learnt_more", "learnt_error")]
    steps = [(row["name"], *row["cells"]) for row in step_rows(metrics["ladder"], words)]
    blocks = [f"## {words.t('learnt')}", listed(learnt_words(metrics, words)), table([*head, ""], steps)]
    periods = list_periods(metrics)
    if not periods:
        return blocks
    columns = [words.t(key) for key in ("origin_period", "distinct", "conversions", "origin_accounts", "metric_auc")]
    columns += [words.t("metric_lift", share=words.percent(0.1)), words.t("origin_gain")]
    told = [period_row(period, i, words) for i, period in enumerate(periods, start=1)]
    rows = [(row["name"], *(cell_text(cell, words) for cell in row["cells"])) for row in told]
    notes = [note_words(metrics["ladder"], words), spread_words(periods, words)]
    return [*blocks, f"### {words.t('origins')}", *notes, table(columns, rows)]


def segment_blocks(metrics: Mapping[str, Any], names: Mapping[str, str], words: Words) -> list[str]:
    """Figures by level and the intercepts' evidence; [] where no segment is named. ``names`` are features in words."""
    found = tell_segments(metrics, names, words)
    if not found:
        return []
    rows = [(plain(row["name"]), *(cell_text(cell, words) for cell in row["cells"])) for row in found["rows"]]
    told = listed(plain(sentence) for sentence in found["sentences"])
    if not rows:
        return [f"## {words.t('by_segments')}", told]
    return [
        f"## {words.t('by_segments')}",
        told,
        found["note"],
        table([words.t("segment_level"), *found["head"]], rows),
    ]
