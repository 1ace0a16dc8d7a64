"""The commands. One file each: it reads, calls the core and writes, nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A command as `leadml` lists it."""

    name: str
    what: str
    reads: str
    writes: str


STAGES = (
    Stage("sources", "list the mappings, and what they find", "conf/source, data/raw", "-"),
    Stage("inspect", "look at unknown exports, propose a mapping", "any folder, file or database", "conf/source"),
    Stage("simulate", "write the raw exports of an invented company", "-", "data/raw, data/truth"),
    Stage("extract", "exports to tables, snapshots and features", "data/raw", "data/interim, features, quarantine"),
    Stage("audit", "look for leaks: proofs, suspects, delete the future", "data/raw, data/features", "data/audit"),
    Stage("train", "train, judge and register a model", "data/features", "models, data/evidence, MLflow"),
    Stage("backtest", "retrain at past origins, judge what came", "data/features", "data/backtest, MLflow"),
    Stage("calibrate", "choose the threshold and the grades", "data/evidence", "models/*/decision.json"),
    Stage("explain", "explain the open leads, write the report", "data/interim, models", "data/reports"),
    Stage("predict", "score every open lead", "data/interim, models", "data/scores"),
    Stage("promote", "make the challenger the champion", "models/challenger", "models, MLflow"),
    Stage("rollback", "bring a former champion back", "models/former", "models, MLflow"),
    Stage("run", "extract, train, calibrate, explain, predict", "data/raw", "all of the above"),
    Stage("demo", "simulate, then run", "-", "all of the above"),
)
