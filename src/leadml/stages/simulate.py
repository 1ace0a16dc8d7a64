"""simulate: the raw exports of an invented company, and its truth."""

from pathlib import Path

from leadml.errors import ConfigurationError
from leadml.simulate import simulate
from leadml.stages.context import Context

MARK = ".simulated"  # a folder of exports without this file is somebody's data and is never replaced


def run(context: Context) -> None:
    """Publishes paths.raw and data/truth together.

    Raises:
        ConfigurationError: paths.raw is outside paths.root, or holds files that simulate did not write.
    """
    workspace, raw = context.workspace, Path(context.config.paths.raw).resolve()
    if not raw.is_relative_to(workspace.root):
        raise ConfigurationError(
            f"simulate writes under paths.root only, and paths.raw={raw} is not in {workspace.root}"
        )
    if raw.exists() and any(raw.iterdir()) and not (raw / MARK).exists():
        raise ConfigurationError(
            f"{raw} holds files that leadml simulate did not write; choose another place with paths.raw=DIR"
        )
    phase = context.progress.phase("simulate", "inventing a company")
    with context.manifest.stage("simulate") as entry, phase as tell, workspace.publish() as out:
        staged, truth = out.folder(raw), out.folder(workspace.truth)
        entry["rows"] = simulate(context.config.simulate, context.config.seed, staged, truth, tell)
        (staged / MARK).touch()
    exports = [n for name, n in entry["rows"].items() if not name.startswith("truth/")]
    context.progress.say("simulate", f"{sum(exports):,} rows in {len(exports)} exports: {raw}")
