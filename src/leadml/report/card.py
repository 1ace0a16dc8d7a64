"""The model card: what was measured, fact by fact, as Markdown in either language."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadml.features.dictionary import Feature
from leadml.reasons import sentence_case
from leadml.report.calibrated import PARTS, band_words, error_words, form_words
from leadml.report.card_learnt import learnt, segments
from leadml.report.card_recipe import note_words, setting_row
from leadml.report.card_weak import looked_at, weak_spots, whole_test
from leadml.report.data_words import why_words
from leadml.report.fair import fair_words
from leadml.report.figures import RECIPES, scorecard_words
from leadml.report.markdown import cell_text, code, figure_words, listed, plain, table
from leadml.report.verdict import view_verdict
from leadml.report.words import Words
from leadml.schema import FAMILIES

FIGURES = (("auc", 3), ("average_precision", 3), ("log_loss", 4), ("brier", 4), ("lift_10", 2), ("capture_10", 3))
DIFFERENCES = (("log_loss", 4), ("auc", 3))


@dataclass(frozen=True)
class CardFacts:
    """What a card is made of, all plain values as JSON gives them back.

    ``metrics`` is metrics.json, ``facts`` is card.json (`stages.carding.card_facts`), ``confidence`` that of the
    intervals.
    """

    metrics: Mapping[str, Any]
    facts: Mapping[str, Any]
    confidence: float

    @property
    def features(self) -> list[Feature]:
        """The model's features."""
        return [Feature.from_dict(f) for f in self.facts["features"]]


def build_card(card: CardFacts, words: Words) -> str:
    """The card: Markdown that ends with a line feed; the same facts give the same bytes."""
    verdict = view_verdict(card.metrics["verdict"], card.metrics, words)
    head = [
        f"# {words.t('card_title', version=card.facts['model_version'])}",
        f"**{words.t('card_verdict', title=verdict['title'])}.** {plain(verdict['why'])}",
    ]
    sections = (
        purpose,
        data,
        learnt,
        recipe,
        figures,
        calibration,
        segments,
        weak,
        fairness,
        features,
        left_out,
        versions,
        way_back,
    )
    blocks = [*head, *(block for section in sections for block in section(card, words))]
    return "\n\n".join(b for b in blocks if b) + "\n"


def purpose(card: CardFacts, words: Words) -> list[str]:
    """What the model is for, what it is not, and the problem's definition."""
    problem, flat = card.facts["problem"], card.facts["flat"]
    event = "conversion" if flat else problem["conversion"]
    within = "" if flat else words.t("within", days=words.number(problem["horizon_days"]))
    rows = [] if flat else [(f"`problem.{k}`", code(v)) for k, v in problem.items() if k != "source"]
    head = (words.t("card_setting"), words.t("card_value"))
    return [
        f"## {words.t('card_purpose')}",
        words.t("card_purpose_words", event=words.t(f"event_{event}"), within=within),
        words.t("card_effect"),
        f"### {words.t('card_problem')}" if rows else "",
        table(head, rows) if rows else "",
    ]


def data(card: CardFacts, words: Words) -> list[str]:
    """Sources, dates, counts, maturity, and the parts that trained and tested."""
    facts, test = card.facts, card.metrics["test"]
    found, parts = facts["snapshots"], facts["rows"]
    end = words.t("card_no_end") if facts["data_end"] is None else day(facts["data_end"], words)
    lines = [
        words.t("card_source", source=plain(facts["source"]), end=end),
        words.t(
            "card_snapshots",
            **{k: words.number(found[k]) for k in ("rows", "leads", "accounts", "converting")},
            rate=words.percent(found["rate"], 2),
        ),
    ]
    if found["first"] is not None:
        lines.append(words.t("card_cutoffs", first=day(found["first"], words), last=day(found["last"], words)))
    if facts["immature_share"] is not None:
        lines.append(words.t("card_immature", share=words.percent(facts["immature_share"], 1)))
    lines.append(words.t("card_parts", **{k: words.number(v) for k, v in parts.items()}))
    counted = {"leads": test["leads"], "lists": test["lists"], "converting": test["converting_leads"]}
    lines.append(words.t("card_test", **{k: words.number(v) for k, v in counted.items()}))
    if test["first"] is not None:
        lines.append(words.t("card_test_dates", first=day(test["first"], words), last=day(test["last"], words)))
    files = [(plain(f["path"]), words.number(f["rows"]), f"`{f['sha256'][:12]}`") for f in facts["files"]]
    head = (words.t("card_file"), words.t("card_rows"), "sha256")
    return [f"## {words.t('card_data')}", listed(lines), table(head, files)]


