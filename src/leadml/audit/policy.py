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


def decide(findings: Sequence[Finding], config: AuditConfig, names: Sequence[str]) -> Decision:
    """Applies the settings to the findings.

    Args:
        findings: of `audit_frame`.
        config: the settings ``audit``.
        names: every column that a model could use; findings of others (denied ones) are only told.

    Raises:
        ConfigurationError: ``audit.allow`` or ``audit.exclude`` names what is no column, or one name stands in both.
    """
    check_names(config, [*names, *(f.column for f in findings if not f.of_table)])
    allowed, refused = set(config.allow), set(config.exclude)
    told, suspects = [], []
    excluded = [n for n in names if n in refused]
    for finding in findings:
        name = finding.column
        grave = finding.at_least(config.severity.value) and not finding.of_table and name in names
        if finding.of_table:
            told.append(replace(finding, done=TOLD))
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


def check_names(config: AuditConfig, known: Sequence[str]) -> None:
    """Raise `ConfigurationError` for names that are no column, and for names that are allowed and excluded at once."""
    unknown = [
        f"audit.{setting}={name}"
        for setting, listed in (("allow", config.allow), ("exclude", config.exclude))
        for name in listed
        if name not in known
    ]
    if unknown:
        raise ConfigurationError(
            f"{len(unknown)} name(s) are no column: {', '.join(unknown)}; there are: {', '.join(dict.fromkeys(known))}"
        )
    both = sorted(set(config.allow) & set(config.exclude))
    if both:
        raise ConfigurationError(f"audit.allow and audit.exclude both name {', '.join(both)}: keep one of them")


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
    return f"audit.exclude={exclude} leaves them out for good, audit.allow={allow} takes them in"
