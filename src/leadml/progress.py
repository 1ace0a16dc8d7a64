"""Progress for people: a live line on a terminal (rich), plain lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

LOG_WIDTH = 150  # columns of tables where there is no terminal to ask


def console_of_this_process() -> Console:
    """Standard output; as wide as the terminal, or `LOG_WIDTH` in a log."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=LOG_WIDTH)


class Progress:
    """Says what a stage is doing. On a terminal the running phase is live; elsewhere each is one line when it ends."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or console_of_this_process()

    @contextmanager
    def phase(self, stage: str, text: str) -> Iterator[Callable[[str], None]]:
        """A phase of a stage, with its seconds once it is done; yields what tells of its steps on a terminal."""
        label = f"{stage:<10}{text}"
        begun = time.perf_counter()
        if self.console.is_terminal:
            with self.console.status(escape(label)) as status:
                yield lambda step: status.update(escape(f"{label}: {step}"))
        else:
            yield lambda step: None
        self.console.print(f"{escape(label)} [dim]({time.perf_counter() - begun:.1f} s)[/dim]")

    def say(self, stage: str, text: str) -> None:
        """One line of a stage; several lines are indented under it."""
        for i, line in enumerate(text.splitlines()):
            self.console.print(f"{stage if i == 0 else '':<10}{escape(line)}")

    def table(self, title: str, columns: list[str], rows: list[list[str]]) -> None:
        """A table; values are data and are printed as they are, never read as markup."""
        table = Table(title=escape(title), title_justify="left", show_lines=False, pad_edge=False)
        for column in columns:
            table.add_column(escape(column), overflow="fold")
        for row in rows:
            table.add_row(*[escape(cell) for cell in row])
        self.console.print()
        self.console.print(table)
