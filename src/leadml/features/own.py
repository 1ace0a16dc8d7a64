"""Features of the user's own: one Python function or one SELECT each, named in ``features.own``.

Both give a table with ``row`` (of the snapshots) and ``value``; snapshots that it does not return are missing. A stored
specification holds the definition and the digest of the file, so that predict builds what train built or says no.
"""

from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend
from ibis.common.exceptions import IbisError

from leadml.config import FeaturesConfig, OwnFeatureConfig
from leadml.engine import DuckEngine, Engine, open_engine
from leadml.errors import ArtifactError, ConfigurationError
from leadml.features.dictionary import Feature, Kind
from leadml.features.family import Derived
from leadml.features.own_code import call_function, digest, load_function
from leadml.features.own_sql import MACHINE, check_select, select_table
from leadml.features.spec import FeatureSpec, FeatureTables, OwnFeature
from leadml.features.tallies import Row

DIGITS = 9  # that are kept of a number which is not whole
EXACT = 2.0**53  # from here on every float64 is whole
SMALLEST = -200  # power of ten below which nothing is kept
TYPES = {
    Kind.NUMBER: (dt.Numeric, dt.Boolean, dt.Null),
    Kind.CATEGORY: (dt.String, dt.Boolean, dt.Integer, dt.Null),
}  # of values, by what was declared


def define_own(config: FeaturesConfig) -> tuple[OwnFeature, ...]:
    """The definitions of ``features.own``, in its order; each file is read, and loaded or parsed, but not run.

    Raises:
        ConfigurationError: a file is not there, has no such function, or holds no SELECT that may be run.
    """
    found = []
    for name, entry in config.own.items():
        language, file, function = code_of(entry)
        path = Path(file).expanduser()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"features.own.{name}: {path.absolute()} cannot be read ({error.strerror}); "
                "a relative path is from the folder in which leadml was started"
            ) from error
        if language == "python":
            load_function(name, path, function, content)
        else:
            with duckdb.connect(config={"autoload_known_extensions": False}) as con:
                check_select(name, sql_text(name, content), con)
        found.append(OwnFeature(entry_of(name, entry), language, file, function, digest(content)))
    return tuple(found)


def refuse_own(config: FeaturesConfig) -> None:
    """Raise `ConfigurationError` where ``features.own`` names anything: for a source of one table."""
    if config.own:
        raise ConfigurationError(
            f"features.own names {', '.join(config.own)}, which need dated tables; a one-table source has its features "
            "as columns: add them there, and leave them out of features.own"
        )


def code_of(entry: OwnFeatureConfig) -> tuple[str, str, str]:
    """Language, file and function ("" for SQL) of an entry."""
    if entry.python is None:
        return "sql", str(entry.sql), ""
    file, _, function = entry.python.rpartition(":")
    return "python", file, function


def entry_of(name: str, entry: OwnFeatureConfig) -> Feature:
    """The dictionary's entry."""
    kind = Kind(entry.kind)
    unit = "category" if kind is Kind.CATEGORY else entry.unit or "number"
    told = (entry.en, entry.es, entry.effort, entry.never, entry.topic or name)
    return Feature(name, entry.family, kind, unit, entry.window_days, *told)


def sql_text(name: str, content: bytes) -> str:
    """The text of an SQL file; `ConfigurationError` where it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"features.own.{name}: the file is not UTF-8 ({error.reason})") from error


def own_features(spec: FeatureSpec) -> list[Derived]:
    """The features, each read from the column that `build_own` makes of it."""
    return [Derived(o.feature, partial(read, name=column(o))) for o in spec.own]


def read(row: Row, name: str) -> ir.Value:
    """A column of the row."""
    return row[name]


def column(own: OwnFeature) -> str:
    """Its column among those that the families are read from; two underscores keep it apart from theirs."""
    return f"own__{own.feature.name}"


def is_built(own: OwnFeature, spec: FeatureSpec) -> bool:
    """Whether it is left after features.exclude and features.include_effort."""
    return own.feature.name not in spec.exclude and (spec.include_effort or not own.feature.effort)


def with_own_files(spec: FeatureSpec, config: FeaturesConfig) -> FeatureSpec:
    """A stored specification whose files are those that the settings name: what is stored never says what code runs.

    Raises:
        ArtifactError: the settings do not name a feature, or its file is gone or another one.
    """
    placed = []
    for own in spec.own:
        if is_built(own, spec):
            name, entry = own.feature.name, config.own.get(own.feature.name)
            if entry is None:
                raise ArtifactError(
                    f"the model needs the feature {name} of {own.file} (SHA-256 {own.sha256[:12]}), which features.own "
                    "does not name; name it as it was when the model was trained, or train without it (leadml run)"
                )
            language, file, function = code_of(entry)
            if (language, function) != (own.language, own.function):
                raise ArtifactError(
                    f"features.own.{name} is {language} {file} {function}, and was {own.language} {own.file} "
                    f"{own.function} when the model was trained; write that again, or train again (leadml run)"
                )
            own = replace(own, file=file)
            read_code(own)
        placed.append(own)
    return replace(spec, own=tuple(placed))


def with_same_files(spec: FeatureSpec, config: FeaturesConfig) -> FeatureSpec:
    """`with_own_files` without the features that it would refuse: what an old list can still be compared by."""
    kept: list[OwnFeature] = []
    for own in spec.own:
        try:
            kept += with_own_files(replace(spec, own=(own,)), config).own
        except ArtifactError:
            continue
    return replace(spec, own=tuple(kept))


def read_code(own: OwnFeature) -> bytes:
    """The file's bytes; `ArtifactError` where it is gone or is not the one that was defined."""
    path = Path(own.file).expanduser()
    way_out = "restore it, or extract and train again with the file as it is (leadml run)"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"features.own.{own.feature.name}: {path.absolute()} cannot be read ({error.strerror}), and extract and "
            f"train used it; {way_out}"
        ) from error
    if digest(content) != own.sha256:
        raise ArtifactError(
            f"features.own.{own.feature.name}: {path.absolute()} (SHA-256 {digest(content)[:12]}) is not the file that "
            f"extract and train used ({own.sha256[:12]}); {way_out}"
        )
    return content


