"""inspect: what a folder of unknown exports holds, and a mapping for it."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from leadml.catalogue import compose_source, source_names
from leadml.config import Config
from leadml.errors import ConfigurationError, DataError
from leadml.inspection.flat import flat_command, flat_settings
from leadml.inspection.inspect import Findings, inspect_tables
from leadml.inspection.known import KnownSource, known_source
from leadml.inspection.looking import Unread, look_around
from leadml.inspection.words import snake
from leadml.inspection.write import Proposal
from leadml.progress import Progress

STAGE = "inspect"
SHOWN = "-"


def run(config: Config) -> None:
    """Shows what the tables at inspect.path are, and writes a proposed mapping to inspect.out.

    Raises:
        ConfigurationError: No path, or the file to write is there already.
        DataError: Nothing there, or nothing that is a table.
    """
    path = config.inspect.path
    if not path:
        raise ConfigurationError("nothing to look at: leadml inspect PATH (a folder, a file or a database)")
    name = config.inspect.name or name_of(path)
    out = target(config.inspect.out, name)
    progress = Progress()
    with engine(config) as con, progress.phase(STAGE, f"looking at {path}"):
        looks, unread = look_around(con, path)
        if not looks:
            raise DataError(
                f"{path} holds no table that can be read: " + "; ".join(f"{u.place}: {u.why}" for u in unread[:5])
            )
        findings = inspect_tables(con, looks, known_sources(), name)
    show_tables(progress, findings)
    show_summary(progress, findings, unread)
    if findings.proposal is not None:
        publish(progress, findings, findings.proposal, out)
    next_steps(progress, findings, path, name, out)


@contextmanager
def engine(config: Config) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of its own that spills to a folder which is gone afterwards."""
    with TemporaryDirectory(prefix="leadml-") as spill:
        con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
        con.execute("SET TimeZone='UTC'; SET enable_progress_bar=false")
        con.execute(f"SET threads={int(config.engine.threads)}")
        con.execute("SET memory_limit=?", [config.engine.memory_limit])
        con.execute("SET temp_directory=?", [spill])
        try:
            yield con
        finally:
            con.close()


def name_of(path: str) -> str:
    """A mapping's name made from where the exports lie."""
    last = re.split(r"[\\/]", re.sub(r"[?#].*$", "", path).rstrip("/\\"))[-1]
    made = snake(last.split(".")[0]) if last else ""
    return made if re.fullmatch(r"[a-z][a-z0-9_]*", made) else "mine"


def target(out: str | None, name: str) -> Path | None:
    """Where the proposal goes; None where it is only shown.

    Raises:
        ConfigurationError: Something is there already.
    """
    if out == SHOWN:
        return None
    path = Path(out) if out is not None else Path("conf") / "source" / f"{name}.yaml"
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(f"inspect.out={out}: a mapping's file ends in .yaml")
    if path.exists():
        raise ConfigurationError(
            f"{path} is there already and is not overwritten: inspect.out=OTHER.yaml, or inspect.out=- only to look"
        )
    return path


def known_sources() -> list[KnownSource]:
    """The mappings in conf/source that can be read; our own tables are one of them."""
    found = []
    for name in source_names():
        try:
            source = known_source(name, compose_source([name]))
        except ConfigurationError:
            continue  # somebody's broken file must not keep others from looking; `leadml sources` names it
        if source is not None:
            found.append(source)
    return found


def show_tables(progress: Progress, findings: Findings) -> None:
    """Each table, column by column."""
    for view in findings.views.values():
        look = view.look
        how = ", ".join(x for x in (look.encoding, f"delimiter {look.delimiter!r}" if look.delimiter else "") if x)
        title = f"{look.place}: {look.rows:,} rows, {len(look.header)} columns" + (f" ({how})" if how else "")
        title += f"; {look.rejected:,} rows cannot be read" if look.rejected else ""
        rows = [[c.name, ", ".join(c.roles), c.evidence] for c in view.columns.values()]
        progress.table(title, ["column", "looks like", "why"], rows)


def show_summary(progress: Progress, findings: Findings, unread: list[Unread]) -> None:
    """What refers to what, what was recognised and what was not."""
    console = progress.console
    console.print()
    for tie in findings.ties:
        sure = "" if tie.sure else f"; not sure: {tie.why}"
        progress.say("link", f"{tie.table}.{tie.column} -> {tie.target}.{tie.key} ({tie.rows:.0%} of its values{sure})")
    for source, matches in findings.recognised:
        files = ", ".join(
            f"{m.table} is {f} ({len(m.found)} of {len(m.file.columns)} columns)" for f, m in matches.items()
        )
        progress.say("known", f"{source.name}: {files}")
    taken = {m.table for _, matches in findings.recognised for m in matches.values()}
    if findings.plan is not None:
        for table, part in findings.plan.parts.items():
            if table not in taken:
                progress.say("part", f"{table}: {part}")
        for doubt in findings.plan.doubts:
            progress.say("doubt", doubt)
    for view in findings.views.values():
        if not view.look.rows:
            progress.say("empty", f"{view.look.place} has a header and no rows")
    for file in unread:
        progress.say("not read", f" {file.place}: {file.why}")


def publish(progress: Progress, findings: Findings, proposal: Proposal, out: Path | None) -> None:
    """Write or show the mapping, and say whether it can be used as it is."""
    if out is None:
        progress.console.print()
        progress.console.print(proposal.text, markup=False)
    else:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(proposal.text, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{out} cannot be written ({error.strerror}): inspect.out=FILE.yaml") from error
        progress.say("wrote", str(out))
    if proposal.missing:
        progress.say(
            "missing", f"{', '.join(proposal.missing)}: fill it in, the lines that begin with # ? say what is known"
        )


def next_steps(progress: Progress, findings: Findings, path: str, name: str, out: Path | None) -> None:
    """What to type next."""
    if findings.flat is not None:
        progress.say("next", flat_command(flat_settings(findings.flat), path))
        return
    if findings.proposal is None or out is None:
        progress.say("next", "inspect.out=FILE.yaml writes the mapping")
        return
    place = "" if shipped(out) else f" --config-dir {shlex.quote(str(out.parent.parent))}"
    progress.say(
        "next",
        f"read {out}, mend the lines that begin with # ?, then\n"
        f"leadml extract{place} source={out.stem} source.path={shlex.quote(path)}",
    )


def shipped(out: Path) -> bool:
    """Whether the file lies where `source=NAME` looks by itself."""
    from leadml.cli import conf_dir

    return out.resolve().parent == (conf_dir() / "source").resolve()
