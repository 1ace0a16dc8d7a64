"""Sheets of Excel workbooks, read by calamine: times as ISO texts, whole numbers without a fraction."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from leadml.errors import DataError
from leadml.sources.rows import text_of


def read_header(path: Path, relative: str, sheet: str | None) -> tuple[str, ...]:
    """The names in the sheet's first row that has any; the first sheet where none is named.

    Raises:
        DataError: No workbook that can be read, no such sheet, an empty one.
    """
    for _, cells in _cells(path, relative, sheet):
        return tuple((cell or "").strip() for cell in cells)
    raise DataError(f"{relative} has no header line: put column names into the first row of its sheet")


def read_rows(path: Path, relative: str, sheet: str | None) -> Iterator[tuple[int, list[str | None]]]:
    """(number of the row in the sheet, texts) of every row below the header that has any."""
    rows = _cells(path, relative, sheet)
    next(rows, None)
    yield from rows


def _cells(path: Path, relative: str, sheet: str | None) -> Iterator[tuple[int, list[str | None]]]:
    try:
        for number, row in enumerate(_open(path, relative, sheet), 1):
            texts = [text_of(cell) or None for cell in row]
            if any(texts):
                yield number, texts
    except DataError:
        raise
    except Exception as error:
        raise DataError(_told(relative, error)) from error


def _open(path: Path, relative: str, sheet: str | None) -> Iterator[Sequence[object]]:
    """The rows of the sheet, from its very first one on."""
    import python_calamine  # not before there is a workbook to read

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
    except BaseException as error:
        raise _refusal(relative, error) from None
    wanted = sheet if sheet is not None else next(iter(names), "")
    match = next((n for n in names if n == wanted), next((n for n in names if n.lower() == wanted.lower()), None))
    if match is None:
        raise DataError(f"{relative} has no sheet {wanted!r}: set source.files.NAME.sheet to one of {', '.join(names)}")
    try:
        found = book.get_sheet_by_name(match)
        return found.iter_rows()
    except BaseException as error:
        raise _refusal(relative, error) from None


def _refusal(relative: str, error: BaseException) -> BaseException:
    """What to raise instead: calamine's own panics are no `Exception`."""
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
        return error
    return DataError(_told(relative, error))


def _told(relative: str, error: BaseException) -> str:
    if type(error).__name__ == "PasswordError":
        return f"{relative} is protected by a password: save it without one, or as CSV"
    return f"{relative} is not an Excel workbook that can be read ({type(error).__name__}): save it again, or as CSV"
