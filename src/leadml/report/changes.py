"""What moved since the last list: how many came and left, the parts of the change, and the leads that moved most."""

from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from leadml.features.dictionary import Feature
from leadml.moves import PARTS, Moves, sum_by_feature, sum_parts
from leadml.reasons import SMALLEST_REASON, feature_value_words, group_topics, sentence_case
from leadml.report import plots
from leadml.report.inputs import ReportInput
from leadml.report.words import Words
from leadml.reweighing import ModelMoves

MOST_FEATURES = 10  # in the plot, and in the table of what weighs how much
MOST_LEADS = 5  # up, and down
MOST_WHY = 3  # features named for one lead
FAR = 5.0  # points: half of what doubles the odds
Chip = tuple[str, str, bool]  # words, points, whether it speaks against


def view_changes(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Everything of the section; None where there is no earlier list to compare with."""
    changes = data.changes
    if changes is None:
        return None
    moves = changes.moves
    before, now = changes.model_version, data.context.model_version
    same = words.t("changes_same") if moves.model is None else words.t("changes_other", before=before, now=now)
    return {
        "title": words.t("changes", date=words.date(changes.cutoff)),
        "sentence": same if len(moves.leads) else words.t("changes_nobody"),
        "stamp": words.t("changes_forced", stamp=changes.forced) if changes.forced else "",
        "facts": _view_facts(moves, words),
        "parts": [] if moves.model is None or moves.leads.empty else _view_parts(moves, words),
        "plot": _view_moved(moves, words),
        "movers": _view_movers(moves, words),
        "weighs": [] if moves.model is None else _view_weighs(moves.model, words),
    }


def why_moved(moves: Moves, row: int, words: Words) -> list[Chip]:
    """What moved one lead, of at least half a point each, so that what is shown adds up to its change.

    First the topics with a feature whose value changed, as the model reads it and as it is shown, strongest first, at
    most three, each in the words of the changed feature that carries most of it; then the other data in one, then the
    new model, calibration and scale. A lead whose data stood still has none of the first two.

    Args:
        moves: of the whole list.
        row: the lead's place in ``moves.leads``.
        words: of the report's language.
    """
    points = moves.data.iloc[row].to_numpy(dtype=np.float64)
    chips: list[Chip] = []
    rest = float(moves.leads["data"].iloc[row])
    topics = group_topics(moves.features)
    sums = np.bincount(topics, points, minlength=1)
    for topic in np.argsort(-np.abs(sums), kind="stable").tolist():
        if abs(sums[topic]) < SMALLEST_REASON or len(chips) == MOST_WHY:
            break
        said = _changed_words(moves, row, np.flatnonzero(topics == topic), float(sums[topic]), words)
        if said:
            chips.append(_chip(said, float(sums[topic]), words))
            rest -= sums[topic]
    others = [(words.t("rest_of_data"), rest)]
    for part in PARTS[1:]:
        moved = float(moves.leads[part].iloc[row])
        said = words.t(f"part_{part}")
        if part == "model" and moves.model is not None:
            said = _model_words(moves.model, row, moved, words)
        others.append((said, moved))
    return chips + [_chip(sentence_case(said), p, words) for said, p in others if abs(p) >= SMALLEST_REASON]


def _changed_words(moves: Moves, row: int, members: np.ndarray, points: float, words: Words) -> str:
    """Then and now of the changed feature of a topic that carries most of its points; "" where none changed."""
    held = moves.data.iloc[row].to_numpy(dtype=np.float64)[members] * np.sign(points)
    for k in members[np.argsort(-held, kind="stable")].tolist():
        then, now = _value_words(moves, row, moves.features[k], words.language)
        if then != now and moves.changed.iat[row, k]:
            said = sentence_case(moves.features[k].words(words.language))
            return words.t("then_now", feature=said, then=then, now=now)
    return ""


def _model_words(model: ModelMoves, row: int, moved: float, words: Words) -> str:
    """The new model, and the feature for which it gives most of that otherwise, where there is one."""
    points = model.by_feature.iloc[row].to_numpy(dtype=np.float64) * np.sign(moved)
    most = int(points.argmax())
    if points[most] < SMALLEST_REASON:
        return words.t("part_model")
    return words.t("part_model_most", feature=model.features[most].words(words.language))


def _value_words(moves: Moves, row: int, feature: Feature, language: str) -> tuple[str, str]:
    """The lead's value on the earlier list and on the new one."""
    both = pd.concat([rows[feature.name].iloc[[at[row]]] for rows, at in zip(moves.rows, moves.places, strict=True)])
    codes, texts = feature_value_words(both, feature, language)
    return texts[codes[0]], texts[codes[1]]


def _chip(said: str, points: float, words: Words) -> Chip:
    return said, words.points(points), points < 0


def _view_facts(moves: Moves, words: Words) -> list[tuple[str, str, str]]:
    """Label, figure, remark."""
    counts = (("changes_both", len(moves.leads)), ("changes_came", len(moves.came)), ("changes_left", len(moves.left)))
    facts = [(words.t(key), words.number(n), "") for key, n in counts]
    if moves.leads.empty:
        return facts
    change, far = moves.leads["change"], words.number(FAR)
    facts.append((words.t("changes_mean"), _signed(float(change.mean()), words), words.t("changes_points")))
    facts.append((words.t("changes_rose", points=far), words.number(int((change >= FAR).sum())), ""))
    facts.append((words.t("changes_fell", points=far), words.number(int((change <= -FAR).sum())), ""))
    return facts


def _view_parts(moves: Moves, words: Words) -> list[dict[str, Any]]:
    """One row a part, the whole change last."""
    sums = sum_parts(moves)
    return [
        {
            "name": words.t(f"part_{part}"),
            "words": words.t(f"part_{part}_words"),
            "mean": _signed(float(sums["mean"][part]), words),
            "size": words.number(float(sums["mean_size"][part]), 1),
            "whole": part == "change",
        }
        for part in (*PARTS, "change")
    ]


def _view_moved(moves: Moves, words: Words) -> tuple[str, Markup] | None:
    """Caption and plot of the features that moved the list most, where their value changed; None where data did not.

    The last bar is what values that stood still did beside those that changed.
    """
    told, still = moves.split_still()
    sums = sum_by_feature(told).head(MOST_FEATURES)
    sums = sums[sums["leads"] > 0]
    if sums.empty:
        return None
    by_name = {f.name: f for f in moves.features}
    labels = [sentence_case(by_name[str(name)].words(words.language)) for name in sums.index]
    others = told.drop(columns=sums.index)
    for label, points in (("moved_others", others.sum(axis=1)), ("moved_still", still)):
        if (points.abs() >= SMALLEST_REASON).any():
            sums = pd.concat([sums, sum_by_feature(points.to_frame(label))])
            labels.append(words.t(label))
    caption = words.t("moved_caption", n=words.number(len(moves.leads)))
    return caption, Markup(plots.plot_moved(sums, labels, words))


def _view_movers(moves: Moves, words: Words) -> list[dict[str, Any]]:
    """The leads that rose most, and those that fell most; ties go by lead_id."""
    tables = []
    for key, sign in (("moved_up", -1.0), ("moved_down", 1.0)):
        order = pd.DataFrame({"by": sign * moves.leads["change"], "id": moves.leads["lead_id"].astype(str)})
        order = order[order["by"] <= -SMALLEST_REASON].sort_values(["by", "id"])
        leads = [_view_mover(moves, int(row), words) for row in order.index[:MOST_LEADS]]
        if leads:
            tables.append({"title": words.t(key), "leads": leads})
    return tables


def _view_mover(moves: Moves, row: int, words: Words) -> dict[str, Any]:
    lead = moves.leads.iloc[row]
    return {
        "lead_id": str(lead["lead_id"]),
        "then": words.number(float(np.clip(lead["earlier"], 0, 100)), 0),
        "now": words.number(float(np.clip(lead["now"], 0, 100)), 0),
        "change": words.points(float(lead["change"])),
        "why": why_moved(moves, row, words),
    }


def _view_weighs(model: ModelMoves, words: Words) -> list[dict[str, Any]]:
    """Families first, then the features that weigh most in either model."""
    features = {f.name: f for f in model.features}
    rows = [
        {
            "name": words.t(str(family)),
            "family": True,
            "before": (words.number(row["before"], 1), ""),
            "now": (words.number(row["now"], 1), ""),
            "moved": _signed(row["now"] - row["before"], words),
        }
        for family, row in model.families.iterrows()
    ]
    for _, row in model.importance.head(MOST_FEATURES).iterrows():
        cells = [_weight(row[side], row[f"rank_{side}"], words) for side in ("before", "now")]
        moved = float(np.nan_to_num(row["now"])) - float(np.nan_to_num(row["before"]))
        name = sentence_case(features[row["feature"]].words(words.language))
        rows.append(
            {"name": name, "family": False, "before": cells[0], "now": cells[1], "moved": _signed(moved, words)}
        )
    return rows


def _weight(mean: float, rank: float, words: Words) -> tuple[str, str]:
    """Mean points of a feature in one model, and its place there."""
    if np.isnan(mean):
        return "–", words.t("weighs_absent")
    if np.isnan(rank):
        return words.number(mean, 1), words.t("weighs_no_place")
    return words.number(mean, 1), words.t("weighs_place", rank=words.number(int(rank)))


def _signed(points: float, words: Words) -> str:
    """Points with one decimal and their sign."""
    text = words.number(points, 1)
    return f"+{text}" if points > 0 and text.strip("0.,") else text
