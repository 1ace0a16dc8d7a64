"""What a lead is worth, how soon it converts, and what the data lack, as the report shows them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from leadml.numbers import format_money
from leadml.reasons import sentence_case
from leadml.report.figures import interval_words
from leadml.report.inputs import ReportInput
from leadml.report.words import Words
from leadml.sufficiency import Shortfall

_MINUS = "\u2212"


def view_worth(data: ReportInput, words: Words) -> dict[str, Any] | None:
    """Sentences, the test's figures and the money of each share worked; None where nothing was fitted."""
    value = data.metrics.get("value")
    if not value:
        return None
    test, money, currency = value.get("test", {}), value.get("money", []), value.get("currency")
    shown: dict[str, Any] = {
        "sentences": _sentences(data, value, words),
        "facts": [],
        "note": "",
        "money": [],
        "remarks": [],
    }
    if not test.get("leads"):
        return shown
    told = {"leads": words.number(test["leads"]), "confidence": words.percent(data.context.confidence)}
    shown["note"] = words.t("worth_test_note", **told)
    shown["facts"] = [
        _fact("worth_said", test["predicted"], currency, words),
        _fact("worth_seen", test["amount"], currency, words),
        (words.t("worth_covered"), *_cell(test["covered"], words)),
    ]
    if gain := _gain(value):
        label = f"{words.t('worth_gain')}; {words.t('worth_gain_note')}"
        shown["facts"].append((label, *_number_cell(gain, 2, words)))
    if value["form"] != "mean":
        shown["money"] = [_money_row(entry, currency, words) for entry in money]
        shown["remarks"] = _money_remarks(money, words)
    return shown


def view_sooner(data: ReportInput, words: Words) -> list[list[tuple[str, str]]]:
    """One row a shorter horizon: days, converting leads, rate, mean probability, difference, log loss."""
    return [
        [
            (words.t("sooner_days_value", days=words.number(entry["days"])), ""),
            (words.number(entry["conversions"]), ""),
            _cell(entry["rate"], words, 2),
            _cell(entry["mean_probability"], words, 2),
            _number_cell(entry["to_constant"], 4, words),
        ]
        for entry in data.metrics.get("sooner", [])
    ]


def view_lacking(data: ReportInput, words: Words) -> list[tuple[str, str, str]] | None:
    """Severity, what was found, the way out; None where nothing was looked at."""
    found = data.metrics.get("lacking")
    if found is None:
        return None
    return [
        (
            words.t(f"lacking_{s.severity}"),
            sentence_case(s.words(words.language)),
            sentence_case(s.way_out(words.language)),
        )
        for s in map(Shortfall.from_dict, found)
    ]


def _sentences(data: ReportInput, value: Mapping[str, Any], words: Words) -> list[str]:
    fitted = value["fitted"]
    if value["form"] == "none":
        return [words.t("worth_none")]
    names = {f.name: f.words(words.language) for f in data.features}
    leads = words.number(fitted["leads"])
    if value["form"] == "mean":
        told = [words.t("worth_mean", leads=leads)]
    else:
        used = ", ".join(names.get(name, name) for name in fitted["features"])
        told = [words.t("worth_learnt", leads=leads, features=used, form=words.t(f"form_{value['form']}"))]
    told.append(words.t("worth_range", confidence=words.percent(fitted["confidence"])))
    if fitted["capped"]:
        cap = _money(fitted["cap"], value.get("currency"), words)
        told.append(words.t("worth_capped", capped=words.number(fitted["capped"]), cap=cap))
    if fitted["missing"] or fitted["not_positive"]:
        counts = {"missing": words.number(fitted["missing"]), "zero": words.number(fitted["not_positive"])}
        told.append(words.t("worth_missing", **counts))
    return told


def _gain(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What learning the amounts gains on their mean: on the test, or on the folds by which the mean was chosen."""
    if value["form"] != "mean":
        gain: Mapping[str, Any] = value["test"]["gain"]
        return gain
    tried = [g for g in value.get("choice", {}).get("gain", {}).values() if g["value"] is not None]
    return max(tried, key=lambda g: float(g["value"]), default=None)


def _money_remarks(money: Sequence[Mapping[str, Any]], words: Words) -> list[str]:
    """Where an order clearly finds more money than the other; that none does, where that is so."""
    gains = [(words.percent(e["share"]), e["per_lead_gain"]) for e in money if e["per_lead_gain"]["low"] is not None]
    more = ", ".join(share for share, gain in gains if gain["low"] > 0)
    less = ", ".join(share for share, gain in gains if gain["high"] < 0)
    told = [words.t("money_more", shares=more)] if more else []
    told += [words.t("money_less", shares=less)] if less else []
    return told or ([words.t("money_no_gain")] if gains else [])


def _money_row(entry: Mapping[str, Any], currency: str | None, words: Words) -> list[tuple[str, str]]:
    per_lead = [entry[name] for name in ("per_lead_value", "per_lead_probability", "per_lead_gain")]
    found = [entry[name] for name in ("captured_value", "captured_probability")]
    return [
        (words.percent(entry["share"]), ""),
        *[_money_cell(figure, currency, words) for figure in per_lead],
        *[_cell(figure, words) for figure in found],
    ]


def _fact(key: str, figure: Mapping[str, Any], currency: str | None, words: Words) -> tuple[str, str, str]:
    return (words.t(key), *_money_cell(figure, currency, words))


def _money_cell(figure: Mapping[str, Any], currency: str | None, words: Words) -> tuple[str, str]:
    if figure["value"] is None:
        return "–", ""
    return _money(figure["value"], currency, words), _ends(figure, lambda v: _money(v, currency, words), words)


def _number_cell(figure: Mapping[str, Any], decimals: int, words: Words) -> tuple[str, str]:
    if figure["value"] is None:
        return "–", ""
    return words.number(figure["value"], decimals), _ends(figure, lambda v: words.number(v, decimals), words)


def _cell(figure: Mapping[str, Any], words: Words, decimals: int = 0) -> tuple[str, str]:
    """A share as a percentage, with its interval."""
    if figure["value"] is None:
        return "–", ""
    return words.percent(figure["value"], decimals), _ends(figure, lambda v: words.percent(v, decimals), words)


def _ends(figure: Mapping[str, Any], told: Callable[[float], str], words: Words) -> str:
    """The interval's ends; in words where one is below 0, as a dash beside a minus cannot be read; "" where equal."""
    if figure["low"] == figure["high"]:
        return ""
    if figure["low"] >= 0:
        return interval_words(figure, told)
    return words.t("interval", low=told(figure["low"]), high=told(figure["high"]))


def _money(amount: float, currency: str | None, words: Words) -> str:
    return format_money(round(amount), words.language, currency).replace("-", _MINUS)
