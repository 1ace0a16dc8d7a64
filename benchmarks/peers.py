"""Other learners on the rows that `quality.py` hands them, one call each; imports nothing of leadml.

    python benchmarks/peers.py LEARNER FOLDER OUT SEED SECONDS

reads ``FOLDER/train.parquet``, ``FOLDER/test.parquet`` (features and, in training, ``__label`` and ``__when``, numbers
that rise with time) and ``FOLDER/about.json`` (``categories``: names of the columns that are; ``ordered``: whether
``__when`` tells time), and writes the test rows' probabilities to ``OUT.npy`` and the seconds that fitting and
predicting took to ``OUT.json``. SECONDS is the budget of an AutoML; the others have none. The test
rows' labels are not in these files. `LEARNERS` lists every learner with its settings.
"""

import importlib
import json
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

THREADS = 2


@dataclass
class Rows:
    """What a learner gets: frames of floats and pandas' categories (levels of training), labels, the order of time."""

    train: pd.DataFrame
    label: np.ndarray
    test: pd.DataFrame
    categories: list[str]
    when: np.ndarray | None
    seed: int
    seconds: float

    def held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows to fit on and a fifth to stop by: the newest fifth where there is time, else a random one."""
        if self.when is None:
            order = np.random.default_rng(self.seed).permutation(len(self.label))
        else:
            order = np.argsort(self.when, kind="stable")
        return tuple(np.split(order, [len(order) * 4 // 5]))


def read_rows(folder: Path, seed: int, seconds: float) -> Rows:
    """The rows; columns get plain names, as some learners refuse brackets; those that do not vary in training go."""
    about = json.loads((folder / "about.json").read_text())
    train, test = pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "test.parquet")
    label = train.pop("__label").to_numpy(dtype=int)
    when = train.pop("__when").to_numpy()
    train = train.loc[:, train.nunique(dropna=False) > 1]
    test = test[train.columns]
    names = {c: f"f{j}" for j, c in enumerate(train.columns)}
    categories = [names[c] for c in about["categories"] if c in names]
    train, test = train.rename(columns=names), test.rename(columns=names)
    for name in train.columns:
        if name in categories:
            text = train[name].astype("string")
            levels = sorted(text.dropna().unique())
            train[name] = pd.Categorical(text.to_numpy(dtype=object), levels)
            seen = test[name].astype("string").to_numpy(dtype=object, na_value=None)
            test[name] = pd.Categorical([v if v in set(levels) else None for v in seen], levels)
        else:
            train[name], test[name] = train[name].astype("float64"), test[name].astype("float64")
    return Rows(train, label, test, categories, when if about["ordered"] else None, seed, seconds)


def as_text(frame: pd.DataFrame, categories: list[str]) -> pd.DataFrame:
    """Categories as texts, the missing one a level of its own."""
    texts = {c: frame[c].astype(object).where(frame[c].notna(), "(missing)").astype(str) for c in categories}
    return frame.assign(**texts)


def constant(rows: Rows) -> np.ndarray:
    """The rate of the training rows."""
    return np.full(len(rows.test), (rows.label.sum() + 0.5) / (len(rows.label) + 1))


def logistic(rows: Rows) -> np.ndarray:
    """Medians and a flag where missing, standardised; a column a level (rare ones together); C = 1."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [c for c in rows.train.columns if c not in rows.categories and rows.train[c].notna().any()]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), rows.categories),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=3000))
    model.fit(as_text(rows.train, rows.categories), rows.label)
    return model.predict_proba(as_text(rows.test, rows.categories))[:, 1]


def hist_gradient_boosting(rows: Rows) -> np.ndarray:
    """scikit-learn's defaults, categories as such."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=rows.seed)
    return model.fit(rows.train, rows.label).predict_proba(rows.test)[:, 1]


def lightgbm(rows: Rows) -> np.ndarray:
    """LightGBM's defaults, categories as such."""
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(random_state=rows.seed, n_jobs=THREADS, verbose=-1)
    return np.asarray(model.fit(rows.train, rows.label).predict_proba(rows.test))[:, 1]


def careful(rows: Rows) -> np.ndarray:
    """LightGBM with a low rate, stopped early on the newest fifth (a random one where there is no time)."""
    from lightgbm import LGBMClassifier, early_stopping

    old, new = rows.held_out()
    model = LGBMClassifier(
        n_estimators=3000, learning_rate=0.02, num_leaves=15, min_child_samples=30, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.5, reg_lambda=5.0, random_state=rows.seed, n_jobs=THREADS, verbose=-1,
    )  # fmt: skip
    held = [(rows.train.iloc[new], rows.label[new])]
    model.fit(rows.train.iloc[old], rows.label[old], eval_set=held, eval_metric="binary_logloss",
              callbacks=[early_stopping(100, verbose=False)])  # fmt: skip
    return np.asarray(model.predict_proba(rows.test))[:, 1]


