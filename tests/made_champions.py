"""Other models made of a finished workspace's champion without training, and what stands in its models/."""

import json
from dataclasses import replace
from pathlib import Path

from conftest import SMALL

from leadml import LeadScorer
from leadml.calibration import Calibrator

QUICK = ("tracking.enabled=false", *SMALL)


def make_challenger(root: Path, shift: float, verdict: str = "deploy", **registry: object) -> str:
    """A challenger as calibrate leaves it: the champion with its log-odds shifted; gives its version."""
    champion = LeadScorer.load(root / "models/champion")
    line = Calibrator(champion.calibrator.slope, champion.calibrator.intercept + shift)
    about = champion.about | {"verdict": {"name": verdict, "why": "as asked for"}}
    other = replace(champion, calibrator=line, about=about, files=None)
    folder = root / "models/challenger"
    other.save(folder)
    decision = champion.decision | {"model_version": other.version, "threshold": 0.01 + abs(shift) / 100}
    (folder / "decision.json").write_text(json.dumps(decision))
    entry = json.loads((root / "models/champion/registry.json").read_text())
    entry.pop("forced", None)
    entry |= {"model_version": other.version, "verdict": about["verdict"]} | registry
    (folder / "registry.json").write_text(json.dumps(entry))
    return other.version


def history(root: Path) -> list[dict]:
    """The entries of models/history.json."""
    path = root / "models/history.json"
    return json.loads(path.read_text()) if path.exists() else []


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
