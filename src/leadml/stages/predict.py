"""predict: every open lead to data/scores (Parquet) and a CRM-ready CSV, atomically."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadml.config import Only
from leadml.errors import ConfigurationError
from leadml.reasons import reasons_text
from leadml.stages.archive import CUTOFF, keep_scorer, write_archive
from leadml.stages.context import Context
from leadml.stages.doubts import doubt_stamp
from leadml.stages.scoring import LAST, Scored, score_population
from leadml.stages.worth import score_worth
from leadml.workspace import Workspace, replace_outside

STAGE = "predict"
CRM_REASONS = 5
UNDATED = "undated"
PART = "part="
WORTH = ("expected_value", "expected_value_low", "expected_value_high")


def run(context: Context) -> None:
    """Publishes data/scores/cutoff=.../{scores,features}.parquet and crm.csv; predict.out as well where given.

    data/archive/cutoff=... keeps the feature rows with their leads: what the model was told at the time; the model
    itself is kept in data/archive/models, once a version. With predict.only=changed the list has only leads of which
    something became known since predict last ran, and goes to data/changed/cutoff=.../part=0001, the next one to
    part=0002; where there is none, nothing is written.
    """
    out_path = check_out(context.config.predict.out)
    with context.manifest.stage(STAGE) as entry:
        with context.progress.phase(STAGE, "scoring the open leads"):
            scored = score_population(context, context.config.predict.only)
            stamps = (scored.forced, doubt_stamp(context, scored.scorer))
            scored = replace(scored, forced="; ".join(s for s in stamps if s))
            part = context.config.predict.only is Only.changed
            if part and scored.keys.empty:
                entry["rows"] = {"scored": 0, "work": 0}
                return context.progress.say(
                    STAGE, "no open lead is new or changed since predict last ran: nothing written"
                )
            scores = build_scores(scored, earlier_scores(context.workspace, scored.cutoff, part), part)
        target, archive = choose_folders(context.workspace, scored.cutoff, part)
        if out_path is not None:
            write_out(scores, replace_outside(out_path), out_path.suffix)
        with context.workspace.publish() as out:
            folder = out.folder(target)
            scores.to_parquet(folder / "scores.parquet", index=False)
            scored.X.to_parquet(folder / "features.parquet", index=False)
            build_crm(scored, scores).to_csv(folder / "crm.csv", index=False, lineterminator="\n")
            write_archive(out.folder(archive), scored)
            keep_scorer(out, context.workspace, scored.scorer)
            if scored.fingerprints is not None:
                scored.fingerprints.to_parquet(out.path(context.workspace.data / LAST), index=False)
        if out_path is not None:
            replace_outside(out_path).replace(out_path)
        entry |= scored.reading
        entry["rows"] = {"scored": len(scores), "work": int((scores["queue"] == "work").sum())}
        entry["model_version"] = scored.scorer.version
        entry["cutoff"] = cutoff_name(scored.cutoff)
        entry["outputs"] = [str(target)] + ([str(out_path)] if out_path else [])
        if scored.forced:
            entry["forced"] = scored.forced
    stamp = f" ({scored.forced})" if scored.forced else ""
    context.progress.say(STAGE, f"{len(scores):,} leads scored at {cutoff_name(scored.cutoff)}{stamp}: {target}")


def choose_folders(workspace: Workspace, cutoff: datetime | None, part: bool) -> tuple[Path, Path]:
    """Where the list and its archive go: a whole list in place of the last one, a part beside the earlier parts."""
    name, archive = f"cutoff={cutoff_name(cutoff)}", workspace.data / "archive"
    if not part:
        return workspace.scores / name, archive / name
    parts = workspace.data / "changed" / name
    number = 1 + max((int(p.name.removeprefix(PART)) for p in parts.glob(f"{PART}*")), default=0)
    return parts / f"{PART}{number:04d}", archive / f"changed-{name}" / f"{PART}{number:04d}"


def check_out(out: str | None) -> Path | None:
    """predict.out as a path; `ConfigurationError` for an ending that is neither .csv nor .parquet."""
    if out is None:
        return None
    path = Path(out).expanduser().resolve()
    if path.suffix.lower() not in (".csv", ".parquet") or path.is_dir():
        raise ConfigurationError(f"predict.out={out}: name a file that ends in .csv or .parquet")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_outside(path).touch()
    except OSError as error:
        raise ConfigurationError(f"predict.out={out} cannot be written ({error.strerror})") from error
    return path


def cutoff_name(cutoff: datetime | None) -> str:
    """The cutoff as it names a partition; "undated" for tables without times."""
    return UNDATED if cutoff is None else cutoff.strftime(CUTOFF)


def build_scores(scored: Scored, earlier: pd.DataFrame | None, part: bool = False) -> pd.DataFrame:
    """The scores table of design section 3, in the order of the population; nothing in it depends on the clock.

    The percentile is the share of the list with no higher probability: of this list, or of ``earlier``, the latest
    whole list, where this one is only a part. The trend is against ``earlier``.
    """
    frame, decision = scored.frame, scored.scorer.decision or {}
    work = frame["probability"] >= decision["threshold"]
    worth = score_worth(scored.scorer, frame["probability"].to_numpy(), scored.X)
    before = scored.keys["lead_id"].map(earlier.set_index("lead_id")["score"]) if earlier is not None else np.nan
    return pd.DataFrame(
        {
            "lead_id": scored.keys["lead_id"],
            "cutoff": scored.keys["cutoff"],
            "probability": frame["probability"],
            **{name: worth[name] for name in sooner_columns(worth)},
            "score": frame["score"],
            "grade": frame["grade"],
            "percentile": percentiles(frame["probability"], earlier if part else None),
            "fit": frame["fit"],
            "intent": frame["intent"],
            **{name: worth[name] for name in WORTH},
            "trend": frame["score"] - before,
            "reasons": frame["reasons"],
            "queue": np.where(work, "work", "nurture"),
            "model_version": scored.scorer.version,
            "forced": scored.forced,
        }
    )


def percentiles(probability: pd.Series, whole: pd.DataFrame | None) -> pd.Series:
    """Share in percent of the whole list (None: these themselves) whose probability is not higher."""
    if whole is None:
        return probability.rank(method="max", pct=True) * 100
    ordered = np.sort(whole["probability"].to_numpy())
    places = np.searchsorted(ordered, probability.to_numpy(), side="right")
    return pd.Series(places / len(ordered) * 100, index=probability.index)


def earlier_scores(workspace: Workspace, cutoff: datetime | None, part: bool) -> pd.DataFrame | None:
    """The whole list of the latest earlier cutoff, of a part's own cutoff too; None where there is none."""
    if cutoff is None or not workspace.scores.is_dir():
        return None
    now = f"cutoff={cutoff_name(cutoff)}"
    names = sorted(p.name for p in workspace.scores.iterdir() if UNDATED not in p.name)
    names = [n for n in names if n < now or (part and n == now)]
    if not names:
        return None
    return pd.read_parquet(workspace.scores / names[-1] / "scores.parquet", columns=["lead_id", "score", "probability"])


