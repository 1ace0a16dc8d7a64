"""The roles of each column, by its measures and its name."""

from itertools import pairwise

from leadml.inspection import words
from leadml.inspection.contents import content_of
from leadml.inspection.measures import Measures
from leadml.inspection.roles import Column, Role
from leadml.inspection.shapes import NUMBERS, Shape
from leadml.inspection.suspects import leak_reason, outcome_levels, outcome_reason, personal_reason


def find_roles(measures: Measures, refused: tuple[Role, str] | None = None) -> Column:
    """The roles of one column.

    Args:
        measures: of `measures.measure`.
        refused: as what (personal or leak) and why a known mapping refuses the column, or None.
    """
    m = measures
    if m.present == 0:
        return Column(m, {Role.empty: "no value in any row"})
    content, told = content_of(m)
    outcome = outcome_levels(m)
    said = {refused[0]: refused[1]} if refused is not None else {}
    looks = {
        Role.personal: personal_reason(m, content) or said.get(Role.personal),
        Role.constant: f"one value in all {m.rows:,} rows" if m.distinct == 1 and m.present == m.rows else None,
        Role.id: id_reason(m, content),
        Role.outcome: outcome_reason(m, outcome),
        Role.leak: said.get(Role.leak) or leak_reason(m, content),
    }
    return Column(m, {role: why for role, why in looks.items() if why} | {content: told}, outcome)


def id_reason(m: Measures, content: Role) -> str | None:
    """Unique in every row and written like an id."""
    if m.present < m.rows or m.distinct < 0.98 * m.present or m.share(Shape.email, Shape.url, Shape.text) > 0.1:
        return None
    named = words.words_of(m.name) & words.ID
    decimals = m.share(Shape.point, Shape.comma, Shape.either)
    if content is Role.time or decimals or (m.share(Shape.word) > 0.5 and not named):
        return None
    amounts = words.words_of(m.name) & (words.AMOUNT | words.DURATION | words.FIXED) or leak_reason(m, content)
    numbers = m.share(*NUMBERS) > 0.5
    if m.rows < 2 or (numbers and not named and (amounts or not _in_order(m))):
        return None
    again = m.present - m.distinct
    return f"unique ({m.form})" if not again else f"nearly unique ({m.form}), {again:,} rows repeat one"


def _in_order(m: Measures) -> bool:
    """Whether whole numbers run on, as a table's own numbering does."""
    numbers = [int(t) for t in m.sample[:100] if t.isdigit()]
    steps = [b - a for a, b in pairwise(numbers)]
    return len(numbers) >= 3 and (all(s > 0 for s in steps) or all(s < 0 for s in steps))
