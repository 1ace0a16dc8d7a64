"""Many small counts in few whole numbers: adding one number adds all the counts in it.

Each counter has ``bits`` binary places of an int64 of its own, wide enough for every row that can count, so that sums
never run over into the neighbour. Adding is linear, so the numbers may be added up and taken from each other in any
order; the counts are read at the end, when all of them are zero or more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

WORD = 63  # an int64 without its sign


@dataclass(frozen=True)
class Packing:
    """Where each of the named counters lies; ``most`` is the highest that any of them can reach."""

    names: tuple[str, ...]
    most: int

    @property
    def bits(self) -> int:
        """Binary places of a counter."""
        return max(self.most.bit_length(), 1)

    @property
    def columns(self) -> list[str]:
        """The columns that hold the counters."""
        return [f"pack_{j}" for j in range(-(-len(self.names) // self._per_word))]

    @property
    def _per_word(self) -> int:
        return WORD // self.bits

    def place(self, name: str) -> tuple[str, int]:
        """Column and shift of a counter; `KeyError` for an unknown one."""
        if name not in self.names:
            raise KeyError(name)
        word, slot = divmod(self.names.index(name), self._per_word)
        return f"pack_{word}", slot * self.bits

    def pack(self, flags: Mapping[str, ir.BooleanValue]) -> dict[str, ir.IntegerValue]:
        """Each column for one row: a one in the place of every counter whose flag is true; no flag, no count."""
        terms: dict[str, list[ir.IntegerValue]] = {column: [] for column in self.columns}
        for name, flag in flags.items():
            column, shift = self.place(name)
            terms[column].append(ibis.ifelse(flag, 1 << shift, 0).cast("int64"))
        return {c: sum(t[1:], t[0]) if t else ibis.literal(0, "int64") for c, t in terms.items()}

    def read(self, word: ir.IntegerValue, name: str) -> ir.IntegerValue:
        """The counter's value in its column's word."""
        return (word >> self.place(name)[1]) & ((1 << self.bits) - 1)
