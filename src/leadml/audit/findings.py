"""What the audit finds: evidence with its numbers, findings with a severity, and the rule between the two.

**The rule.** A *proof* (see `PROOFS`) makes the severity ``proof``, whatever else there is. Everything else is a
suspicion and has points; within a group only the strongest evidence counts, because it measures one thing twice:

| group | kinds | points |
| --- | --- | --- |
| power | ``alone`` | 1 from an AUC of 0.70, 2 from 0.75, 3 from 0.78, 4 from 0.80 (the interval's lower end) |
| missing | ``missing_alone``, ``fill_gap``, ``only_with_outcome`` | 1 to 4 (see `leadml.audit.filling`) |
| levels | ``pure_levels`` | 1 or 2 (see `leadml.audit.levels`) |
| usual | ``unusual_only`` | 3 or 4: another value than the usual one only where the outcome is |
| dominance | ``dominance`` | 1, or 2 where the other columns are a good model by themselves |
| restated | ``restated``, ``archive`` | 1 where too few values differ for a proof |
| words | ``words`` | 1, and only beside 2 points of other evidence |

``high`` is 4 points or more, ``medium`` 2 or 3, ``low`` 1. A column built from dated rows (``dated``) has points only
for an AUC alone above 0.95, and then 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("low", "medium", "high", "proof")  # rising
PROOFS = ("denied", "written_late", "restated", "archive", "only_with_outcome", "looks_ahead")
GROUPS = {
    "alone": "power",
    "missing_alone": "missing",
    "fill_gap": "missing",
    "only_with_outcome": "missing",  # where it is no proof
    "pure_levels": "levels",
    "unusual_only": "usual",
    "dominance": "dominance",
    "restated": "restated",
    "archive": "restated",
}
# Facts about the whole table, which no column can be excluded for: they are told, and block nothing by themselves.
TABLE_KINDS = ("row_order", "id_order", "duplicates", "too_good")
HIGH, MEDIUM = 4, 2
WORDS_NEED = 2


@dataclass(frozen=True)
class Evidence:
    """One measurement that speaks for a leak.

    ``kind`` is one of `PROOFS`, `TABLE_KINDS` or the kinds of the rule above; ``numbers`` are plain values (AUC with
    ``low`` and ``high``, counts, shares); ``points`` of a suspicion; ``proof`` says that it stands by itself.
    """

    kind: str
    numbers: Mapping[str, Any]
    points: int = 0
    proof: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the words in English."""
        from leadml.audit.telling import evidence_words

        told = {"words": evidence_words(self)}
        return {"kind": self.kind, "proof": self.proof, "points": self.points, "numbers": dict(self.numbers)} | told

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Evidence":
        """The inverse of `to_dict`."""
        return cls(str(entry["kind"]), dict(entry["numbers"]), int(entry["points"]), bool(entry["proof"]))


@dataclass(frozen=True)
class Finding:
    """What is known against one column (or, with ``place`` "table", against the table as a whole).

    ``severity`` is one of `SEVERITIES`. ``done`` and ``overrule`` are empty until `leadml.audit.policy.decide` has
    filled them: what became of the column, and the setting to paste for something else.
    """

    column: str
    place: str
    severity: str
    evidence: tuple[Evidence, ...]
    done: str = ""
    overrule: str = ""

    @property
    def proof(self) -> bool:
        """Whether the severity is ``proof``."""
        return self.severity == "proof"

    @property
    def of_table(self) -> bool:
        """Whether it is about the table as a whole and not about a column."""
        return self.place == "table"

    def at_least(self, severity: str) -> bool:
        """Whether the severity is this one or a higher one."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(severity)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "column": self.column,
            "place": self.place,
            "severity": self.severity,
            "evidence": [e.to_dict() for e in self.evidence],
            "done": self.done,
            "overrule": self.overrule,
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_dict`."""
        evidence = tuple(Evidence.from_dict(e) for e in entry["evidence"])
        told = (str(entry["done"]), str(entry["overrule"]))
        return cls(str(entry["column"]), str(entry["place"]), str(entry["severity"]), evidence, *told)


def count_points(evidence: Iterable[Evidence]) -> int:
    """The points of a column's suspicions by the rule of this module; words count only beside other evidence."""
    best: dict[str, int] = {}
    words = 0
    for item in evidence:
        if item.kind == "words":
            words = 1
        elif item.kind in GROUPS:
            group = GROUPS[item.kind]
            best[group] = max(best.get(group, 0), item.points)
    points = sum(best.values())
    return points + words if points >= WORDS_NEED else points


def judge_column(column: str, place: str, evidence: Iterable[Evidence]) -> Finding | None:
    """The finding of a column, None where there is nothing against it (words alone are nothing)."""
    evidence = tuple(evidence)
    if any(e.proof for e in evidence):
        return Finding(column, place, "proof", evidence)
    points = count_points(evidence)
    if not points:
        return None
    kept = tuple(e for e in evidence if e.kind != "words" or points > WORDS_NEED)
    return Finding(column, place, "high" if points >= HIGH else "medium" if points >= MEDIUM else "low", kept)


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first, those of the table after those of columns, then by points and name."""
    return sorted(
        findings,
        key=lambda f: (f.of_table, -SEVERITIES.index(f.severity), -count_points(f.evidence), f.column),
    )
