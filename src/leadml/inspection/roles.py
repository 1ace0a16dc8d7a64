"""What a column can be, and one column with what it seems to be and why that is thought."""

from dataclasses import dataclass
from enum import StrEnum

from leadml.inspection import words
from leadml.inspection.measures import Measures

MOST = 0.9  # share of the values that must have a shape for the column to have it
FEW_LEVELS = 60
TEXT_LENGTH = 40


class Role(StrEnum):
    """What a column seems to be."""

    id = "id"
    key = "foreign key"
    time = "time"
    number = "number"
    category = "category"
    outcome = "outcome"
    personal = "personal data"
    leak = "leak"
    text = "free text"
    constant = "constant"
    empty = "empty"


@dataclass(frozen=True)
class Column:
    """A column with its roles, the first one leading, and the evidence for each in words.

    ``outcome``: its levels that say won, and those that say lost.
    """

    measures: Measures
    reasons: dict[Role, str]
    outcome: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def name(self) -> str:
        """The header's name."""
        return self.measures.name

    @property
    def roles(self) -> tuple[Role, ...]:
        """All roles, the leading one first."""
        return tuple(self.reasons)

    @property
    def role(self) -> Role:
        """The leading role."""
        return self.roles[0]

    @property
    def evidence(self) -> str:
        """Why it is thought to be that, in one line."""
        filled = self.measures.present / max(1, self.measures.rows)
        part = [f"{filled:.0%} filled"] if 0 < filled < 1 else []
        return "; ".join([*(r for r in self.reasons.values() if r), *part])

    @property
    def words(self) -> frozenset[str]:
        """The words of the name."""
        return words.words_of(self.name)

    def has(self, *roles: Role) -> bool:
        """Whether it has one of the roles."""
        return any(r in self.reasons for r in roles)