def build_crm(scored: Scored, scores: pd.DataFrame) -> pd.DataFrame:
    """The CRM's file: record id, score, grade, probabilities, expected value, up to five reasons, model, cutoff.

    Sorted by probability, highest first, ties by id (a flat table keeps its own order). ``scored_at`` is the cutoff.
    """
    separator = "\x1f"
    listed = [t.split(separator) if t else [] for t in reasons_text(scored.reasons, separator, most=CRM_REASONS)]
    columns: dict[str, Any] = {
        "record_id": scores["lead_id"].map(safe_cell),
        "score": scores["score"].round(1),
        "grade": scores["grade"],
        "probability": scores["probability"].round(6),
    }
    columns |= {name: scores[name].round(6) for name in sooner_columns(scores)}
    columns |= {name: scores[name].round(2) for name in WORTH}
    for i in range(CRM_REASONS):
        columns[f"reason_{i + 1}"] = [safe_cell(r[i]) if i < len(r) else "" for r in listed]
    columns |= {"queue": scores["queue"], "model_version": scores["model_version"]}
    columns["scored_at"] = "" if scored.cutoff is None else f"{scored.cutoff:%Y-%m-%dT%H:%M:%SZ}"
    if scored.forced:
        columns["forced"] = scored.forced
    crm = pd.DataFrame(columns)
    if scored.cutoff is None:
        return crm
    order = scores.sort_values(["probability", "lead_id"], ascending=[False, True], kind="stable").index
    return crm.loc[order]


def sooner_columns(frame: pd.DataFrame) -> list[str]:
    """The columns of the shorter horizons' probabilities, the shortest first."""
    return [str(name) for name in frame if str(name).startswith("probability_")]


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet reads as a formula (OWASP, CSV injection): a quote before = + - @ tab and return."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_out(scores: pd.DataFrame, path: Path, ending: str) -> None:
    """lead_id, probability, score, grade, reasons, in the population's order, as the ending says (.csv or .parquet)."""
    columns = ["lead_id", "probability", "score", "grade", "reasons"]
    stamped = scores["forced"].ne("").any()
    table = scores[columns + (["forced"] if stamped else [])]
    if ending.lower() == ".parquet":
        table.to_parquet(path, index=False)
    else:
        texts = {c: table[c].map(safe_cell) for c in ("lead_id", "reasons")}
        table.assign(**texts).to_csv(path, index=False, lineterminator="\n")