def build_own(tables: FeatureTables, spec: FeatureSpec, engine: Engine) -> list[ir.Table]:
    """For each feature its table: row, and the value in its `column`.

    Raises:
        ArtifactError: see `read_code`.
        ConfigurationError: the code fails, or what it gives is no value for each snapshot.
    """
    return [build_one(own, tables, engine) for own in spec.own if is_built(own, spec)]


def build_one(own: OwnFeature, tables: FeatureTables, engine: Engine) -> ir.Table:
    """One feature: its code run, its result checked and kept."""
    name, content = own.feature.name, read_code(own)
    if own.language == "python":
        path = Path(own.file).expanduser()
        result = call_function(name, path, load_function(name, path, own.function, content), tables)
    elif isinstance(engine, DuckEngine):
        result = select_table(name, sql_text(name, content), tables, engine)
    else:
        raise ConfigurationError(
            f"features.own.{name}: {own.file} is DuckDB's SQL and this engine is another one; write it as a Python "
            "function, which runs on any, or set engine=local"
        )
    value = checked_value(own, result)
    result = result.select(row=result.row.cast("int64"), **{column(own): value})
    try:
        held = engine.hold(column(own), result.filter(result.row.notnull()))
    except MACHINE:
        raise
    except (duckdb.Error, IbisError) as error:
        raise ConfigurationError(
            f"features.own.{name}: {own.file} cannot be run: {' '.join(str(error).split())}"
        ) from error
    check_rows(own, held, engine)
    return held


def checked_value(own: OwnFeature, result: ir.Table) -> ir.Value:
    """The value as float64 or text.

    Numbers that are not finite are missing; others keep nine digits, unless they are whole: a sum of fractions depends
    in its last bits on the order of the rows, which threads change.

    Raises:
        ConfigurationError: row or value is not there, or is of another type than was declared.
    """
    where, types = f"features.own.{own.feature.name}: {own.file}", result.schema()
    absent = [c for c in ("row", "value") if c not in types]
    if absent:
        raise ConfigurationError(
            f"{where} gives no column {' and '.join(absent)}, only {', '.join(types.names)}; row is that of snapshots"
        )
    if not (types["row"].is_integer() or types["row"].is_null()):
        raise ConfigurationError(f"{where} gives row as {types['row']}; it is that of snapshots, a whole number")
    kind, value = types["value"], result["value"]
    if not isinstance(kind, TYPES[own.feature.kind]):
        raise ConfigurationError(
            f"{where} gives value as {kind}, and is declared as a {own.feature.kind}; "
            f"cast it, or set features.own.{own.feature.name}.kind"
        )
    if own.feature.kind is Kind.CATEGORY:
        return value.cast("string")
    return rounded(value.cast("float64")) if kind.is_floating() else value.cast("float64")


def rounded(value: ir.FloatingValue) -> ir.FloatingValue:
    """To nine significant digits; whole numbers as they are, what is not finite as missing."""
    small = ibis.ifelse(value.abs() < EXACT, value, 0.0)
    power = ibis.greatest(small.abs().nullif(0).log10().floor(), SMALLEST)
    scale = ibis.literal(10.0) ** (DIGITS - 1 - power)
    return ibis.cases(
        (value.isnan() | value.isinf(), ibis.null("float64")),
        ((value.abs() >= EXACT) | (small == small.floor()), value),
        else_=(small * scale).round().cast("float64") / scale,
    )


def check_rows(own: OwnFeature, held: ir.Table, engine: Engine) -> None:
    """Raise `ConfigurationError` where a snapshot has two rows."""
    counted = held.group_by("row").aggregate(n=lambda t: t.count())
    twice = counted.filter(counted.n > 1).aggregate(snapshots=lambda t: t.count(), row=lambda t: t.row.min())
    found = engine.fetch(twice).iloc[0]
    if found["snapshots"]:
        raise ConfigurationError(
            f"features.own.{own.feature.name}: {own.file} gives {int(found['snapshots'])} snapshots more than one row "
            f"(the first is row {int(found['row'])}); group by snapshots.row"
        )


def own_frame(tables: FeatureTables, spec: FeatureSpec, con: Backend) -> pd.DataFrame:
    """The features of the user's own alone: row i for snapshot i, one column each.

    Args:
        tables: of the embedded engine.
        spec: what is built.
        con: the embedded engine; the settings that it holds say what computes.
    """
    engine = open_engine(con)
    built = [o for o in spec.own if is_built(o, spec)]
    try:
        brought = FeatureTables(**{f.name: engine.bring(f.name, getattr(tables, f.name)) for f in fields(tables)})
        table = brought.snapshots.select("row")
        for block in build_own(brought, spec, engine):
            table = table.left_join(block, "row").drop("row_right")
        frame = engine.fetch(table.rename({o.feature.name: column(o) for o in built})).set_index("row")
    finally:
        engine.clear()
    return frame.sort_index().reset_index(drop=True)
