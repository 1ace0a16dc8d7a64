"""What a run did: inputs with digests, rows in and out, reasons for lost rows, timings, memory, versions, seed."""

import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

LIBRARIES = ("leadml", "duckdb", "ibis-framework", "lightgbm", "mlflow", "numpy", "pandas", "scikit-learn", "shap")
BLOCK = 1 << 20


class Manifest:
    """Collects facts by stage; `to_dict` is what is written. The only place where the clock is read."""

    def __init__(self, command: str, seed: int, settings: dict[str, Any]) -> None:
        self.started = datetime.now(UTC)
        self.facts: dict[str, Any] = {"command": command, "seed": seed, "settings": settings, "stages": {}}

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """The dictionary of one stage, with its seconds when it is done."""
        entry: dict[str, Any] = {}
        self.facts["stages"][name] = entry
        begun = time.perf_counter()
        yield entry
        entry["seconds"] = round(time.perf_counter() - begun, 3)

    def to_dict(self) -> dict[str, Any]:
        """Everything collected, with peak memory of this process and versions."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        scale = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
        return self.facts | {
            "started_at": self.started.isoformat(timespec="seconds"),
            "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "peak_memory_mb": round(peak * scale / 1e6, 1),
            "versions": self.versions,
        }

    @property
    def versions(self) -> dict[str, str]:
        """Python and the libraries that results hang on."""
        return {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES}

    @property
    def run_name(self) -> str:
        """Unique within a workspace (runs exclude each other): the start to the microsecond, and the command."""
        return f"{self.started:%Y%m%dT%H%M%S%f}-{self.facts['command']}"
