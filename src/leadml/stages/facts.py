"""extract.json: what an extract knows of itself, for later stages and people."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from leadml.features.spec import FeatureSpec
from leadml.sources.mapping import parse_mapping
from leadml.sources.report import SourceReport
from leadml.stages.context import Context
from leadml.stages.settings import feature_settings, mapping_settings, plain, problem_settings
from leadml.sufficiency import Shortfall
from leadml.workspace import Publication


@dataclass(frozen=True)
class Facts:
    """What an extract knows of itself: the source's report, what is lacking, and of dated tables three things more."""

    report: SourceReport
    lacking: list[Shortfall]
    spec: FeatureSpec | None = None
    data_end: datetime | None = None
    built: dict[str, Any] | None = None


def write_facts(out: Publication, context: Context, known: Facts) -> None:
    """Writes it beside the features."""
    facts = {
        "source": context.config.source.get("name"),
        "problem": problem_settings(context.config),
        "mapping": mapping_settings(context.config),
        "features": feature_settings(context.config),
        "data_end": known.data_end.isoformat() if known.data_end else None,
        "spec": known.spec.to_dict() if known.spec else None,
        "built": known.built,
        "lacking": [s.to_dict() for s in known.lacking],
        "missing": list(parse_mapping(context.config.source).missing),
        "report": plain(asdict(known.report)),
    }
    folder = out.path(context.workspace.features)
    (folder / "extract.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
