"""One-table sources: which rows and columns are taken, and values that mean the same however they are read."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources_helpers import check_counts, connect, load, table

from leadml.errors import ConfigurationError, DataError
from leadml.features.dictionary import Feature, Kind
from leadml.features.values import clean_values, parse_number
from leadml.schema import SNAPSHOT_COLUMNS
from leadml.sources.columns import choose_columns
from leadml.sources.flat import FlatTable, read_flat
from leadml.sources.mapping import MISSING_TEXTS, parse_mapping

CASES = """
    Id,Source,Visits,When,Converted
    a,Google,3,2025-01-01,1
    b,Select,0,02/01/2025,0
    c,Direct,,2025-01-03T10:00:00Z,1
    d, Google ,7,2025-01-04,0
    """


def read(tmp_path: Path, text: str, labelled: bool = True, **settings: Any) -> FlatTable:
    """Read lines of CSV as a one-table source whose label is Converted."""
    path = tmp_path / "cases.csv"
    path.write_text(table(text) + "\n", encoding="utf-8")
    con = connect()
    mapping = parse_mapping(load("flat", path, **({"label": "Converted"} | settings)))
    flat = read_flat(mapping, con, labelled)
    check_counts(con, flat.report)
    assert len(flat.snapshots) == len(flat.X)
    assert not labelled or list(flat.X) == [f.name for f in flat.features]
    assert [n for (n,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()] == ["quarantine"]
    return flat


def many(columns: dict[str, list[object]]) -> str:
    """Columns of 100 rows, cycling through the values given, with a label."""
    values = {n: [str(v[i % len(v)]) for i in range(100)] for n, v in columns.items()}
    values["Converted"] = [str(i % 2) for i in range(100)]
    return pd.DataFrame(values).to_csv(index=False)


def test_snapshots_and_features(tmp_path: Path):
    flat = read(tmp_path, CASES, lead_id="Id", time="When")
    assert list(flat.snapshots) == list(SNAPSHOT_COLUMNS)
    kept = flat.snapshots[["lead_id", "account_id", "cutoff", "grid", "label", "position"]]
    assert (
        kept.to_csv(index=False, date_format="%Y-%m-%dT%H:%M")
        == table("""
        lead_id,account_id,cutoff,grid,label,position
        a,a,2025-01-01T00:00,row,1.0,1
        b,b,2025-01-02T00:00,row,0.0,2
        c,c,2025-01-03T10:00,row,1.0,3
        d,d,2025-01-04T00:00,row,0.0,4""")
        + "\n"
    )
    assert flat.snapshots["cutoff"].dtype == "datetime64[us]"
    assert flat.X["Visits"].tolist()[:2] == [3.0, 0.0]
    assert np.isnan(flat.X["Visits"][2])
    assert flat.X["Source"].tolist() == ["Google", None, "Direct", "Google"]
    assert [(f.name, f.family, f.kind) for f in flat.features] == [
        ("Source", "channel", Kind.CATEGORY),
        ("Visits", "behaviour", Kind.NUMBER),
    ]


def test_without_id_and_time_rows_are_numbered(tmp_path: Path):
    flat = read(tmp_path, CASES)
    assert flat.snapshots["lead_id"].tolist() == ["row-000001", "row-000002", "row-000003", "row-000004"]
    assert flat.snapshots["cutoff"].isna().all()
    assert flat.report.data_end is None


@pytest.mark.parametrize(
    "texts",
    [("1", "0"), ("True", "false"), ("Yes", "NO"), ("y", "n"), ("Won", "Lost"), ("1.0", "0.0")],
)
def test_usual_labels_are_known(tmp_path: Path, texts: tuple[str, str]):
    flat = read(tmp_path, f"n,Converted\n1,{texts[0]}\n2,{texts[1]}\n3,{texts[0]}")
    assert flat.snapshots["label"].tolist() == [1.0, 0.0, 1.0]


def test_other_labels_must_be_told(tmp_path: Path):
    text = "n,Converted\n1,Closed Won\n2,Open\n3,Renewed"
    with pytest.raises(
        DataError, match=r"source.label=Converted: .* found: closed won, open, renewed; .*source.positive"
    ):
        read(tmp_path, text)
    assert read(tmp_path, text, positive=["closed won", "Renewed"]).snapshots["label"].tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(DataError, match=r"which of its values mean converted"):
        read(tmp_path, text, positive=["sold"])


@pytest.mark.parametrize(
    ("values", "told"), [(["0"] * 3, "all 3 values are '0'"), (["no", "0", "no"], "all 3 values are 'no' or '0'")]
)
def test_a_label_without_any_conversion_says_so(tmp_path: Path, values: list[str], told: str):
    with pytest.raises(DataError, match=f"source.label=Converted: {told}, none means converted; .*name another"):
        read(tmp_path, "n,Converted\n" + "\n".join(f"1,{v}" for v in values))


def test_rows_without_label_or_time_are_told(tmp_path: Path):
    text = CASES + "e,Google,1,31/02/2025,1\nf,Google,1,,1\ng,Google,1,2025-01-05,\nd,Google,9,2025-01-04,0\nh,cut"
    flat = read(tmp_path, text, lead_id="Id", time="When")
    assert flat.snapshots["lead_id"].tolist() == ["a", "b", "c", "d"]
    assert flat.X["Visits"].tolist()[-1] == 9.0  # of rows of one case and time the last
    counts = flat.report.counts["files"][0]
    assert counts["quarantined"] == {"bad_date": 1, "missing_date": 1, "missing_label": 1, "short_row": 1}
    assert counts["ignored"] == {"same_case": 1}


def test_useless_columns_are_left_out_with_why(tmp_path: Path):
    text = many(
        {
            "Prospect": [f"p{i}-x" for i in range(100)],
            "Lead Number": list(range(5000, 5100)),
            "Mail": ["a@b.example", "c@d.example"],
            "Constant": ["x"],
            "Empty": [""],
            "Amount": [i * 1.5 for i in range(100)],
            "Half": ["x", ""],
            "Mostly": [*["1"] * 98, "2", "x"],
            "Less": [*["1"] * 97, "2", "x", "y"],
        }
    )
    flat = read(tmp_path, text)
    assert {f.name: str(f.kind) for f in flat.features} == {
        "Amount": "number", "Half": "category", "Mostly": "number", "Less": "category",
    }  # fmt: skip
    why = {d["column"]: d["why"] for d in flat.report.denied}
    assert why["Prospect"].startswith("near-unique text (100 texts in 100 rows)")
    assert why["Lead Number"].startswith("an id")
    assert why["Mail"] == "e-mail addresses"
    assert (why["Constant"], why["Empty"]) == ("constant", "empty")
    kept = read(tmp_path, text, allow=["prospect"]).features
    assert "Prospect" in [f.name for f in kept]


def test_sensitive_columns_are_left_out_unless_allowed(tmp_path: Path):
    text = many(
        {"Gender": ["F", "M"], "customerAge": [20, 30], "Edad": [1, 2], "Page": [1, 2], "Estado civil": ["a", "b"]}
    )
    flat = read(tmp_path, text)
    assert [f.name for f in flat.features] == ["Page"]
    assert {d["column"] for d in flat.report.denied} == {"Gender", "customerAge", "Edad", "Estado civil"}
    assert flat.report.denied[0]["why"] == "sensitive (gender); source.allow=[Gender] takes it in"
    allowed = read(tmp_path, text, allow=["customerage"])
    assert [f.name for f in allowed.features] == ["customerAge", "Page"]


PEOPLE = {
    "Full Name": [f"Ana {i}" for i in range(15)],
    "Nombre": [f"Eva {i}" for i in range(15)],
    "Apellidos": [f"Ruiz {i}" for i in range(15)],
    "firstName": [f"Bo {i}" for i in range(15)],
    "Phone": [600_000_000 + i for i in range(15)],
    "Teléfono móvil": [f"+34 600 00 {i}" for i in range(15)],
    "Street address": [f"Main {i}" for i in range(15)],
    "Dirección": [f"Mayor {i}" for i in range(15)],
    "E-mail": [f"a{i}@b.example" for i in range(15)],
    "correo": [f"a{i} at b" for i in range(15)],
}
THINGS = {
    "Do Not Email": ["Yes", "No"],
    "Company name": [f"Firm {i}" for i in range(15)],
    "Product name": [f"P {i}" for i in range(15)],
    "Campaign name": [f"K {i}" for i in range(15)],
    "Nombre de la empresa": [f"F {i}" for i in range(15)],
    "Last Notable Activity": [f"Email {i}" for i in range(15)],
    "Emails": list(range(15)),
    "Lead Number": list(range(15)),
    "Name": ["Mr", "Mrs"],
    "Mobile": ["yes", "no"],
}


def test_who_people_are_is_no_feature(tmp_path: Path):
    flat = read(tmp_path, many(PEOPLE | THINGS))
    assert [f.name for f in flat.features] == list(THINGS)
    why = {d["column"]: d["why"] for d in flat.report.denied}
    assert list(why) == list(PEOPLE)
    assert why["Full Name"] == "personal data (name); source.allow=[Full Name] takes it in"
    assert why["Phone"] == "personal data (phone); source.allow=[Phone] takes it in"
    assert "Full Name" in read(tmp_path, many(PEOPLE), allow=["full name"]).X


def test_excluded_columns_and_names_in_any_case(tmp_path: Path):
    flat = read(tmp_path, CASES, label="converted", lead_id="ID", exclude=["source", "When"])
    assert [f.name for f in flat.features] == ["Visits"]
    with pytest.raises(DataError) as error:
        read(tmp_path, CASES, label="Won", time="Day", exclude=["Score"])
    assert "3 column(s) missing in cases.csv: source.label=Won, source.time=Day, source.exclude=Score" in str(
        error.value
    )
    assert "found: Id, Source, Visits, When, Converted" in str(error.value)


def test_a_list_to_score_needs_no_label_and_keeps_every_column(tmp_path: Path):
    flat = read(tmp_path, "Id,Source,Visits,Constant\na,Google,3,x", labelled=False, lead_id="Id", exclude=["Gone"])
    assert list(flat.X) == ["Source", "Visits", "Constant"]
    assert flat.snapshots["label"].isna().all()
    assert flat.features == []
    # The label may be there; it is no feature.
    assert list(read(tmp_path, CASES, labelled=False).X) == ["Id", "Source", "Visits", "When"]


def test_a_list_to_score_is_left_to_the_scorer_to_read(tmp_path: Path):
    # In this file Discount looks like a number, Tag like an id, Gender is sensitive, and Note was excluded.
    text = "Discount,Tag,Gender,Note,E-mail\n50%,t1,F,x,a@b.example\n1.50,N/A,,Select,\n"
    flat = read(tmp_path, text, labelled=False, exclude=["Note"], label=None)
    assert flat.X.to_dict("list") == {
        "Discount": ["50%", "1.50"],
        "Tag": ["t1", "N/A"],
        "Gender": ["F", None],
        "Note": ["x", "Select"],
        "E-mail": ["a@b.example", None],
    }
    wanted = [Feature(c, "firmographic", Kind.CATEGORY, "", None, c, c) for c in flat.X]
    theirs = clean_values(pd.read_csv(tmp_path / "cases.csv"), wanted, MISSING_TEXTS)
    pd.testing.assert_frame_equal(clean_values(flat.X, wanted, MISSING_TEXTS), theirs, check_exact=True)
    assert theirs["Discount"].tolist() == ["50%", "1.5"]


@pytest.mark.parametrize("name", ["cases.csv", "cases.parquet"])
def test_missing_words_of_a_category_are_the_scorers(tmp_path: Path, name: str):
    frame = pd.DataFrame({"a": ["x", "Select"], "b": ["1", "-"]})
    path = tmp_path / name
    frame.to_csv(path, index=False) if name.endswith("csv") else frame.to_parquet(path)
    mapping = parse_mapping(load("flat", path))
    assert read_flat(mapping, connect(), labelled=False).X.to_dict("list") == frame.to_dict("list")


def test_rows_to_score_keep_their_places_and_numbers(tmp_path: Path):
    text = "Id,When,n\nb,2025-01-02,1\na,2025-01-01,2\nb,2025-01-02,3\nshort\n,31/02/2025,4\nN/A,,5\nx,y,z,long\nb,,6"
    flat = read(tmp_path, text, labelled=False, lead_id="Id", time="When")
    kept = flat.snapshots[["lead_id", "position"]].assign(n=flat.X["n"])
    assert kept.to_csv(index=False).strip() == table("""
        lead_id,position,n
        b,1,1
        a,2,2
        b,3,3
        row-000005,5,4
        row-000006,6,5
        b,8,6""")
    assert flat.snapshots["cutoff"].isna().tolist() == [False, False, False, True, True, True]
    counts = flat.report.counts["files"][0]
    assert (counts["rows"], counts["quarantined"], counts["ignored"]) == (8, {"short_row": 1, "long_row": 1}, {})


def test_a_made_id_is_never_taken_for_a_given_one(tmp_path: Path):
    flat = read(tmp_path, "Id,n,Converted\n,1,1\nrow-000001,2,0\nrow-000001,3,0\n,4,1", lead_id="Id")
    assert flat.X["n"].tolist() == [1.0, 3.0, 4.0]
    assert flat.snapshots["lead_id"].tolist() == ["row-000001", "row-000001", "row-000004"]
    assert flat.report.counts["files"][0]["ignored"] == {"same_case": 1}


def test_numbers_of_rows_above_a_million_stay_apart(tmp_path: Path):
    path = tmp_path / "cases.parquet"
    pd.DataFrame({"n": np.zeros(1_000_002, dtype=np.int8)}).to_parquet(path)
    flat = read_flat(parse_mapping(load("flat", path)), connect(), labelled=False)
    assert flat.snapshots["lead_id"].iloc[[0, -3, -1]].tolist() == ["row-000001", "row-1000000", "row-1000002"]
    assert flat.snapshots["lead_id"].is_unique


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Total Time Spent on Website", "behaviour"),
        ("Page Views Per Visit", "behaviour"),
        ("Último contacto", "timing"),
        ("duration", "timing"),
        ("lastVisitDate", "timing"),
        ("Lead Source", "channel"),
        ("utm_medium", "channel"),
        ("Country", "firmographic"),
        ("balance", "firmographic"),
    ],
)
def test_families_are_guessed_from_names(name: str, family: str):
    features, _ = choose_columns(pd.DataFrame({name: ["a", "b"]}), ())
    assert (features[0].family, features[0].en) == (family, name.replace("_", " "))


def test_names_that_databases_like(tmp_path: Path):
    flat = read(tmp_path, "_id,select,a.b,Converted\nx,1,2,1\ny,3,4,0", lead_id="_id")
    assert flat.snapshots["lead_id"].tolist() == ["x", "y"]
    assert flat.X.to_dict("list") == {"select": [1.0, 3.0], "a.b": [2.0, 4.0]}


def test_any_header_is_a_name(tmp_path: Path):
    header = "_row,_file,_at_home,_case_n,_case_id,Visits,visits,VISITS,c0,_n,home,rowid"
    text = f"{header},Converted\n" + "\n".join(f"{','.join(str(r * 100 + i) for i in range(12))},{r}" for r in (0, 1))
    flat = read(tmp_path, text)
    names = header.split(",")
    assert list(flat.X) == names
    assert flat.X.iloc[1].tolist() == [100.0 + i for i in range(12)]
    assert flat.snapshots["position"].tolist() == [1, 2]
    new = read(tmp_path, text, labelled=False, lead_id="visits", exclude=["Visits"])
    assert new.snapshots["lead_id"].tolist() == ["6", "106"]
    assert "visits" not in new.X and {"Visits", "VISITS"} <= set(new.X)
    excluded = read(tmp_path, text, exclude=["visits"])
    assert [d["column"] for d in excluded.report.denied] == ["visits"]
    assert {"Visits", "VISITS"} <= set(excluded.X)


def test_a_time_beside_a_column_of_its_inner_name(tmp_path: Path):
    flat = read(tmp_path, "home,_at_home,Converted\n2025-01-01,1,1\n2025-01-02,2,0", time="home")
    assert flat.X["_at_home"].tolist() == [1.0, 2.0]
    assert flat.snapshots["cutoff"].dt.day.tolist() == [1, 2]


def test_parquet_is_read_as_well(tmp_path: Path):
    frame = pd.DataFrame(
        {"n": [1, 2, 3], "ok": [True, False, None], "when": pd.to_datetime(["2025-01-01"] * 3), "y": [1, 0, 1]}
    )
    frame.to_parquet(tmp_path / "cases.parquet")
    mapping = parse_mapping(load("flat", tmp_path / "cases.parquet", label="y", time="when", allow=["n", "ok"]))
    flat = read_flat(mapping, connect(), labelled=True)
    assert flat.X["ok"].tolist() == ["true", "false", None]
    assert flat.X["n"].tolist() == [1.0, 2.0, 3.0]
    assert flat.snapshots["cutoff"].dt.year.tolist() == [2025] * 3


def test_refusals(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"source.label is missing"):
        read(tmp_path, CASES, label=None)
    with pytest.raises(DataError, match=r"is not a file"):
        read_flat(parse_mapping(load("flat", tmp_path, label="x")), connect(), labelled=True)
    with pytest.raises(DataError, match=r"columns of one name: a; rename them"):
        read(tmp_path, "a,a,Converted\n1,2,1")
    with pytest.raises(DataError, match=r"no row of cases.csv can be used"):
        read(tmp_path, "a,Converted")
    with pytest.raises(ConfigurationError, match=r"source.path: missing"):
        parse_mapping(load("flat", tmp_path, label="x") | {"path": None})


# --- values


def features(frame: pd.DataFrame) -> list[Feature]:
    """Features of a frame, by the names of its columns: n... are numbers, the others categories."""
    kinds = {c: Kind.NUMBER if c.startswith("n") else Kind.CATEGORY for c in frame}
    return [Feature(c, "firmographic", k, "", None, c, c) for c, k in kinds.items()]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12.0),
        ("-1.5e3", -1500.0),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567.0),
        ("€ 3.500,00", 3500.0),
        ("USD 250,000.00", 250000.0),
        ("45 %", 45.0),
        ("1.234", 1.234),  # a thousand two hundred in some countries, but nothing says so
        ("1,2", 1.2),
        ("1_000", None),
        ("inf", None),
        ("1e999", None),
        ("nan", None),
        ("true", None),
        ("12 kg", None),
        ("", None),
    ],
)
def test_numbers_in_texts(text: str, number: float | None):
    value = parse_number(text)
    assert np.isnan(value) if number is None else value == number


def test_one_text_for_a_value_however_it_was_read():
    frame = pd.DataFrame(
        {
            "c_int": [1, 2, 3],
            "c_float": [1.0, np.nan, 2.5],
            "c_bool": [True, False, True],
            "c_mixed": [True, 1, " x "],
            "c_text": ["TRUE", "1.0", "0012"],
            "c_big": ["1234567890123456789", "N/A", "Select"],
            "n_text": ["1,000", "x", None],
            "n_bool": [True, False, True],
        }
    )
    clean = clean_values(frame, features(frame), ["Select"])
    expected = pd.DataFrame(
        {
            "c_int": ["1", "2", "3"],
            "c_float": ["1", None, "2.5"],
            "c_bool": ["true", "false", "true"],
            "c_mixed": ["true", "1", "x"],
            "c_text": ["true", "1", "12"],
            "c_big": ["1234567890123456789", None, None],
            "n_text": [1000.0, np.nan, np.nan],
            "n_bool": [np.nan] * 3,
        }
    )
    texts = [c for c in expected if c.startswith("c")]
    assert clean[texts].to_dict("list") == expected[texts].astype(object).where(expected[texts].notna(), None).to_dict(
        "list"
    )
    pd.testing.assert_frame_equal(clean[["n_text", "n_bool"]], expected[["n_text", "n_bool"]])
    assert [str(t) for t in clean.dtypes] == ["object"] * 6 + ["float64"] * 2


def test_columns_of_the_model_must_be_there():
    frame = pd.DataFrame({"a": ["x"]})
    wanted = features(pd.DataFrame({"b": ["x"], "a": ["x"], "c": ["x"]}))
    with pytest.raises(DataError, match=r"2 column\(s\) of the model are not in the data: b, c; found: a"):
        clean_values(frame, wanted, [])


def test_index_and_order_are_kept():
    frame = pd.DataFrame({"x": ["1"], "n": ["2"], "other": [0]}, index=[7])
    clean = clean_values(frame, features(frame[["n", "x"]]), [])
    assert list(clean) == ["n", "x"]
    assert clean.index.tolist() == [7]


def test_missing_numbers_may_be_declared():
    frame = pd.DataFrame({"n": [-1, 5, 9999]})
    assert clean_values(frame, features(frame), ["-1", "9999"])["n"].tolist() == pytest.approx(
        [np.nan, 5, np.nan], nan_ok=True
    )


texts = st.one_of(
    st.sampled_from(
        ["", "NA", "Select", "True", "FALSE", "1", "1.0", "-0", "1e3", "007", "inf", "x", "a b", "1,5", "<NA>", "12.50"]
    ),
    st.integers(-(10**15), 10**15).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(str),
    st.text("abcXYZ01.-", max_size=4),
)


@settings(max_examples=150, deadline=None)
@given(columns=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5))
def test_pandas_guesses_change_nothing(columns: list[tuple[str, str, str]]):
    raw = pd.DataFrame({f"{k}{i}": list(c) for i, c in enumerate(columns) for k in ("n", "c")})
    guessed = pd.read_csv(io.StringIO(raw.to_csv(index=False)), skip_blank_lines=False)
    wanted = features(raw)
    clean = clean_values(raw, wanted, MISSING_TEXTS)
    pd.testing.assert_frame_equal(clean, clean_values(guessed, wanted, MISSING_TEXTS), rtol=1e-12)
    pd.testing.assert_frame_equal(clean, clean_values(clean, wanted, MISSING_TEXTS), check_exact=True)
