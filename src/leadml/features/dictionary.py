"""What a feature is: one entry of the machine-readable dictionary that report, reasons and docs share."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How the model reads a feature."""

    NUMBER = "number"
    CATEGORY = "category"


@dataclass(frozen=True)
class Feature:
    """A named, worded column of the feature frame.

    ``window_days`` is the look-back ``[cutoff - window, cutoff)``, None where the feature looks at everything known
    before the cutoff. ``effort`` flags what the company did (sales effort), which partly echoes the old scoring.
    ``never`` says that a missing value means that it never happened, rather than that nobody knows; ``nothing`` that
    there was nothing to count (no e-mail sent whose reactions could be, no two touchpoints with a gap between them).
    ``en`` and ``es`` are noun phrases that a sentence can hold ("visits to pricing pages in the last 7 days").
    ``topic`` is shared by features that say the same thing (one kind in several windows): a lead is told one reason a
    topic. A feature that is given none is a topic of its own.
    """

    name: str
    family: str
    kind: Kind
    unit: str
    window_days: int | None
    en: str
    es: str
    effort: bool = False
    never: bool = False
    topic: str = ""
    nothing: bool = False

    def __post_init__(self) -> None:
        if not self.topic:
            object.__setattr__(self, "topic", self.name)  # frozen: the only way to a default made of another field

    def words(self, language: str) -> str:
        """The noun phrase in the language ("en" or "es")."""
        return self.es if language == "es" else self.en

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self) | {"kind": str(self.kind)}

    @classmethod
    def from_dict(cls, entry: dict[str, object]) -> "Feature":
        """The inverse of `to_dict`."""
        return cls(**{**entry, "kind": Kind(str(entry["kind"]))})  # type: ignore[arg-type]  # JSON values
