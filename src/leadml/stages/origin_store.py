"""Finished origins of a backtest, so that the next run goes on with them: data/origins/DIGEST, one folder an origin.

The digest is of everything that an origin is made of: its rows with their features and labels, which of them train and
judge, the settings of the recipe, the features, the code and the libraries. Whatever changed makes another digest, so a
stale origin is never taken for one of this backtest. What no origin depends on is left out: threads, and the settings
of train that decide what is told or promoted, or that a backtest does not follow (`NOT_FOLLOWED`).
"""

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import ArrowException

from leadml.backtest import Judged, Origin
from leadml.features.dictionary import Feature
from leadml.recipe import RecipeConfig
from leadml.stages.settings import plain
from leadml.workspace import Workspace

LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy")
TEST, FACTS = "test.parquet", "facts.json"
NOT_FOLLOWED = ("tune", "promote", "enough")  # of train.*


@dataclass(frozen=True)
class Inputs:
    """The digests of what every origin is made of: each row's (n,) uint64, and all the rest."""

    snapshots: np.ndarray
    X: np.ndarray
    rest: str

    @classmethod
    def of(
        cls, snapshots: pd.DataFrame, X: pd.DataFrame, features: Sequence[Feature], config: RecipeConfig
    ) -> "Inputs":
        """Of the tables, row i of one belonging to row i of the other, and of everything that is done with them."""
        snapshots = snapshots.drop(columns="position")  # a rank among all rows, which no dated recipe looks at
        recipe = {k: v for k, v in plain(asdict(config)).items() if k != "threads"}
        recipe["train"] = {k: v for k, v in recipe["train"].items() if k not in NOT_FOLLOWED}
        rest = {
            "recipe": recipe,
            "features": [f.to_dict() for f in features],
            "columns": [[str(c), str(t)] for frame in (snapshots, X) for c, t in frame.dtypes.items()],
            "code": digest_code(),
            "libraries": {name: version(name) for name in LIBRARIES},
        }
        return cls(digest_rows(snapshots), digest_rows(X), json.dumps(rest, sort_keys=True))

    def key(self, origin: Origin) -> str:
        """The digest of one origin."""
        split, rows = origin.split, origin.rows
        digest = hashlib.sha256(f"{self.rest}\n{origin.at} {origin.until}\n".encode())
        parts = [split.train, split.test, *[part for fold in split.folds for part in fold]]
        # Places among the origin's own rows: rows of other times may come and go.
        for part in (self.snapshots[rows], self.X[rows], *[np.searchsorted(rows, part) for part in parts]):
            digest.update(f"{len(part)}\n".encode())
            digest.update(part.astype("<u8").tobytes())
        return digest.hexdigest()


def digest_rows(frame: pd.DataFrame) -> np.ndarray:
    """A number for every row (n,) uint64, of its values in the order of the columns."""
    hashes: np.ndarray = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
    return hashes


def digest_code() -> str:
    """Of the package's own files."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read_origin(workspace: Workspace, key: str, origin: Origin) -> Judged | None:
    """What was finished under the key; None where nothing was, or where its files are not whole."""
    folder = workspace.origins / key
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts.pop("sha256") != hashlib.sha256((folder / TEST).read_bytes()).hexdigest():
            return None
        test = pd.read_parquet(folder / TEST)
    except (OSError, ValueError, KeyError, ArrowException):
        return None
    # Rows are kept by their place among the origin's own, which holds whatever else the table has by now.
    return Judged(test.assign(snapshot=origin.rows[test["snapshot"]]), facts)


def write_origin(workspace: Workspace, key: str, origin: Origin, judged: Judged) -> None:
    """Publishes an origin whole, or not at all."""
    with workspace.publish() as out:
        folder = out.folder(workspace.origins / key)
        places = np.searchsorted(origin.rows, judged.test["snapshot"].to_numpy())
        judged.test.assign(snapshot=places).to_parquet(folder / TEST, index=False)
        facts = plain(judged.facts) | {"sha256": hashlib.sha256((folder / TEST).read_bytes()).hexdigest()}
        (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def drop_others(workspace: Workspace, keys: Collection[str]) -> int:
    """Deletes the origins that are not among the keys, and gives how many: no backtest of now takes them.

    They hold leads with their labels, also of leads that were erased from the exports since.
    """
    folders = workspace.origins.iterdir() if workspace.origins.is_dir() else ()
    others = [f for f in folders if re.fullmatch("[0-9a-f]{64}", f.name) and f.name not in keys]
    for folder in others:
        shutil.rmtree(folder)
    return len(others)