def day(text: str, words: Words) -> str:
    """An ISO date or instant in the language."""
    return words.date(datetime.fromisoformat(text))


def recipe(card: CardFacts, words: Words) -> list[str]:
    """How the model was made, and what the training remarked."""
    facts = card.facts
    intercept = facts["calibrator"]["intercept"]
    calibrated = words.t(
        "card_calibrator",
        slope=words.number(facts["calibrator"]["slope"], 4),
        intercept=f"{'−' if intercept < 0 else '+'} {words.number(abs(intercept), 4)}",
        rate=words.percent(facts["base_rate"], 2),
        p50=words.percent(facts["p50"]),
    )
    settings = [setting_row(k, v, words) for k, v in facts["settings"].items()]
    notes = [plain(note_words(note, words)) for note in card.metrics["notes"]]
    return [
        f"## {words.t('card_recipe')}",
        calibrated,
        table((words.t("card_setting"), words.t("card_value")), settings),
        words.t("card_notes") if notes else "",
        listed(notes) if notes else "",
    ]


def figures(card: CardFacts, words: Words) -> list[str]:
    """Every figure of every method with its interval, and the paired differences."""
    scorers, differences = card.metrics["scorers"], card.metrics["differences"]
    names = [n for n in RECIPES if n in scorers] + sorted(set(scorers) - set(RECIPES))
    told = {n: plain(words.known(f"recipe_{n}", n)) for n in names}
    head = [words.t("recipe"), *(metric_name(f, words) for f, _ in FIGURES)]
    rows = [[told[n], *(figure_words(scorers[n].get(f), d, words) for f, d in FIGURES)] for n in names]
    paired = []
    for name in (n for n in names if n in differences):
        told_figures = [figure_words(differences[name].get(f), d, words) for f, d in DIFFERENCES]
        paired.append([f"{words.t('card_difference')} {told[name]}", *told_figures])
    converting = words.number(card.metrics["test"]["converting_leads"])
    return [
        f"## {words.t('card_figures')}",
        words.t("card_figures_note", confidence=words.percent(card.confidence, 0), converting=converting),
        table(head, rows),
        scorecard_words(card.metrics, words),
        words.t("card_differences"),
        table(["", *(metric_name(f, words) for f, _ in DIFFERENCES)], paired),
    ]


def metric_name(name: str, words: Words) -> str:
    """A figure's name, with its share of the list."""
    kind, _, share = name.rpartition("_")
    if kind in ("lift", "capture"):
        return words.t(f"metric_{kind}", share=words.percent(int(share) / 100))
    return words.t(f"metric_{name}")


def calibration(card: CardFacts, words: Words) -> list[str]:
    """The calibration error beside chance, other forms, and the Brier score in parts."""
    found = card.metrics.get("reliability")
    if not found:
        return []
    rows = [(words.t(f"brier_{p}"), words.number(found["brier"][p], 5)) for p in PARTS]
    return [
        f"## {words.t('calibrated')}",
        listed([error_words(found, words), band_words(found, words), *form_words(found, words)]),
        table((words.t("brier_caption"), ""), rows),
    ]


def weak(card: CardFacts, words: Words) -> list[str]:
    """Bands and segments in which the model is not shown to be good, or is shown to be off."""
    names = {f.name: sentence_case(f.words(words.language)) for f in card.features}
    spots = [plain(s) for s in weak_spots(card.metrics, names, words)]
    told = listed(spots) if spots else words.t("card_weak_none")
    return [f"## {words.t('card_weak')}", whole_test(card.metrics, words), looked_at(card.metrics, words), told]


