"""audit: every column asked whether it gives the answer away; the future deleted; earlier values held against newer."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from leadml.audit import Evidence, compare_features
from leadml.errors import DataError, GateError
from leadml.sources.mapping import Mapping, parse_mapping
from leadml.stages.audited import check_left, question, show_findings
from leadml.stages.auditing import (
    AUDIT_FILE,
    Audited,
    Known,
    audit_extracted,
    audit_key,
    input_digests,
    scoring_population,
    stored_audit,
)
from leadml.stages.context import Context
from leadml.stages.doubts import champion_doubts
from leadml.stages.rebuilding import (
    Compared,
    compare_archive,
    compare_earlier,
    draw_cutoffs,
    rebuild_features,
)
from leadml.stages.scoring import exports_changed
from leadml.stages.settings import check_extracted, mapping_settings, plain
from leadml.stages.stored import Extracted, read_extracted

STAGE = "audit"
SHOWN = 10
Proofs = dict[str, list[Evidence]]


def run(context: Context) -> None:
    """Publishes data/audit and shows it; then raises `GateError` for open suspects, or where our code looks ahead."""
    extracted = read_extracted(context.workspace)
    check_extracted(context.config, extracted.facts)
    mapping = parse_mapping(context.config.source)
    check_exports(context, mapping, extracted)
    with context.manifest.stage(STAGE) as entry:
        future, wrong = delete_future(context, mapping, extracted)
        compared = compare_past(context, mapping, extracted)
        before = stored_audit(context, extracted)
        proofs = merged(look_ahead(wrong, future), *(c.evidence for c in compared), kept_proofs(before, compared))
        with context.progress.phase(STAGE, f"leak audit of {len(extracted.features)} columns"):
            known = Known(proofs, scoring_population(context, extracted))
            audited = audit_extracted(context, extracted, known)
        facts: dict[str, Any] = {"inputs": input_digests(extracted), "key": audit_key(context, extracted)}
        facts |= {"policy": context.config.audit.policy.value} | audited.to_dict()
        facts["comparisons"] = {n: [e.to_dict() for e in listed] for n, listed in sorted(proofs.items())}
        facts["future"] = future
        made = {c.name: c.facts for c in compared if c.made or c.name not in before.get("compared", {})}
        facts["compared"] = before.get("compared", {}) | made
        with context.workspace.publish() as out:
            folder = out.folder(context.workspace.data / "audit")
            text = json.dumps(plain(facts), ensure_ascii=False, indent=1) + "\n"
            (folder / AUDIT_FILE).write_text(text, encoding="utf-8")
            wrong.to_parquet(folder / "future.parquet", index=False)
        entry |= facts
    tell(context, extracted, audited, future, compared)
    check_left(context, extracted, audited)
    refuse(context, audited, future, champion_doubts(context, extracted, audited))


def check_exports(context: Context, mapping: Mapping, extracted: Extracted) -> None:
    """Raise `DataError` where the exports are not those that were extracted: features built again would differ.

    A database behind a URI has no digest, and is taken to be as it was.
    """
    if mapping.flat is not None or "" in input_digests(extracted):
        return
    if exports_changed(mapping, mapping_settings(context.config), extracted.facts):
        raise DataError(
            f"the exports in {mapping.path}, or their mapping, changed since the last extract; run leadml extract first"
        )


def delete_future(context: Context, mapping: Mapping, extracted: Extracted) -> tuple[dict[str, Any], pd.DataFrame]:
    """Features of sampled snapshots, built from exports whose later rows are gone, against those of the extract.

    At each sampled cutoff every row of the exports that is dated at it or later is removed before the mapping reads
    them; snapshots at that cutoff must come out the same. Which features there are, and whether a column is a number or
    a category, is that of the full export in both. Facts, and the values that differ.
    """
    nothing = pd.DataFrame(columns=["lead_id", "cutoff", "feature", "full", "rebuilt"], dtype=object)
    if mapping.flat is not None:
        return {"checked": 0, "why": "a one-table source has no dated rows: there is nothing to build again"}, nothing
    settings = context.config.audit
    samples = draw_cutoffs(extracted.snapshots, settings.cutoffs, settings.leads, context.config.seed)
    parts, rows = [nothing], 0
    for until, places in samples:
        with context.progress.phase(STAGE, f"features of {len(places):,} snapshots without what came from {until} on"):
            keys = extracted.snapshots.iloc[places].reset_index(drop=True)
            rebuilt = rebuild_features(context, mapping, keys, extracted.facts["spec"], until)
        parts.append(compare_features(extracted.X.iloc[places].reset_index(drop=True), rebuilt, keys))
        rows += len(places)
    wrong = pd.concat([p for p in parts if len(p)] or [nothing], ignore_index=True)
    names = {str(name): int(n) for name, n in wrong["feature"].value_counts().sort_index().items()}
    facts = {
        "checked": rows,
        "cutoffs": [until.isoformat() for until, _ in samples],
        "features": extracted.X.shape[1],
        "differ": names,
    }
    return facts, wrong


def look_ahead(wrong: pd.DataFrame, future: dict[str, Any]) -> Proofs:
    """``looks_ahead``, a proof, by feature."""
    counts = future.get("differ", {})
    return {
        str(name): [Evidence("looks_ahead", {"rows": future["checked"], "differ": n}, 0, proof=True)]
        for name, n in counts.items()
    }


def compare_past(context: Context, mapping: Mapping, extracted: Extracted) -> list[Compared]:
    """What was scored at the time, and an earlier export, against what the exports say now."""
    with context.progress.phase(STAGE, "what was scored at the time against the exports of today"):
        compared = [compare_archive(context, extracted)]
    if context.config.audit.earlier is not None:
        with context.progress.phase(STAGE, f"the earlier export {context.config.audit.earlier}"):
            compared.append(compare_earlier(context, mapping, extracted))
    return compared


def kept_proofs(before: dict[str, Any], compared: list[Compared]) -> Proofs:
    """What an earlier audit of the very same found by comparisons that this one did not make."""
    made = {"looks_ahead", *(c.name for c in compared if c.made)}
    listed = {n: [Evidence.from_dict(e) for e in entries] for n, entries in before.get("comparisons", {}).items()}
    return {n: kept for n, entries in listed.items() if (kept := [e for e in entries if e.kind not in made])}


def merged(*parts: Proofs) -> Proofs:
    """All evidence by column."""
    found: Proofs = {}
    for part in parts:
        for name, listed in part.items():
            found.setdefault(name, []).extend(listed)
    return found


def tell(
    context: Context, extracted: Extracted, audited: Audited, future: dict[str, Any], compared: list[Compared]
) -> None:
    """The table of findings, what deleting the future showed, and what was compared."""
    show_findings(context, STAGE, audited, len(extracted.features), every=True)
    for part in compared:
        context.progress.say(STAGE, part.told)
    if not future["checked"]:
        context.progress.say(STAGE, f"delete the future: {future['why']}")
        return
    wrong = future["differ"]
    said = (
        f"{len(wrong)} of {future['features']} features differ"
        if wrong
        else "every feature is the same. This shows that our code looks at nothing dated later. It does not show what "
        "the source rewrote or dated back, and which features there are was chosen by the whole export"
    )
    checked, cutoffs = f"{future['checked']:,} snapshots", f"{len(future['cutoffs'])} cutoffs"
    context.progress.say(STAGE, f"delete the future: {checked} at {cutoffs}, {said}")


def refuse(context: Context, audited: Audited, future: dict[str, Any], doubts: list[str]) -> None:
    """Raise `GateError` for features that look ahead, for suspects that nobody has decided about, and for ``doubts``.

    ``doubts``: features that the champion uses and this audit leaves out.
    """
    named = {*context.config.audit.allow, *context.config.audit.exclude}
    ahead = [n for n in future.get("differ", {}) if n not in named]
    said = []
    if ahead:
        said.append(
            f"{counted(ahead, 'feature changes', 'features change')} when every later row is deleted: {listed(ahead)}; "
            f"left out of every model; values in {context.workspace.data / 'audit' / 'future.parquet'}"
        )
    if audited.decision.open:
        said.append(
            f"{counted(audited.decision.open, 'column', 'columns')} may give the answer away: "
            f"{', '.join(audited.decision.open)}; {question(audited, context)}; audit.policy=exclude or keep decides "
            "for all"
        )
    if doubts:
        said.append(
            f"the champion uses {counted(doubts, 'column', 'columns')} that this audit leaves out: {listed(doubts)}; "
            "leadml train train.promote=always replaces it, predict stamps its scores until then"
        )
    if said:
        raise GateError(". ".join(said))


def counted(names: Sequence[str], one: str, many: str) -> str:
    """How many there are, in words."""
    return f"{len(names)} {one if len(names) == 1 else many}"


def listed(names: Sequence[str]) -> str:
    """The first names."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
