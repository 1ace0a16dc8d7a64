"""What is not documented, or documented and not there, fails."""

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from leadml.cli import overview
from leadml.config import register_schema
from leadml.errors import LeadmlError
from leadml.report.data_words import WHY_ES
from leadml.stages import STAGES

README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def leaves(node: DictConfig, prefix: str = "") -> set[str]:
    """Every setting's full name; a mapping that users extend counts by its entries, or as itself where it has none."""
    found = set()
    for key in node:
        value = OmegaConf.select(node, str(key)) if not OmegaConf.is_missing(node, key) else None
        if isinstance(value, DictConfig) and value and prefix + str(key) not in ("decision.grades", "source"):
            inner = f"{prefix}{key}."
            found |= {inner + str(k) for k in value} if inner == "features.content." else leaves(value, inner)
        else:
            found.add(prefix + str(key))
    return found - {"source"}


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    register_schema()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("run", overrides=["source=flat"])


def documented(text: str) -> dict[str, str]:
    """Setting names of the tables' first column, with their meaning."""
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (?:`.*`|see the file) \| (.*) \|$", text, flags=re.M)
    return dict(rows)


def test_every_setting_is_documented_and_every_documented_one_exists(composed):
    told = documented(SETTINGS)
    flat = {f"source.{k}" for k in composed.source if k not in ("kind", "name")}
    assert set(told) == leaves(composed) | flat
    empty = [name for name, meaning in told.items() if not meaning.strip()]
    assert not empty


def test_documented_defaults_are_the_defaults(composed):
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| `(.*)` \| .* \|$", SETTINGS, flags=re.M)
    raw = OmegaConf.to_container(composed, resolve=False)
    wrong = {}
    for name, told in rows:
        value = raw
        for part in name.split("."):
            value = value[part]
        stated = OmegaConf.create(f"v: {told}".replace("\\|", "|")) if "${" not in told else None
        if stated is None:
            same = told == value
        else:
            same = OmegaConf.to_container(stated)["v"] == (value.name if hasattr(value, "name") else value)
        if not same:
            wrong[name] = (told, value)
    assert not wrong


def test_every_line_of_the_config_has_its_comment():
    bare = []
    for path in sorted((ROOT / "conf").rglob("*.yaml")):
        if "source" in path.parts or (path.parent.name in ("conf", "experiment") and path.name != "config.yaml"):
            continue
        body = path.read_text(encoding="utf-8").split("\nhydra:")[0]
        lines = [s for s in body.splitlines() if s.strip() and not s.strip().startswith(("#", "-"))]
        bare += [f"{path.name}: {s}" for s in lines if "#" not in s and not s.rstrip().endswith(":")]
    assert not bare


def test_every_stage_and_exit_code_is_in_the_readme_and_the_overview():
    for stage in STAGES:
        assert f"| `{stage.name}` |" in README
        assert f"\n{stage.name} " in overview()
    families = {f.exit_code for f in LeadmlError.__subclasses__()}
    assert families == {2, 3, 4, 5, 75}
    for code in families | {0}:
        assert f"| {code} |" in README
        assert re.search(rf"\b{code} ", overview())


def test_links_and_folders_exist():
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for folder in ("conf", "src/leadml", "notebooks", "data", "models", "tests"):
        assert (ROOT / folder).is_dir()


def test_the_readme_names_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = set(re.findall(r"make ([a-z]+)`", README)) | set(re.findall(r"\$ make ([a-z]+)", README))
    assert named <= targets and {"demo", "test"} <= named
    assert {"demo", "test", "deep", "lint", "bench", "clean"} <= targets


def test_locks_hold_no_address_and_no_path():
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-spark.lock"):
        text = (ROOT / name).read_text()
        for word in ("://", "find-links", "--index", "file:", "/home", "/tmp"):
            assert word not in text, f"{name} holds {word}"
        assert text.count("--hash=sha256:") > 500
        pins = re.findall(r"^[a-z0-9][a-zA-Z0-9._-]*==", text, flags=re.M)
        assert len(pins) > 90


def test_every_reason_that_a_shipped_mapping_gives_is_also_said_in_spanish():
    said = set()
    for path in (ROOT / "conf/source").glob("*.yaml"):
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        said |= {why for why in (node.get("source", node).get("deny") or {}).values() if why}
    assert len(said) > 50
    assert not sorted(said - set(WHY_ES))


def test_nothing_is_unpickled_or_instantiated():
    words = ("import pickle", "joblib.load", "_target_", "instantiate(", "cloudpickle", "eval(")
    for path in [*Path(ROOT / "src").rglob("*.py"), *Path(ROOT / "conf").rglob("*.yaml")]:
        text = path.read_text(encoding="utf-8")
        assert not [w for w in words if w in text], path
