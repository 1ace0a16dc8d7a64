"""The scorer: a folder of plain files that turns feature frames into probabilities, scores and exact reasons.

``booster-1.txt`` and so on are LightGBM's own texts, one a booster; ``scorer.json`` holds everything else. Together
they are immutable and known by their digest. ``decision.json`` beside them (threshold, grades) names that digest and
may be chosen again. Nothing is unpickled.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import logit

from leadml.calibration import Calibrator
from leadml.encoding import Encoder
from leadml.errors import ArtifactError
from leadml.features.values import clean_values
from leadml.models import Model, restore_members, store_members
from leadml.reasons import (
    POINTS_PER_LOG_ODD,
    Reasons,
    ReasonsStyle,
    Reference,
    explain_points,
    family_points,
    reasons_text,
    write_reasons,
)
from leadml.thresholds import grade_of

FORMAT = 3  # raised with every change of what scorer.json holds or of what a feature's name means
SCORER, DECISION = "scorer.json", "decision.json"
INTENT = ["behaviour", "timing", "channel"]


@dataclass(frozen=True)
class Scale:
    """What the score means, frozen at the first training: p50 scores 50, ten points more double the odds.

    ``reference`` holds the mean points of each family over the reference list; fit and intent are centred on them.
    """

    p50: float
    reference: dict[str, float]


@dataclass(frozen=True)
class LeadScorer:
    """Scores frames of features. ``about`` holds the problem, the feature specification and the training's facts.

    ``reference`` is what a lead's values are compared with in words: the newest test list of the training. ``files``
    are the texts that the scorer was read from, None for one that was just trained.
    """

    model: Model
    calibrator: Calibrator
    scale: Scale
    missing: tuple[str, ...]
    about: dict[str, Any]
    reference: Reference = field(default_factory=Reference)
    decision: dict[str, Any] | None = None
    files: dict[str, str] | None = None

    @property
    def encoder(self) -> Encoder:
        """The model's."""
        return self.model.encoder

    @classmethod
    def load(cls, folder: str | Path) -> "LeadScorer":
        """Reads the scorer, and the decision where there is one.

        Raises:
            ArtifactError: a file is missing or broken, or the decision belongs to another scorer.
        """
        scorer = cls.load_without_decision(folder)
        return scorer.with_decision(read_decision(Path(folder), scorer.version))

    @classmethod
    def load_without_decision(cls, folder: str | Path) -> "LeadScorer":
        """`load` that does not look at decision.json, so that a broken one can be chosen again."""
        folder = Path(folder)
        try:
            texts = {SCORER: (folder / SCORER).read_text(encoding="utf-8")}
            entry = json.loads(texts[SCORER])
            found = entry.get("format")
            if found != FORMAT:
                raise ArtifactError(f"{folder}: scorer format {found}, this version reads {FORMAT}; train again")
            boosters = []
            for name, digest in entry["boosters"].items():
                texts[name] = (folder / Path(name).name).read_text(encoding="utf-8")
                if digest != text_digest(texts[name]):
                    raise ArtifactError(
                        f"the scorer in {folder} is broken: {name} is not the file that {SCORER} was written with; "
                        "train again or restore the folder"
                    )
                boosters.append(lgb.Booster(model_str=texts[name]))
            encoder = Encoder.from_dict(entry["encoder"])
            scorer = cls(
                model=Model(encoder, restore_members(entry["members"], boosters)),
                calibrator=Calibrator(**entry["calibration"]),
                scale=Scale(**entry["scale"]),
                missing=tuple(entry["missing"]),
                about=entry["about"],
                reference=Reference.from_dict(entry["reference"], encoder.levels),
                files=texts,
            )
        except FileNotFoundError as error:
            raise ArtifactError(f"no scorer in {folder}: {error.filename} is missing; run leadml train") from error
        except (
            json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError, IndexError, ValueError,
            lgb.basic.LightGBMError,
        ) as error:  # fmt: skip
            raise ArtifactError(
                f"the scorer in {folder} is broken ({error}); train again or restore the folder"
            ) from error
        return scorer

    def with_decision(self, decision: dict[str, Any] | None) -> "LeadScorer":
        """The same scorer with threshold and grades."""
        return replace(self, decision=decision)

    def save(self, folder: Path) -> None:
        """Writes scorer.json and the boosters; the same scorer gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.texts.items():
            (folder / name).write_text(text, encoding="utf-8")

    @cached_property
    def texts(self) -> dict[str, str]:
        """The files by name: as they were read, so that a newer leadml gives a stored model no other version."""
        if self.files is not None:
            return self.files
        members, boosters = store_members(self.model.members)
        # The one line of the model text that depends on the machine rather than on the data.
        texts = {
            f"booster-{i}.txt": re.sub(
                r"^\[num_threads: .*\]$", "[num_threads: 0]", booster.model_to_string(), flags=re.M
            )
            for i, booster in enumerate(boosters, start=1)
        }
        entry = {
            "format": FORMAT,
            "boosters": {name: text_digest(text) for name, text in texts.items()},
            "members": members,
            "encoder": self.encoder.to_dict(),
            "calibration": self.calibrator.to_dict(),
            "scale": {"p50": self.scale.p50, "reference": self.scale.reference},
            "missing": list(self.missing),
            "reference": self.reference.to_dict(),
            "about": self.about,
        }
        return texts | {SCORER: json.dumps(entry, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the files' names and texts."""
        whole = hashlib.sha256()
        for name, text in sorted(self.texts.items()):
            whole.update(f"{name}\0{len(text.encode())}\0".encode() + text.encode())
        return whole.hexdigest()

    @property
    def version(self) -> str:
        """The first twelve digits of the digest: the model version that every output carries."""
        return self.digest[:12]

    def prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame's feature columns with the types that the model reads; missing-value words become missing.

        Raises:
            ArtifactError: feature columns are missing.
        """
        absent = sorted(set(self.encoder.names) - set(frame.columns))
        if absent:
            raise ArtifactError(
                f"{len(absent)} of {len(self.encoder.names)} features are missing from the frame: {', '.join(absent)}; "
                "pass the columns that the model was trained on"
            )
        return clean_values(frame[self.encoder.names], list(self.encoder.features), self.missing)

    def margin(self, X: pd.DataFrame) -> np.ndarray:
        """The model's margin (n,), natural log-odds before calibration, of a prepared frame."""
        return self.model.margins(X)

    def raw_score(self, margin: np.ndarray) -> np.ndarray:
        """The score before it is clipped to 0-100: 50 + 10 * log2(odds(p) / odds(p50))."""
        return 50 + POINTS_PER_LOG_ODD * (self.calibrator.log_odds(margin) - float(logit(self.scale.p50)))

    def points(self, X: pd.DataFrame) -> tuple[float, np.ndarray]:
        """Base points and exact points (n, k) of a prepared frame: they add up to `raw_score`.

        SHAP values of the margin (`Model.contributions`): path-dependent ones (Lundberg et al. 2020) of trees.
        """
        base, values = self.model.contributions(self.encoder.encode(X))
        return explain_points(values, base, self.calibrator.slope, self.calibrator.intercept, self.scale.p50)

    def pair_points(self, X: pd.DataFrame) -> np.ndarray | None:
        """Mean absolute points that pairs of features give together, of a prepared frame: (k, k), symmetric.

        Shapley interaction values, by `leadml.treeshap`; None where numba cannot be used.
        """
        strength = self.model.interaction_strength(self.encoder.encode(X))
        return None if strength is None else POINTS_PER_LOG_ODD * abs(self.calibrator.slope) * strength

    def fit_and_intent(self, points: np.ndarray) -> pd.DataFrame:
        """Fit (firmographic points) and intent (behaviour, timing, channel), centred on the reference list."""
        families = family_points(points, self.encoder.features) - pd.Series(self.scale.reference)
        intent = sum(families[name] for name in INTENT)  # in this order, whoever else is on the list
        return pd.DataFrame({"fit": families["firmographic"], "intent": intent})

    def score(self, frame: pd.DataFrame, style: ReasonsStyle | None = None) -> pd.DataFrame:
        """Scores a frame that holds the model's feature columns, in any order and beside others.

        Returns:
            One row a row, same index: probability (calibrated), score (0-100), grade (only with a decision), fit,
            intent (points), reasons (text: those for, then those against, "; " between them).

        Raises:
            ArtifactError: feature columns are missing or hold what cannot be read.
        """
        X = self.prepare(frame)
        _, points = self.points(X)
        return self.score_prepared(X, points, self.reasons(X, points, style)).set_index(frame.index)

    def reasons(self, X: pd.DataFrame, points: np.ndarray, style: ReasonsStyle | None = None) -> Reasons:
        """The reasons of a prepared frame whose points are known."""
        return write_reasons(points, X, self.encoder.features, style or ReasonsStyle(), self.reference)

    def score_prepared(self, X: pd.DataFrame, points: np.ndarray, reasons: Reasons) -> pd.DataFrame:
        """`score` for a prepared frame whose points and reasons are known already; RangeIndex."""
        margin = self.margin(X)
        scored = pd.DataFrame(
            {
                "probability": self.calibrator.probability(margin),
                "score": np.clip(self.raw_score(margin), 0, 100),
            }
        )
        if self.decision is not None:
            scored["grade"] = grade_of(scored["score"].to_numpy(), self.decision["grades"])
        scored[["fit", "intent"]] = self.fit_and_intent(points)
        scored["reasons"] = pd.Series(reasons_text(reasons), dtype="str")
        return scored


def text_digest(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_decision(folder: Path, version: str) -> dict[str, Any] | None:
    """The decision beside a scorer, or None; raises `ArtifactError` if it is broken or names another scorer."""
    path = folder / DECISION
    if not path.exists():
        return None
    try:
        decision: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        named = decision["model_version"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is broken ({error}); run leadml calibrate") from error
    if named != version:
        raise ArtifactError(f"{path} was chosen for model {named}, not {version}; run leadml calibrate")
    return decision


def centre_reference(points: np.ndarray, encoder: Encoder) -> dict[str, float]:
    """Mean points by family over the reference list."""
    return {str(k): float(v) for k, v in family_points(points, encoder.features).mean().items()}
