import ctypes
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from made_lists import category, make_config, number

from leadml.encoding import Encoder, fit_encoder
from leadml.metrics import auc, log_loss
from leadml.models.boosted import PATIENCE, STRIDE, FoldData, bin_fold, booster_parameters, choose_trees, fit_boosters
from leadml.models.trees import predict_margins

MODEL = make_config().model


def make_rows(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(seed)
    X = pd.DataFrame({"visits, 30 días": generator.normal(size=rows), "noise": generator.normal(size=rows)})
    X["source"] = generator.choice(["web", "mail", "fair", "ads", "call", "chat"], rows)
    X.loc[generator.random(rows) < 0.1, "noise"] = np.nan
    odds = -2 + X["visits, 30 días"] + 1.5 * X["source"].isin(["fair", "call"])
    return X, (generator.random(rows) < 1 / (1 + np.exp(-odds))).astype(float).to_numpy()


def fit_booster(matrix, label, encoder, model, trees, seed, threads):
    return fit_boosters(matrix, label, encoder, [(booster_parameters(model, seed, threads), trees)], threads)[0]


def choose(folds, threads=1):
    parameters = booster_parameters(MODEL, 3, 1)
    return choose_trees([bin_fold(f, parameters) for f in folds], [[parameters]] * len(folds), MODEL.max_trees, threads)


FEATURES = [number("visits, 30 días"), number("noise"), category("source")]


@pytest.fixture(scope="module")
def fitted() -> tuple[Encoder, np.ndarray, np.ndarray]:
    X, label = make_rows(3000, 1)
    encoder = fit_encoder(X, FEATURES, 10, 20)
    return encoder, encoder.encode(X), label


def trees_of(booster) -> str:
    return "\n".join(line for line in booster.model_to_string().splitlines() if "num_threads" not in line)


def test_one_and_two_threads_grow_the_same_trees(fitted):
    encoder, matrix, label = fitted
    one, two, again = (fit_booster(matrix, label, encoder, MODEL, 20, 3, t) for t in (1, 2, 1))
    assert trees_of(one) == trees_of(two) == trees_of(again)
    np.testing.assert_array_equal(predict_margins(one, matrix, 1), predict_margins(two, matrix, 2))
    other = fit_booster(matrix, label, encoder, MODEL, 20, 4, 1)
    assert trees_of(other) != trees_of(one)


def test_names_are_safe_and_categories_native(fitted):
    encoder, matrix, label = fitted
    booster = fit_booster(matrix, label, encoder, MODEL, 20, 3, 1)
    assert booster.feature_name() == ["f0", "f1", "f2"]
    assert "num_cat=1" in booster.model_to_string() or "num_cat=2" in booster.model_to_string()


def test_it_learns(fitted):
    encoder, matrix, label = fitted
    booster = fit_booster(matrix, label, encoder, MODEL, 40, 3, 1)
    X, unseen = make_rows(3000, 2)
    assert auc(unseen, predict_margins(booster, encoder.encode(X), 1)) > 0.75


def make_folds(count: int) -> list[FoldData]:
    folds = []
    for k in range(count):
        X, label = make_rows(1500, 10 + k)
        V, validation = make_rows(800, 20 + k)
        encoder = fit_encoder(X, FEATURES, 10, 20)
        matrix = encoder.encode(V)
        folds.append(FoldData(encoder, encoder.encode(X), label, matrix, validation, partial(iter, [matrix])))
    return folds


def test_the_count_is_the_lowest_mean_loss_by_a_slow_twin():
    """Every count fitted anew and predicted with."""
    folds = make_folds(2)
    choice = choose(folds)
    losses = []
    for count in range(1, len(choice.curve) + 1, 7):
        fold_losses = []
        for fold in folds:
            booster = fit_booster(fold.fit, fold.fit_labels, fold.encoder, MODEL, count, 3, 1)
            margin = predict_margins(booster, fold.validation, 1)
            fold_losses.append(log_loss(fold.validation_labels, 1 / (1 + np.exp(-margin))))
        losses.append(np.mean(fold_losses))
    np.testing.assert_allclose(choice.curve[::7], losses, rtol=1e-9)
    assert choice.trees == int(np.argmin(choice.curve)) + 1
    for fold, margin in zip(folds, choice.margins, strict=True):
        booster = fit_booster(fold.fit, fold.fit_labels, fold.encoder, MODEL, choice.trees, 3, 1)
        np.testing.assert_allclose(margin, predict_margins(booster, fold.validation, 1), rtol=1e-12)


def test_noise_stops_early():
    folds = make_folds(2)
    generator = np.random.default_rng(0)
    shuffled = [replace(f, fit_labels=generator.permutation(f.fit_labels)) for f in folds]
    choice = choose(shuffled)
    assert choice.trees < 15
    assert len(choice.curve) <= choice.trees + PATIENCE + STRIDE


def test_rows_too_few_to_split_give_a_constant():
    folds = make_folds(1)
    small = [replace(f, fit=f.fit[:15], fit_labels=f.fit_labels[:15]) for f in folds]
    choice = choose(small)
    assert choice.trees == 1
    assert np.ptp(choice.margins[0]) == 0


def test_columns_read_where_they_are_give_the_trees_of_a_matrix():
    X, label = make_rows(3000, 5)
    X.loc[7, "noise"] = np.inf
    encoder = fit_encoder(X, FEATURES, 10, 20)
    parameters = [(booster_parameters(MODEL, 3, 1), 20)]
    for rows in (None, np.arange(100, 2500)):
        y = label if rows is None else label[rows]
        matrix, columns = encoder.encode(X, rows), encoder.columns(X, rows)
        np.testing.assert_array_equal(np.column_stack([c.to_numpy() for c in columns.columns]), matrix)
        one, two = (fit_boosters(data, y, encoder, parameters, 2)[0] for data in (matrix, columns))
        assert trees_of(one) == trees_of(two)
    # A column of numbers without infinities is not copied.
    column = X["visits, 30 días"].to_numpy()
    found = encoder.columns(X)["f0"].chunk(0).buffers()[1].address
    assert found == column.__array_interface__["data"][0]


def test_lightgbm_is_asked_for_one_number_of_threads_while_boosters_grow(fitted, monkeypatch):
    """It keeps that number for the process; another thread's higher one is written beyond its buffers (a crash)."""
    encoder, matrix, label = fitted
    count = ctypes.c_int.in_dll(lgb.basic._LIB, "LGBM_DEFAULT_NUM_THREADS")
    parameters, seen, ended = booster_parameters(MODEL, 1, 2), [], Event()
    update = lgb.Booster.update

    def watched(booster, *args, **words):
        seen.append(count.value)
        finished = update(booster, *args, **words)
        seen.append(count.value)
        return finished

    def predict():
        while not ended.is_set():
            predict_margins(other, matrix, 2)

    other = fit_boosters(matrix, label, encoder, [(parameters, 3)], 2)[0]
    monkeypatch.setattr(lgb.Booster, "update", watched)
    with ThreadPoolExecutor(1) as pool:
        predicting = pool.submit(predict)
        for _ in range(5):
            fit_boosters(matrix, label, encoder, [(parameters, 5), (parameters | {"seed": 2}, 5)], 2)
            choose_trees([bin_fold(fold, parameters) for fold in make_folds(2)], [[parameters]] * 2, 5, 2)
        ended.set()
        predicting.result()
    assert set(seen) == {1}
