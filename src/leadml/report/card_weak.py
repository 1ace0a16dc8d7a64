"""Where the model is weak: bands and segments whose figures do not show that it is good, or show that it is off."""

from collections.abc import Mapping
from typing import Any

from leadml.report.calibrated import group_name, rate_side, rate_words
from leadml.report.words import Words

CHANCE_AUC = 0.5


def weak_spots(metrics: Mapping[str, Any], names: Mapping[str, str], words: Words) -> list[str]:
    """One sentence a weakness, with its figures.

    Of a band of `judge_test` (ages, untouched, new accounts) and of a level of a named segment: the interval of the AUC
    reaches down to chance, or that of the log loss' difference to the constant rate up to 0. Of a group of
    `judge_reliability`: its rate lies outside what a perfect model would show, or else its calibration error is beyond
    chance. ``names`` are features in words.
    """
    found = []
    spots = [(words.known(f"segment_{name}", name), band) for name, band in metrics.get("bands", {}).items()]
    segments = (metrics.get("segments") or {}).get("groups", [])
    spots += [(group_name(g | {"kind": "segment"}, names, words), g) for g in segments if g["told"]]
    for told, band in spots:
        conversions = words.number(band["converting_leads"])
        auc, loss = band["figures"]["auc"], (band.get("difference_to_constant") or {}).get("log_loss")
        if auc["low"] is None or auc["low"] <= CHANCE_AUC:
            found.append(words.t("card_weak_order", name=told, auc=_told(auc, 3, words), conversions=conversions))
        elif loss and (loss["high"] is None or loss["high"] >= 0):
            found.append(words.t("card_weak_constant", name=told, loss=_told(loss, 4, words), conversions=conversions))
    for group in (metrics.get("reliability") or {}).get("groups", []):
        told = group_name(group, names, words)
        conversions = words.number(group["converting_leads"])
        if rate_side(group):
            found.append(words.t("card_weak_rate", name=told, conversions=conversions, **rate_words(group, words)))
        elif group["beyond"]:
            error, chance = (words.number(100 * e, 2) for e in (group["error"], group["chance"]["high"]))
            found.append(words.t("card_weak_error", name=told, error=error, chance=chance, conversions=conversions))
    return found


def looked_at(metrics: Mapping[str, Any], words: Words) -> str:
    """Among how many the weak ones were found, and how many of them chance alone would tell."""
    segments = (metrics.get("segments") or {}).get("groups", [])
    told = words.t("card_weak_note", n=words.number(len(metrics["bands"]) + sum(g["told"] for g in segments)))
    groups = (metrics.get("reliability") or {}).get("groups")
    return f"{told} {words.t('card_weak_groups', n=words.number(len(groups)))}" if groups else told


def whole_test(metrics: Mapping[str, Any], words: Words) -> str:
    """What was said and happened in the whole test; where that is off, how many groups are so on the same side.

    Empty for a model that was judged before this was measured.
    """
    found = metrics.get("reliability") or {}
    if not (whole := found.get("whole")):
        return ""
    told = [words.t("card_weak_whole", conversions=words.number(whole["converting_leads"]), **rate_words(whole, words))]
    if side := rate_side(whole):
        same = sum(rate_side(group) == side for group in found["groups"])
        told += [words.t("card_weak_same", n=words.number(same))] if same else []
    return " ".join(told)


def _told(figure: Mapping[str, Any], decimals: int, words: Words) -> str:
    if figure["value"] is None:
        return "–"
    value = words.number(figure["value"], decimals)
    if figure["low"] is None:
        return value
    ends = words.t("interval", low=words.number(figure["low"], decimals), high=words.number(figure["high"], decimals))
    return f"{value}: {ends}"
