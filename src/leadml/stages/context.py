"""What every stage is given."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leadml.config import Config
from leadml.manifest import Manifest
from leadml.progress import Progress
from leadml.workspace import Workspace

if TYPE_CHECKING:
    from leadml.stages.scoring import Scored


@dataclass
class Context:
    """Settings, workspace, manifest and progress of one command.

    ``sweep`` is true within a Hydra sweep, whose jobs log to MLflow only. ``scored`` keeps the scored population
    between explain and predict of one run.
    """

    config: Config
    workspace: Workspace
    manifest: Manifest
    progress: Progress
    sweep: bool = False
    scored: "Scored | None" = field(default=None, repr=False)
