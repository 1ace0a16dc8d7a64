"""docs/features.md followed to the letter on the invented company; and settings of features that are refused."""

import json
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import DEEP, ROOT, run_here

from leadml.config import ContentRule, FeaturesConfig, OwnFeatureConfig
from leadml.errors import ConfigurationError
from leadml.features.build import list_features
from leadml.features.dictionary import Feature
from leadml.features.spec import FeatureSpec
from leadml.schema import FAMILIES

PAGE = ROOT / "docs" / "features.md"
START, END = "<!-- features -->\n", "<!-- /features -->"
UPDATE = "LEADML_UPDATE_DOCS=1 python -m pytest tests/test_feature_settings.py -k table"
QUICK = ("audit.policy=keep", "tracking.enabled=false", "run.force=true")
MINE = ("--config-dir", "own", "features=mine", "paths.root=work", "train.min_conversions=20")
OWN = {"python": "f.py:f", "kind": "number", "family": "timing", "en": "words", "es": "palabras"}


def blocks(language: str) -> list[str]:
    """The page's fenced blocks of the language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)


def commands() -> list[tuple[list[str], list[str]]]:
    """The page's commands with the lines that it says they print."""
    found: list[tuple[list[str], list[str]]] = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            found.append((shlex.split(line[2:])[1:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(line: str) -> str:
    """What a line must find: itself, with anything where it has three dots."""
    return ".*".join(re.escape(part.strip()) for part in line.split("..."))


def follow(words: list[str], expected: list[str], folder: Path) -> None:
    """Runs one of the page's commands; where it shows a refusal, that is all that stderr holds."""
    shown = run_here(*words, cwd=folder)
    refused = [line for line in expected if line.startswith(f"leadml {words[0]}: ")]
    assert bool(shown.returncode) == bool(refused), shown.stderr
    told = shown.stderr if refused else re.sub(" +", " ", shown.stdout)
    assert all(re.search(pattern(line), told) for line in expected), f"{words}: {told}"
    assert not refused or len(shown.stderr.strip().splitlines()) == 1


def one_line(shown, code: int) -> str:
    """The refusal, which is one line."""
    assert shown.returncode == code, shown.stderr
    (line,) = shown.stderr.strip().splitlines()
    return line


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    """A folder in which the page was followed up to its first extract."""
    folder = tmp_path_factory.mktemp("company")
    for language in ("python", "sql", "yaml"):
        for body in blocks(language):
            path = folder / re.match(r"(?:#|--) (\S+)\n", body)[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
    for words, expected in commands()[:2]:
        follow(words, expected, folder)
    return folder


def dictionary(folder: Path) -> list[Feature]:
    entries = json.loads((folder / "work/data/features/dictionary.json").read_text(encoding="utf-8"))
    return [Feature.from_dict(e) for e in entries]


# ------------------------------------------------------------------------------------------------------------ the page
@pytest.mark.slow
def test_the_dictionary_is_that_of_the_stored_specification_and_holds_the_examples(company):
    facts = json.loads((company / "work/data/features/extract.json").read_text(encoding="utf-8"))
    features = dictionary(company)
    assert features == [d.feature for d in list_features(FeatureSpec.from_dict(facts["spec"]))]
    own = {f.name: f for f in features[-2:]}
    assert own["busiest_day_30d"].window_days == 30 and own["opened_share"].unit == "share"
    assert {"name", "family", "unit", "window_days", "en", "es"} <= set(features[0].to_dict())
    entry = json.loads((company / "work/data/runs/latest-extract.json").read_text())["stages"]["extract"]["own"]
    assert {n: e["file"] for n, e in entry.items()} == {
        "opened_share": "own/mails.py",
        "busiest_day_30d": "own/busiest.sql",
    }


@pytest.mark.slow
def test_the_table_of_the_page_is_what_is_built(company):
    told = table_of(dictionary(company)[:-2])
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    shown, after = rest.split(END)
    if os.environ.get("LEADML_UPDATE_DOCS") == "1":
        PAGE.write_text(before + START + told + END + after, encoding="utf-8")
        return
    differ = sorted(set(shown.splitlines()) ^ set(told.splitlines()))
    assert shown == told, f"docs/features.md is not what is built ({differ[:6]}); write the table anew: {UPDATE}"


def table_of(features: list[Feature]) -> str:
    """The features by family, those that differ in their window alone in one row."""
    parts = []
    for family in FAMILIES:
        rows: dict[tuple[str, ...], list[Feature]] = {}
        for f in (f for f in features if f.family == family):
            rows.setdefault(row_key(f), []).append(f)
        lines = [table_row(key, members) for key, members in rows.items()]
        head = ["| feature | unit | window (days) | words | topic |", "| --- | --- | --- | --- | --- |"]
        parts.append("\n".join(["", f"### {family}", "", *head, *lines, ""]))
    return "".join(parts) + "\n"


def row_key(feature: Feature) -> tuple[str, ...]:
    """What features of one row share: their name without the window, their unit and their words."""
    window = feature.window_days
    named = window is not None and feature.name.endswith(f"_{window}d")
    name = feature.name.removesuffix(f"_{window}d") + "_Nd" if named else feature.name
    words = re.sub(rf"\b{window}\b", "N", feature.en) if named else feature.en
    return name, feature.unit, words + (" *" if feature.effort else ""), feature.topic


def table_row(key: tuple[str, ...], members: list[Feature]) -> str:
    windows = ", ".join(str(f.window_days) for f in members if f.window_days is not None)
    return f"| `{key[0]}` | {key[1]} | {windows} | {key[2]} | {key[3]} |"


@pytest.mark.extra
@pytest.mark.slow
def test_the_rest_of_the_page_does_what_it_says(company):
    ran = commands()[2:]
    assert [words[0] for words, _ in ran] == ["extract", "train", "calibrate", "predict", "predict"]
    for words, expected in ran:
        follow([*words, *QUICK], expected, company)
    scores = list((company / "work/data/scores").glob("cutoff=*/features.parquet"))
    assert len(scores) == 1
    # The very file: another one is refused before anything is read, and so is one that is gone.
    sql = company / "own/busiest.sql"
    text = sql.read_text()
    sql.write_text(text.replace("30 DAY", "29 DAY"))
    line = one_line(run_here("predict", *MINE, "run.force=true", cwd=company), 4)
    assert "busiest.sql" in line and "is not the file that extract and train used" in line and "restore it" in line
    sql.unlink()
    assert "cannot be read" in one_line(run_here("predict", *MINE, "run.force=true", cwd=company), 4)
    sql.write_text(text)


@pytest.mark.deep
@pytest.mark.skipif(not DEEP, reason="the audit's own rebuilding: in make deep; every extract tries own features out")
def test_the_audit_builds_own_features_again(company):
    # The audit's own rebuilding holds them too: nothing of theirs changes without the future.
    shown = run_here("audit", *MINE, *QUICK, "audit.leads=50", "audit.cutoffs=1", cwd=company)
    future = json.loads((company / "work/data/audit/audit.json").read_text())["future"]
    assert shown.returncode in (0, 5) and future["checked"] and future["features"] == len(dictionary(company))
    assert not {"opened_share", "busiest_day_30d"} & set(future["differ"])


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.extra
@pytest.mark.slow
def test_a_kind_that_the_data_do_not_have_is_refused_in_one_line(company):
    before = (company / "work/data/features/extract.json").read_bytes()
    line = one_line(run_here("extract", *MINE, "features.kinds=[web_*,our_mial]", cwd=company), 2)
    assert re.search("names 1 unknown kinds: .*our_mial.*; the data have: .*our_email_sent", line)
    assert (company / "work/data/features/extract.json").read_bytes() == before


@pytest.mark.slow
def test_a_name_that_stands_for_two_things_is_refused(company):
    facts = json.loads((company / "work/data/features/extract.json").read_text(encoding="utf-8"))
    spec = FeatureSpec.from_dict(facts["spec"])
    mine = replace(spec.own[0], feature=replace(spec.own[0].feature, name="industry"))
    with pytest.raises(ConfigurationError, match=r"2 features share a name: industry, industry; rename") as error:
        list_features(replace(spec, own=(mine,)))
    assert error.value.exit_code == 2 and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["features.windows=[0,7]"], r"features.windows=\[0, 7\]: whole days from 1 to 36500, at least one"),
        (["problem.cutoffs=['0001-01-01T00:00:00+14:00']"], "is no date in UTC, which ends with the year 9999"),
        (["problem.data_end=yesterday"], "problem.data_end=yesterday is not a date; write it as 2026-06-30"),
        (["+features.own={x: {sql: x.sql, kind: numbre, family: time, en: a, es: '', window_days: 0}}"],
         "features.own.x: kind=numbre: number or category; features.own.x: family=time: firmographic, behaviour, "
         "timing, channel; features.own.x: window_days=0: days above 0, or null for everything before the cutoff; "
         "features.own.x: es is empty"),
        (["+features.own={x: {sql: no.sql, kind: number, family: timing, en: a, es: b}}"],
         "features.own.x: .*no.sql cannot be read .No such file or directory.; a relative path is from the folder in"),
        (["+features.own={x: {sql: x.sql, kind: number, family: timing, en: a}}"], "missing .* features.own.x.es"),
        (["+features.own={x: {sqll: x.sql, kind: number, family: timing, en: a, es: b}}"],
         "Key 'sqll' not in 'OwnFeatureConfig'"),
        (["source=flat", "source.path=x.csv",
          "+features.own={x: {sql: x.sql, kind: number, family: timing, en: a, es: b}}"],
         "features.own names x, which need dated tables"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_line(tmp_path, settings, said):
    line = one_line(run_here("extract", f"paths.root={tmp_path}", *settings, cwd=tmp_path), 2)
    assert line.startswith("leadml extract: ") and re.search(said, line), line


SETTINGS = {
    **{"windows": [7], "half_lives": [7], "content": {}, "kinds": [], "min_touchpoints": 20, "zone": "UTC"},
    **{"zones": {}, "include_effort": True, "exclude": []},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"windows": [7, 30, 7]}, r"features.windows=\[7, 30, 7\] names \[7\] twice"),
        ({"half_lives": []}, r"features.half_lives=\[\]: whole days from 1 to 36500, at least one"),
        ({"half_lives": [7, 7]}, r"features.half_lives=\[7, 7\] names \[7\] twice"),
        ({"windows": [7, 1_000_000_000]}, "whole days from 1 to 36500"),
        ({"content": {"a": ContentRule("(?!x)pricing", "a", "a")}},
         r"features.content.a.pattern='\(\?!x\)pricing' is no regular expression of RE2's: .*invalid perl operator"),
        ({"content": {"a": ContentRule("pric(", "a", "a")}}, "is no regular expression of RE2's"),
        ({"min_touchpoints": 0}, "must be above 0: features.min_touchpoints=0"),
        ({"zone": "Madrid"}, "unknown time zones: Madrid; write a name of the IANA database"),
    ],
)  # fmt: skip
def test_settings_of_features_say_what_would_be_valid(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        FeaturesConfig(**SETTINGS | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sql": "x.sql"}, "features.own.x: exactly one of python=FILE.py:FUNCTION and sql=FILE.sql is needed"),
        ({"python": None}, "exactly one of python"),
        ({"python": "x.py"}, "features.own.x: python=x.py: write FILE.py:FUNCTION"),
        ({"python": None, "sql": "x.txt"}, "features.own.x: sql=x.txt: name a file that ends in .sql"),
        ({"window_days": -1}, "features.own.x: window_days=-1: days above 0, or null"),
        ({"topic": "My topic"}, "features.own.x: topic=My topic: lower-case letters, digits and _, a letter first"),
        ({"en": " "}, "features.own.x: en is empty: its words are missing"),
    ],
)
def test_an_own_feature_is_checked_before_anything_is_read(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        FeaturesConfig(**SETTINGS, own={"x": OwnFeatureConfig(**OWN | changes)})
    assert FeaturesConfig(**SETTINGS, own={"x": OwnFeatureConfig(**OWN)}).own["x"].unit is None


@pytest.mark.parametrize("name", ["Mine", "9days", "two words", "a-b", ""])
def test_an_own_feature_needs_a_plain_name(name):
    with pytest.raises(ConfigurationError, match="its name: lower-case letters, digits and _, a letter first"):
        FeaturesConfig(**SETTINGS, own={name: OwnFeatureConfig(**OWN)})
