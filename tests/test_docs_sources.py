"""docs/sources.md, followed to the letter: its files are made, its commands run, its figures compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_here

from leadml.errors import ConfigurationError
from leadml.sources.mapping import parse_mapping

PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLE, REFERENCE = PAGE.split("\n## Reference\n")


def blocks() -> list[tuple[str, str]]:
    """(language, body) of every fenced block of the example, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", EXAMPLE, flags=re.M | re.S)


def commands(body: str) -> list[tuple[str, list[str]]]:
    """(command, expected lines) of a console block."""
    found: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def squeezed(text: str) -> str:
    """The text with table borders and runs of blanks as one blank, line by line."""
    return "\n".join(" ".join(re.sub("[│┃]", " ", line).split()) for line in text.splitlines())


def pattern(line: str) -> str:
    """What an expected line must find: itself, with anything of one line where it has three dots."""
    return ".*".join(re.escape(part) for part in squeezed(line).split("..."))


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(command)
    if program == "leadml":
        return run_here(*words, cwd=folder, COLUMNS="200")
    assert program == "python"
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=folder)


@pytest.mark.slow
@pytest.mark.extra
def test_the_worked_example_does_what_it_says(tmp_path):
    ran = []
    for language, body in blocks():
        if language != "console":
            name = re.match(r"# ([\w./]+)", body)
            assert name, f"a block of {language} does not say which file it is"
            path = tmp_path / name[1].rstrip(":")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
            continue
        for command, expected in commands(body):
            shown = run(command, tmp_path)
            assert shown.returncode == 0, f"{command}: {shown.stderr}"
            told = squeezed(shown.stdout)
            absent = [line for line in expected if not re.search(pattern(line), told)]
            assert not absent, f"{command} does not print {absent}, but:\n{told}"
            ran.append(command.split()[1])
    assert ran == ["make_export.py", "inspect", "sources", "extract", "extract", "left_out.py", "audit", "train"]
    assert (tmp_path / "work/models/champion/scorer.json").exists()


def accepted() -> dict[str, set[str]]:
    """Every key that the parser accepts, by its place: what it lists when it is given one that nobody knows."""
    odd = {"zzz": 1}
    key = {"by": "lead", "column": "x", "via": {"from": "f", "id": "i", "key": "k", **odd}, **odd}
    word = {"column": "c", "values": {"a": "b"}, **odd}
    touchpoint = {"lead": [key], "occurred_at": "o", "channel": word, "kind": word, "initiator": word, **odd}
    touchpoint |= {"value": {"column": "c", "times": 1, **odd}, "content": {"path_of": "c", **odd}}
    amount = {"column": "a", "history": "h", "key": "k", **odd}
    whole = {
        **{"kind": "tables", "name": "n", "path": "p", "rates": odd, **odd},
        "files": {"f": {"pattern": "f", "ignore": {"r": {"c": {"not": ["x"], **odd}}}, **odd}},
        "leads": {"account_id": {"domain_of": "e", **odd}, "attributes": {"a": odd}, "custom": {"c": odd}, **odd},
        **{"accounts": {"account_id": "x", **odd}, "history": {"h": odd}, "merges": {"m": odd}},
        **{"links": {"l": {"lead": key, **odd}}, "devices": {"d": {"lead": key, **odd}}},
        "touchpoints": {"t": touchpoint},
        "conversions": {"won": {"lead": key, "amount": amount, "booked": odd, **odd}},
        "closures": {"c": {"lead": key, **odd}},
    }
    found: dict[str, set[str]] = {}
    for node in (whole, {"kind": "flat", "name": "n", "path": "p", **odd}):
        with pytest.raises(ConfigurationError) as error:
            parse_mapping(node)
        told = re.findall(r"(source[\w.\[\]]*): unknown key\(s\) zzz; allowed: ([\w, ]+)", str(error.value))
        for place, keys in told:
            found.setdefault(place, set()).update(keys.split(", "))
    return found


def test_every_key_that_the_parser_accepts_is_in_the_reference():
    found = accepted()
    assert len(found) > 20 and "path_of" in found["source.touchpoints.t.content"]
    # Keys that a file or an attribute may have, and that are only asked for where they are set.
    keys = {k for listed in found.values() for k in listed} | {"day_first", "times"}
    told = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", REFERENCE))))
    assert not sorted(keys - told)


def test_the_tables_of_the_reference_name_no_key_that_is_not_there():
    known = {k for listed in accepted().values() for k in listed} | {"day_first", "times"}
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", REFERENCE, flags=re.M)
    told = {k for row in rows for k in re.findall(r"`([a-z_]+)`", row)}
    assert told and not sorted(told - known)
