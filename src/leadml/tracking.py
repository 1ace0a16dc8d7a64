"""MLflow: runs, metrics, artifacts and the registry. The only importer of mlflow, beside the pyfunc file."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from leadml.config import TrackingConfig
from leadml.errors import ArtifactError
from leadml.workspace import Workspace

PARAMETER_LIMIT = 6000  # characters; MLflow refuses longer parameter values


@dataclass(frozen=True)
class RunRecord:
    """What one training logs."""

    parameters: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: Path
    scorer: Path
    example: pd.DataFrame
    texts: dict[str, Any] = field(default_factory=dict)
    trials: list[dict[str, Any]] = field(default_factory=list)


def tracking_uri(config: TrackingConfig, workspace: Workspace) -> str:
    """The configured server, or the SQLite file under the workspace's root."""
    return config.uri or f"sqlite:///{workspace.root / 'mlflow.db'}"


def open_client(config: TrackingConfig, workspace: Workspace) -> Any:
    """MLflow's client for runs and registry, both at `tracking_uri`.

    The registry is named as well: MLflow would take the one of ``MLFLOW_REGISTRY_URI`` or of an earlier call.
    """
    import mlflow

    uri = tracking_uri(config, workspace)
    return mlflow.MlflowClient(uri, uri)


def send_to(config: TrackingConfig, workspace: Workspace) -> Any:
    """`open_client`, with MLflow's own functions (its runs, its models) sent there too, for the whole process."""
    import mlflow

    uri = tracking_uri(config, workspace)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return open_client(config, workspace)


@contextmanager
def quiet() -> Iterator[None]:
    """MLflow's own progress, notices and migrations off; its errors come as ours.

    Raises:
        ArtifactError: MLflow or its store failed.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    levels = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise ArtifactError(f"MLflow could not be used: {error}") from error
    except Exception as error:
        if not type(error).__module__.startswith(("mlflow", "sqlalchemy", "alembic", "requests")):
            raise
        raise ArtifactError(f"MLflow could not be used: {error}") from error
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def log_training(config: TrackingConfig, workspace: Workspace, record: RunRecord, register: bool) -> dict[str, str]:
    """Logs one training; with ``register`` also a new model version under the alias challenger.

    Returns:
        run_id, and version where registered.

    Raises:
        ArtifactError: the store cannot be reached or refused.
    """
    with quiet():
        import mlflow

        client = send_to(config, workspace)
        experiment = get_experiment(client, config, workspace)
        with mlflow.start_run(experiment_id=experiment, tags=record.tags) as run:
            mlflow.log_params({k: str(v)[:PARAMETER_LIMIT] for k, v in record.parameters.items()})
            mlflow.log_metrics(record.metrics)
            for name, content in record.texts.items():
                mlflow.log_dict(content, name)
            mlflow.log_artifacts(str(record.artifacts))
            done = {"run_id": run.info.run_id}
            log_trials(client, experiment, run.info.run_id, record.trials)
            if register:
                done["version"] = log_model(config, record)
                client.set_registered_model_alias(config.model_name, "challenger", done["version"])
                for key, value in record.tags.items():
                    client.set_model_version_tag(config.model_name, done["version"], key, value)
    return done


def log_trials(client: Any, experiment: str, parent: str, trials: list[dict[str, Any]]) -> None:
    """A child run a trial of train.tune: its settings, and its loss unless it was given up."""
    for trial in trials:
        child = client.create_run(
            experiment, run_name=f"trial {trial['number']}", tags={"mlflow.parentRunId": parent, "trial": "true"}
        )
        for name, value in trial.items():
            if name not in ("number", "loss"):
                client.log_param(child.info.run_id, name, value)
        if trial["loss"] is not None:
            client.log_metric(child.info.run_id, "fold_log_loss", trial["loss"])
        client.set_terminated(child.info.run_id, "FINISHED" if trial["loss"] is not None else "KILLED")


def get_experiment(client: Any, config: TrackingConfig, workspace: Workspace) -> str:
    """The experiment's id; created on first use, its artifacts under the workspace unless a server keeps them."""
    found = client.get_experiment_by_name(config.experiment)
    if found is not None:
        return str(found.experiment_id)
    where = None if config.uri else (workspace.root / "mlartifacts").as_uri()
    return str(client.create_experiment(config.experiment, artifact_location=where))


def log_model(config: TrackingConfig, record: RunRecord) -> str:
    """Logs the plain-file pyfunc with signature and input example, registers it, returns the version."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    package = Path(__file__).resolve().parent
    # AnyType: a CSV read by pandas gives int64 or bool where the training had float64 or text, and a typed signature
    # refuses that; the scorer makes the types itself, by the same rule for every caller.
    inputs = Schema([ColSpec(AnyType(), name, required=False) for name in record.example.columns])
    numbers = [ColSpec("double", name) for name in ("probability", "score", "fit", "intent")]
    outputs = Schema([*numbers, ColSpec("string", "reasons")])
    info = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(package / "pyfunc_model.py"),
        artifacts={"scorer": str(record.scorer)},
        code_paths=[str(package)],
        signature=ModelSignature(inputs, outputs),
        input_example=record.example,
        pip_requirements=[f"{p}=={v}" for p, v in sorted(runtime_versions().items())],
        registered_model_name=config.model_name,
    )
    return str(info.registered_model_version)


def runtime_versions() -> dict[str, str]:
    """What the scorer needs to run, with the versions in use."""
    from importlib.metadata import version

    return {p: version(p) for p in ("lightgbm", "mlflow", "numpy", "pandas", "scipy")}


def set_champion(config: TrackingConfig, workspace: Workspace, version: str, tags: dict[str, str]) -> None:
    """Points the alias champion at a registered version, and tags that version.

    Raises:
        ArtifactError: the store cannot be reached, or does not have the version.
    """
    with quiet():
        client = open_client(config, workspace)
        client.set_registered_model_alias(config.model_name, "champion", version)
        for key, value in tags.items():
            client.set_model_version_tag(config.model_name, version, key, value)


def log_decision(config: TrackingConfig, workspace: Workspace, run_id: str, decision: dict[str, Any]) -> None:
    """Adds the decision to the training's run."""
    with quiet():
        open_client(config, workspace).log_dict(run_id, decision, "decision.json")


@dataclass(frozen=True)
class BacktestRecord:
    """What one backtest logs; ``by_origin`` holds the figures of each origin, logged at steps 1, 2, ..."""

    parameters: dict[str, Any]
    metrics: dict[str, float]
    by_origin: list[dict[str, float]]
    tags: dict[str, str]
    artifacts: Path


def log_backtest(config: TrackingConfig, workspace: Workspace, record: BacktestRecord) -> str:
    """Logs one backtest and gives its run's id; no model is registered.

    Raises:
        ArtifactError: the store cannot be reached or refused.
    """
    with quiet():
        import mlflow

        experiment = get_experiment(send_to(config, workspace), config, workspace)
        with mlflow.start_run(experiment_id=experiment, run_name="backtest", tags=record.tags) as run:
            mlflow.log_params({k: str(v)[:PARAMETER_LIMIT] for k, v in record.parameters.items()})
            mlflow.log_metrics(record.metrics)
            for step, figures in enumerate(record.by_origin, start=1):
                mlflow.log_metrics(figures, step=step)
            mlflow.log_artifacts(str(record.artifacts))
            return str(run.info.run_id)
