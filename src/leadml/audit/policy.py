"""What becomes of what was found: proofs go, suspects wait for a word, names in the settings have the last one."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from leadml.audit.findings import Finding, sort_findings
from leadml.config import AuditConfig, AuditPolicy
from leadml.errors import ConfigurationError

PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NO_TEXTS = ("true", "false", "null", "nan", "inf")  # what Hydra reads as something else
# What ends a finding about the whole table: no column can be left out for it.
TABLE_WAYS = {
    "row_order": "source.time=COLUMN",
    "id_order": "source.time=COLUMN",
    "duplicates": "source.lead_id=COLUMN",
    "too_good": "audit.severity=low",
}
EXCLUDED, WITHOUT, KEPT, ALLOWED, TOLD = "excluded", "worked without", "kept", "allowed", "told"


@dataclass(frozen=True)
class Decision:
    """Findings with what was done, and the columns by their lot.

    ``excluded``: proofs, and names in ``audit.exclude``. ``suspects``: at or above ``audit.severity`` and neither
    allowed nor excluded by name. ``without``: those of them that the run works without. ``open``: those of them that
    still block promotion (policy ask). ``kept``: suspects that stay under policy keep.
    """

    findings: tuple[Finding, ...]
    excluded: tuple[str, ...]
    suspects: tuple[str, ...]
    without: tuple[str, ...]
    open: tuple[str, ...]
    kept: tuple[str, ...]

    def usable(self, names: Iterable[str]) -> list[str]:
        """The names that the model may use, in their order."""
        out = {*self.excluded, *self.without}
        return [n for n in names if n not in out]


@dataclass(frozen=True)
class Columns:
    """The columns that names in the settings may mean.

    ``names`` could be features; ``left_out`` are there and are none (denied, constant, empty), by column or
    "file.column"; ``keep`` is the setting that takes one of those in.
    """

    names: Sequence[str]
    left_out: Sequence[str] = ()
    keep: str = "source.keep"


def decide(findings: Sequence[Finding], config: AuditConfig, columns: Columns) -> Decision:
    """Applies the settings to the findings.

    Args:
        findings: of `audit_frame`.
        config: the settings ``audit``.
        columns: every column that a model could use, and those that are left out, whose findings are only told.

    Raises:
        ConfigurationError: as `match_names`.
    """
    names = columns.names
    others = [f.column for f in findings if not f.of_table and f.column not in names]
    config = match_names(config, replace(columns, left_out=[*columns.left_out, *others]))
    allowed, refused = set(config.allow), set(config.exclude)
    told, suspects = [], []
    excluded = [n for n in names if n in refused]
    for finding in findings:
        name = finding.column
        grave = finding.at_least(config.severity.value) and not finding.of_table and name in names
        if finding.of_table:
            told.append(replace(finding, done=TOLD, overrule=TABLE_WAYS.get(finding.evidence[0].kind, "")))
        elif name not in names or name in refused or (finding.proof and name not in allowed):
            excluded += [name] if name in names and name not in excluded else []
            over = f"audit.allow={pasted([name])}" if name in names and name not in refused else ""
            if name in refused:
                over = f"audit.exclude={pasted([n for n in config.exclude if n != name])}"
            told.append(replace(finding, done=EXCLUDED, overrule=over))
        elif name in allowed:
            told.append(replace(finding, done=ALLOWED, overrule=f"audit.exclude={pasted([name])}"))
        elif not grave:
            told.append(replace(finding, done=KEPT, overrule=f"audit.exclude={pasted([name])}"))
        else:
            suspects.append(name)
            told.append(suspected(finding, config.policy))
    return collected(told, excluded, suspects, config.policy)


def suspected(finding: Finding, policy: AuditPolicy) -> Finding:
    """A suspect with what the policy does about it."""
    name = [finding.column]
    if policy is AuditPolicy.keep:
        return replace(finding, done=KEPT, overrule=f"audit.exclude={pasted(name)}")
    if policy is AuditPolicy.exclude:
        return replace(finding, done=EXCLUDED, overrule=f"audit.allow={pasted(name)}")
    return replace(finding, done=WITHOUT, overrule=f"audit.allow={pasted(name)}\naudit.exclude={pasted(name)}")


def collected(findings: list[Finding], excluded: list[str], suspects: list[str], policy: AuditPolicy) -> Decision:
    """The decision of suspects under a policy."""
    keep, names = policy is AuditPolicy.keep, tuple(suspects)
    return Decision(
        findings=tuple(sort_findings(findings)),
        excluded=tuple(excluded),
        suspects=names,
        without=() if keep else names,
        open=names if policy is AuditPolicy.ask else (),
        kept=names if keep else (),
    )


def match_names(config: AuditConfig, columns: Columns) -> AuditConfig:
    """The settings with every name written as the column is (a name in another case is taken where it fits just one).

    Raises:
        ConfigurationError: ``audit.allow`` or ``audit.exclude`` names what is no column, ``audit.allow`` one that is
            left out before the audit, or one name stands in both.
    """
    known = list(dict.fromkeys([*columns.names, *columns.left_out]))
    allow, exclude = ([matched(n, known) for n in listed] for listed in (config.allow, config.exclude))
    unknown = [f"audit.allow={n}" for n in allow if n not in known]
    unknown += [f"audit.exclude={n}" for n in exclude if n not in known]
    if unknown:
        raise ConfigurationError(
            f"{len(unknown)} name(s) are no column: {', '.join(unknown)}; there are: {', '.join(columns.names)}"
        )
    gone = [n for n in allow if n not in columns.names]
    if gone:
        raise ConfigurationError(
            f"audit.allow names {len(gone)} column(s) that are left out before the audit: {', '.join(gone)}; "
            f"{columns.keep}={pasted(gone)} takes them in, source.deny.GROUP=null lifts a whole group of the mapping"
        )
    both = sorted(set(allow) & set(exclude))
    if both:
        raise ConfigurationError(f"audit.allow and audit.exclude both name {', '.join(both)}: keep one of them")
    return replace(config, allow=allow, exclude=exclude)


def matched(name: str, known: Sequence[str]) -> str:
    """The one known name that this is in another case; the name itself where it is known, or none or several are."""
    alike = [] if name in known else [k for k in known if k.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else name


def pasted(names: Sequence[str]) -> str:
    """The names as a list that can be pasted behind ``audit.allow=`` in any shell, whatever they hold."""
    return shlex.quote(f"[{','.join(quoted(n) for n in names)}]")


def quoted(name: str) -> str:
    """A name as Hydra reads it as a text: bare where it is one plain word, else in double quotes."""
    if PLAIN_WORD.fullmatch(name) and name.lower() not in NO_TEXTS:
        return name
    # Hydra reads backslashes as they are, but for those before a double quote.
    return '"' + re.sub(r'(\\*)("|$)', lambda m: 2 * m[1] + ('\\"' if m[2] else ""), name) + '"'


def way_out(names: Sequence[str], config: AuditConfig) -> str:
    """The two settings that end the question, with what is already in them kept."""
    exclude, allow = pasted([*config.exclude, *names]), pasted([*config.allow, *names])
    them = "it" if len(names) == 1 else "them"
    return f"audit.exclude={exclude} leaves {them} out for good, audit.allow={allow} takes {them} in"
