import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from conftest import counts
from hypothesis import given, settings
from hypothesis import strategies as st

from leadml.encoding import Encoder, fit_encoder, frequent_levels, level_codes, level_texts
from leadml.errors import ArtifactError, DataError
from leadml.features.dictionary import Feature, Kind

VISITS = Feature("visits", "behaviour", Kind.NUMBER, "count", 30, "visits", "visitas")
SOURCE = Feature("source", "channel", Kind.CATEGORY, "", None, "source", "origen")
EMPTY = Feature("empty", "timing", Kind.NUMBER, "days", None, "empty", "vacío")

TRAIN = """
visits,source,empty
1,web,
2,web,
,mail,
4,mail,
5,fair,
6,,
"""


def frame(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text.strip()), skip_blank_lines=False)


@pytest.fixture
def encoder() -> Encoder:
    return fit_encoder(frame(TRAIN), [VISITS, SOURCE, EMPTY], min_level_rows=2, max_levels=5)


def test_rare_levels_are_folded_and_empty_features_dropped(encoder):
    assert encoder.levels == {"source": ("mail", "web", "(other)")}
    assert encoder.names == ["visits", "source"]
    assert encoder.categorical == [1]
    assert encoder.dropped == ("empty",)


def test_codes_follow_the_levels(encoder):
    expected = [[1, 1], [2, 1], [np.nan, 0], [4, 0], [5, 2], [6, np.nan]]
    np.testing.assert_array_equal(encoder.encode(frame(TRAIN)), np.array(expected, dtype=float))


def test_unseen_is_other_where_there_is_one_else_missing(encoder):
    X = pd.DataFrame({"visits": [1.0, 1.0], "source": ["radio", None]})
    np.testing.assert_array_equal(encoder.encode(X)[:, 1], [2, np.nan])
    without_other = fit_encoder(frame(TRAIN), [SOURCE], min_level_rows=1, max_levels=5)
    assert without_other.levels["source"] == ("fair", "mail", "web")
    np.testing.assert_array_equal(without_other.encode(X)[:, 0], [np.nan, np.nan])


def test_columns_are_taken_by_name(encoder):
    X = frame(TRAIN)
    np.testing.assert_array_equal(encoder.encode(X[["empty", "source", "visits"]]), encoder.encode(X))


def test_missing_columns_are_all_named(encoder):
    with pytest.raises(ArtifactError, match="2 of 2 feature columns are missing: source, visits"):
        encoder.encode(frame(TRAIN)[["empty"]])


def test_most_frequent_levels_are_kept_ties_by_name():
    X = pd.DataFrame({"source": ["d"] * 3 + ["b"] * 2 + ["a"] * 2 + ["c"] * 2})
    assert fit_encoder(X, [SOURCE], 1, 2).levels["source"] == ("a", "d", "(other)")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["1", "0", "1", None], dtype="category"),
        pd.Series([1, 0, 1, None], dtype="Int64"),
        pd.Series([1.0, 0.0, 1.0, np.nan]),
        pd.Series(["1", "0", "1", None], dtype=object),
    ],
)
def test_other_dtypes_mean_the_same(values):
    X = pd.DataFrame({"source": values, "visits": values})
    encoder = fit_encoder(X, [SOURCE, VISITS], 1, 5)
    assert encoder.levels["source"] == ("0", "1")
    np.testing.assert_array_equal(encoder.encode(X), np.array([[1, 1], [0, 0], [1, 1], [np.nan, np.nan]]))


def test_booleans_and_infinities():
    X = pd.DataFrame({"source": [True, False], "visits": [np.inf, 1.0]})
    encoder = fit_encoder(X, [SOURCE, VISITS], 1, 5)
    assert encoder.levels["source"] == ("false", "true")
    np.testing.assert_array_equal(encoder.encode(X), [[1, np.nan], [0, 1]])


def test_text_in_a_number_feature_is_refused(encoder):
    with pytest.raises(ArtifactError, match="visits: 1 of 2 values are not numbers"):
        encoder.encode(pd.DataFrame({"visits": ["1", "many"], "source": ["web", "web"]}))


def test_a_value_here_and_missing_there_still_varies():
    X = pd.DataFrame({"visits": [3.0, np.nan], "source": ["web", "web"]})
    assert fit_encoder(X, [VISITS, SOURCE], 1, 5).names == ["visits"]


def test_nothing_that_varies_is_refused():
    with pytest.raises(DataError, match="none of the 1 features varies"):
        fit_encoder(pd.DataFrame({"visits": [1.0, 1.0]}), [VISITS], 1, 5)


def test_round_trip_through_json(encoder):
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    np.testing.assert_array_equal(again.encode(frame(TRAIN)), encoder.encode(frame(TRAIN)))


def test_the_frame_is_left_alone(encoder):
    X = pd.DataFrame({"visits": [np.inf, 1.0], "source": ["web", None]})
    before = X.copy()
    encoder.encode(X)
    pd.testing.assert_frame_equal(X, before)


def spelt(value: object, whole: bool) -> str | None:
    """A value as text, by itself; ``whole`` where it is of a column of whole numbers."""
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    return str(int(value)) if whole else str(value)


COLUMNS = {
    "text": st.sampled_from(["web", "fair", "(other)", "True", None]),
    "truths and text": st.sampled_from([True, False, "true", "web", None]),
    "numbers and text": st.sampled_from([1, 2.5, "1", None]),
}


@settings(max_examples=counts(60, 600), deadline=None)
@given(st.sampled_from(sorted(COLUMNS)).flatmap(lambda k: st.lists(COLUMNS[k], min_size=1, max_size=30)), st.booleans())
def test_levels_are_those_of_spelling_value_by_value(values, category):
    column = pd.Series(values, dtype=object)
    twin = [spelt(v, False) for v in values]
    if category and len({type(v) for v in values if v is not None}) == 1:
        column = column.astype("category")
    assert level_texts(column).tolist() == twin
    told = Counter(t for t in twin if t is not None and t != "(other)")
    most = sorted(sorted(told, key=lambda t: (-told[t], t))[:2])
    kept = tuple(t for t in most if told[t] >= 2)
    every = len({t for t in twin if t is not None}) == len(kept)
    assert frequent_levels(column, 2, 2) == (kept if every else (*kept, "(other)"))
    place = {t: float(i) for i, t in enumerate(kept)}
    np.testing.assert_array_equal(level_codes(column, kept), [place.get(t, np.nan) for t in twin])


@pytest.mark.parametrize("dtype", ["float64", "Int64", "int64", "boolean", "bool"])
def test_numbers_and_truths_are_spelt_alike_whatever_holds_them(dtype):
    values = [1, 0, 1] if "int" in dtype.lower() or "bool" in dtype else [1.0, 0.0, np.nan]
    column = pd.Series(values, dtype=dtype)
    truths = "bool" in dtype
    twin = [spelt(bool(v), False) if truths else spelt(v, True) for v in values]
    assert level_texts(column).tolist() == twin