def fairness(card: CardFacts, words: Words) -> list[str]:
    """Groups of people, where a fairness audit was asked for."""
    found = card.metrics.get("fairness")
    if not found:
        return [f"## {words.t('fair')}", words.t("card_no_fairness")]
    names = {f.name: sentence_case(f.words(words.language)) for f in card.features}
    told = fair_words(found, names, card.confidence, words)
    blocks = [f"## {words.t('fair')}", told["note"]]
    for column in told["columns"]:
        rows = [
            (plain(name.replace("\u00a0", " ")), *(cell_text(cell, words) for cell in cells))
            for name, cells in column["groups"]
        ]
        between = [
            (name, cell_text((value, ends), words), chance) for name, value, ends, chance in column["differences"]
        ]
        blocks += [
            f"### {plain(column['title'])}",
            table((words.t("fair_group"), *told["head"]), rows) if rows else "",
            table((words.t("fair_difference"), words.t("fair_value"), words.t("fair_chance")), between)
            if between
            else "",
            listed(plain(note) for note in column["notes"]),
        ]
    return blocks


def features(card: CardFacts, words: Words) -> list[str]:
    """The features by family, and sales effort among them."""
    used = card.features
    effort = [f for f in used if f.effort]
    lines = [
        f"**{words.t(family)}** ({words.number(len(mine))}): {', '.join(f'`{plain(f.name)}`' for f in mine)}"
        for family in FAMILIES
        if (mine := [f for f in used if f.family == family])
    ]
    scorers = card.metrics["scorers"]
    told = words.t("card_effort_out")
    if effort:
        aucs = {"auc": scorers["model"]["auc"], "without": (scorers.get("without_effort") or {}).get("auc")}
        shown = {k: figure_words(v, 3, words) for k, v in aucs.items()}
        told = words.t("card_effort_in", n=words.number(len(effort)), **shown)
    return [
        f"## {words.t('card_features')}",
        words.t("card_features_count", n=words.number(len(used))),
        listed(lines),
        told,
    ]


def left_out(card: CardFacts, words: Words) -> list[str]:
    """Sensitive columns, what the audit took out, and the exports' fields by why."""
    facts, audit = card.facts, card.metrics.get("audit") or {}
    lines = []
    for key in ("sensitive", "sensitive_used"):
        if facts[key]:
            lines.append(words.t(f"card_{key}", names=plain(", ".join(facts[key]))))
    if not lines:
        lines.append(words.t("card_sensitive_none"))
    gone = [*audit.get("excluded", []), *audit.get("without", [])]
    lines.append(words.t("card_audit", names=plain(", ".join(gone))) if gone else words.t("card_audit_none"))
    if audit.get("kept"):
        lines.append(words.t("card_kept", names=plain(", ".join(audit["kept"]))))
    why = Counter(entry["why"] for entry in facts["denied"])
    order = sorted(why, key=lambda w: (-why[w], w))
    denied = [f"{plain(sentence_case(why_words(w, words.language)))}: {words.number(why[w])}" for w in order]
    return [
        f"### {words.t('card_left_out')}",
        listed(lines),
        words.t("card_denied") if denied else "",
        listed(denied) if denied else "",
    ]


def versions(card: CardFacts, words: Words) -> list[str]:
    """Model, seed and libraries."""
    facts = card.facts
    told = words.t("card_versions_words", version=f"`{facts['model_version']}`", seed=str(facts["seed"]))
    return [f"## {words.t('card_versions')}", told, listed(f"{n} {v}" for n, v in facts["versions"].items())]


def way_back(card: CardFacts, words: Words) -> list[str]:
    """How the previous champion comes back."""
    told = ["card_back_words" if card.facts.get("replaceable", True) else "card_back_first"]
    told += ["card_back_tracked"] if card.facts.get("tracked", True) else []
    return [f"## {words.t('card_back')}", " ".join(words.t(key) for key in [*told, "card_back_archive"])]