def catboost(rows: Rows) -> np.ndarray:
    """CatBoost's defaults, categories as texts."""
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(random_seed=rows.seed, thread_count=THREADS, verbose=False, allow_writing_files=False,
                               cat_features=rows.categories)  # fmt: skip
    model.fit(as_text(rows.train, rows.categories), rows.label)
    return model.predict_proba(as_text(rows.test, rows.categories))[:, 1]


def xgboost(rows: Rows) -> np.ndarray:
    """XGBoost's defaults, categories as such."""
    from xgboost import XGBClassifier

    model = XGBClassifier(enable_categorical=True, random_state=rows.seed, n_jobs=THREADS)
    return model.fit(rows.train, rows.label).predict_proba(rows.test)[:, 1]


def flaml(rows: Rows) -> np.ndarray:
    """FLAML on log loss for the budget; validated on the newest rows where there is time."""
    from flaml import AutoML

    train, label = rows.train, rows.label
    if rows.when is not None:
        order = np.argsort(rows.when, kind="stable")
        train, label = train.iloc[order].reset_index(drop=True), label[order]
    model = AutoML()
    model.fit(X_train=train, y_train=label, task="classification", metric="log_loss", time_budget=rows.seconds,
              seed=rows.seed, n_jobs=THREADS, verbose=0, log_file_name="",
              split_type="auto" if rows.when is None else "time")  # fmt: skip
    return np.asarray(model.predict_proba(rows.test))[:, 1]


def autogluon(rows: Rows) -> np.ndarray:
    """AutoGluon on log loss for the budget, default presets; the newest fifth as its validation where there is time.

    It takes no seed: the rows come in an order drawn by ours.
    """
    from autogluon.tabular import TabularPredictor

    whole = rows.train.assign(label=rows.label)
    if rows.when is None:
        given = {"train_data": whole.sample(frac=1, random_state=rows.seed)}
    else:
        old, new = rows.held_out()
        given = {"train_data": whole.iloc[old].sample(frac=1, random_state=rows.seed), "tuning_data": whole.iloc[new]}
    with tempfile.TemporaryDirectory(prefix="autogluon-") as folder:
        model = TabularPredictor("label", problem_type="binary", eval_metric="log_loss", path=folder, verbosity=0)
        model.fit(**given, time_limit=rows.seconds, num_cpus=THREADS, num_gpus=0)
        return model.predict_proba(rows.test)[1].to_numpy()


LEARNERS: dict[str, Callable[[Rows], np.ndarray]] = {
    "constant": constant,
    "logistic": logistic,
    "HistGradientBoosting": hist_gradient_boosting,
    "LightGBM": lightgbm,
    "careful LightGBM": careful,
    "CatBoost": catboost,
    "XGBoost": xgboost,
    "FLAML": flaml,
    "AutoGluon": autogluon,
}


# Loaded before the clock starts.
LIBRARIES = {
    "logistic": ("sklearn.compose", "sklearn.impute", "sklearn.linear_model", "sklearn.pipeline"),
    "HistGradientBoosting": ("sklearn.ensemble",),
    "LightGBM": ("lightgbm",),
    "careful LightGBM": ("lightgbm",),
    "CatBoost": ("catboost",),
    "XGBoost": ("xgboost",),
    "FLAML": ("flaml",),
    "AutoGluon": ("autogluon.tabular",),
}


def used_seconds() -> float:
    """Seconds of processor, those of ended children included."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(r.ru_utime + r.ru_stime for r in both)


def main(learner: str, folder: str, out: str, seed: str, seconds: str) -> None:
    """Fits, predicts and writes; the seconds file comes last, so that it stands for a whole result."""
    warnings.simplefilter("ignore")
    rows = read_rows(Path(folder), int(seed), float(seconds))
    for library in LIBRARIES.get(learner, ()):
        importlib.import_module(library)
    began, used = time.perf_counter(), used_seconds()
    p = np.asarray(LEARNERS[learner](rows), dtype=np.float64)
    told = {"seconds": time.perf_counter() - began, "processor_seconds": used_seconds() - used}
    np.save(f"{out}.npy", p)
    Path(f"{out}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
