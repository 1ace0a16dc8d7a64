"""simulate: the raw exports of an invented company, and its truth."""

import shutil
from pathlib import Path

from leadml.errors import ConfigurationError
from leadml.simulate import simulate
from leadml.stages.context import Context

MARK = ".simulated"  # a folder of exports without this file is somebody's data and is never replaced


def run(context: Context) -> None:
    """Writes paths.raw and data/truth.

    Raises:
        ConfigurationError: paths.raw holds files that simulate did not write.
    """
    raw = Path(context.config.paths.raw).resolve()
    if raw.exists() and any(raw.iterdir()) and not (raw / MARK).exists():
        raise ConfigurationError(
            f"{raw} holds files that leadml simulate did not write; choose another place with paths.raw=DIR"
        )
    staged, truth = raw.with_name(f".{raw.name}.new"), context.workspace.truth.with_name(".truth.new")
    for folder in (staged, truth):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    with context.manifest.stage("simulate") as entry, context.progress.phase("simulate", "inventing a company"):
        entry["rows"] = simulate(context.config.simulate, context.config.seed, staged, truth, lambda text: None)
    (staged / MARK).touch()
    for new, target in ((staged, raw), (truth, context.workspace.truth)):
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    total = sum(entry["rows"].values())
    context.progress.say("simulate", f"{total:,} rows in {len(entry['rows'])} exports: {raw}")
