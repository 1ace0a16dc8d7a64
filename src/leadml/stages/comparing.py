"""The list of now against an archived one: which one, its scorer, and the new rows by that scorer's features."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from leadml.config import AGAINST_LATEST, AGAINST_NONE
from leadml.engine import connect
from leadml.errors import ArtifactError, ConfigurationError, LeadmlError
from leadml.features.build import feature_frame
from leadml.features.dictionary import Feature
from leadml.features.own import with_own_files
from leadml.features.spec import FeatureSpec
from leadml.moves import Moves, explain_moves
from leadml.problem import parse_instant
from leadml.reweighing import ScoredList
from leadml.scorer import LeadScorer
from leadml.stages import extract
from leadml.stages.archive import ARCHIVED, Archived, archived_cutoffs, kept_scorer, read_archived
from leadml.stages.context import Context
from leadml.stages.scoring import Scored, open_tables
from leadml.stages.settings import SCALE_KEYS, model_problem
from leadml.stages.units import use_unit

STAGE = "explain"
NAMED = 5  # archived cutoffs that a refusal names, and that are tried where the latest cannot be compared


@dataclass(frozen=True)
class Compared:
    """How the list moved since an archived one: that one's cutoff, model version and stamp ("" where it has none)."""

    moves: Moves
    cutoff: datetime
    model_version: str
    forced: str

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        moves = self.moves
        counts = {"both": len(moves.leads), "came": len(moves.came), "left": len(moves.left)}
        stamp = {"forced": self.forced} if self.forced else {}
        return {"cutoff": self.cutoff.isoformat(), "model_version": self.model_version, **counts, **stamp}


def compare_with_earlier(context: Context, scored: Scored) -> tuple[Compared | None, str]:
    """The comparison that ``explain.against`` asks for; None and why where there is none ("" where none is wanted).

    What is archived but cannot be compared any more is left out with its reason: it never fails the report.

    Raises:
        ConfigurationError: a cutoff is asked for that is after the list's own, or of a source without times.
        ArtifactError: a cutoff is asked for that is not archived.
    """
    why_not: list[str] = []
    for cutoff in list_earlier(context, scored):
        try:
            return compare_with(context, scored, cutoff), "; ".join(why_not)
        except LeadmlError as error:
            why_not.append(f"not compared with the list of {cutoff}: {error}")
    return None, "; ".join(why_not)


def compare_with(context: Context, scored: Scored, cutoff: datetime) -> Compared:
    """The comparison with the archived list of one cutoff.

    Raises:
        LeadmlError: it cannot be compared any more.
    """
    archived = read_archived(context.workspace, cutoff)
    earlier = earlier_scorer(context, scored, archived)
    rows = rows_by(context, scored, earlier)
    ids = archived.rows[f"{ARCHIVED}lead_id"]
    before, now = ScoredList(earlier, ids, archived.rows), now_list(scored)
    forced = str(archived.facts.get("forced") or "")
    return Compared(explain_moves(before, now, rows), cutoff, earlier.version, forced)


def list_earlier(context: Context, scored: Scored) -> list[datetime]:
    """The cutoffs of the archived lists to compare with: the first that can be; none where none is wanted."""
    asked = context.config.explain.against
    if asked == AGAINST_NONE or (scored.cutoff is None and asked == AGAINST_LATEST):
        return []
    if scored.cutoff is None:
        raise ConfigurationError(
            f"explain.against={asked}: a table without times has no earlier list; leave it at {AGAINST_LATEST}"
        )
    now, there = scored.cutoff.replace(microsecond=0), archived_cutoffs(context.workspace)
    if asked == AGAINST_LATEST:
        return [c for c in reversed(there) if c < now][:NAMED]
    cutoff = parse_instant("explain.against", asked).replace(microsecond=0)
    if cutoff > now:
        raise ConfigurationError(
            f"explain.against={asked} is after the cutoff of this list ({now}); name one before it"
        )
    if cutoff not in there:
        newest = [c.isoformat() for c in reversed(there) if c <= now]
        named = ", ".join(newest[:NAMED]) + (f" and {len(newest) - NAMED} earlier" if len(newest) > NAMED else "")
        raise ArtifactError(
            f"explain.against={asked}: no list of that cutoff is archived in {context.workspace.data / 'archive'}; "
            + (f"there is {named}" if newest else f"none is, up to {now}: leadml predict archives each list it scores")
        )
    return [cutoff]


def earlier_scorer(context: Context, scored: Scored, archived: Archived) -> LeadScorer:
    """The scorer that made the archived list.

    Raises:
        ArtifactError: it cannot be had any more, or its list is of another source or of other units.
    """
    version, now = archived.facts["model_version"], scored.scorer
    earlier = now if version == now.version else kept_scorer(context.workspace, version)
    if earlier.about["source"] != now.about["source"]:
        raise ArtifactError(f"it is of source={earlier.about['source']}, and this one of {now.about['source']}")
    then, today = earlier.about["problem"], now.about["problem"]
    units = then["unit"], today["unit"]
    if units[0] != units[1]:
        raise ArtifactError(f"it is of {units[0]}s, and this one of {units[1]}s (problem.unit)")
    others = [key for key in SCALE_KEYS if then.get(key) != today.get(key)]
    if others:
        raise ArtifactError(f"its scores tell of another problem ({', '.join(others)}), so they mean something else")
    return earlier


def now_list(scored: Scored) -> ScoredList:
    """The scored population as the new list."""
    return ScoredList(scored.scorer, scored.keys["lead_id"], scored.X, scored.points)


def rows_by(context: Context, scored: Scored, earlier: LeadScorer) -> pd.DataFrame | None:
    """The list's rows by the earlier scorer's features; None where those that it was scored on have them.

    They are built again only where the models differ in what they read.

    Raises:
        ArtifactError, ConfigurationError: a feature of the user's own is gone or is another one, or the source lost
            what the earlier model reads.
    """
    now = scored.scorer
    same = (earlier.about["spec"], earlier.missing) == (now.about["spec"], now.missing)
    if same and set(earlier.encoder.names) <= set(now.encoder.names):
        return None
    return build_rows(context, earlier, scored.keys)[0]


def build_rows(context: Context, scorer: LeadScorer, keys: pd.DataFrame) -> tuple[pd.DataFrame, list[Feature]]:
    """Feature rows of the keys (lead_id, account_id, cutoff) by the scorer's specification, and their dictionary.

    Raises:
        ArtifactError, ConfigurationError, DataError: a feature of the user's own is gone or is another one, the source
            lost what the model reads, or the tables are gone.
    """
    spec = with_own_files(FeatureSpec.from_dict(scorer.about["spec"]), context.config.features)
    con = connect(context.config.engine, context.workspace.hidden / "spill")
    open_tables(con, context.workspace)
    for table, attributes in (("leads", spec.lead_attributes), ("accounts", spec.account_attributes)):
        lost = sorted(set(attributes) - set(con.table(table).columns))
        if lost:
            raise ArtifactError(f"its model reads {', '.join(lost)} of {table}, which the source no longer has")
    use_unit(con, model_problem(scorer.about["problem"]))
    return feature_frame(con, extract.feature_tables(con, keys), spec)
