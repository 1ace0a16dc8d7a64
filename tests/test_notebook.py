"""The notebook: runs from top to bottom on a workspace as it is made, and is kept without outputs."""

import json
import re
import sys
import warnings

import nbformat
import pandas as pd
import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow

NOTEBOOK = ROOT / "notebooks" / "review_scores.ipynb"


def committed() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def workspace(small_company):
    """A small company, taken to its scores; the notebook only reads."""
    return small_company


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """Jupyter with folders and a kernel of its own; what the machine's user has set up is neither read nor changed."""
    folder = tmp_path_factory.mktemp("jupyter")
    write_kernel(folder / "data" / "kernels" / "python3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "data"))
        patch.setenv("JUPYTER_DATA_DIR", str(folder / "data"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "config"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        yield patch


@pytest.fixture(scope="module")
def executed(workspace, jupyter):
    """What each code cell shows on the workspace, by the cell's id."""
    jupyter.setenv("LEADML_ROOT", str(workspace))
    cells = execute(committed()).cells
    return {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"}


def write_kernel(folder):
    """A kernel that is this very interpreter, whatever else is installed on the machine."""
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Runs every cell in a kernel of its own; raises at the first one that fails."""
    from nbclient import NotebookClient

    client = NotebookClient(notebook, timeout=60, kernel_name="python3")
    return client.execute(cwd=str(NOTEBOOK.parent))


def text_of(outputs) -> str:
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")


def table_of(outputs) -> str:
    tables = [o.data for o in outputs if o.output_type == "execute_result"]
    assert len(tables) == 1 and "<table" in tables[0]["text/html"]
    return tables[0]["text/plain"]


def test_no_cell_fails_or_warns(executed):
    kinds = {o.output_type for outputs in executed.values() for o in outputs}
    assert kinds == {"stream", "execute_result"}
    assert not [o.text for outputs in executed.values() for o in outputs if o.get("name") == "stderr"]


def test_the_tables_are_those_of_the_workspace(executed, workspace):
    newest = max((workspace / "data" / "scores").glob("cutoff=*/scores.parquet"))
    scores = pd.read_parquet(newest).sort_values(["probability", "lead_id"], ascending=[False, True])
    assert text_of(executed["load"]).startswith(f"{newest.parent.name}: {len(scores):,} leads, model ")
    listed = table_of(executed["list"])
    assert re.findall(r"00Q\w+", listed) == scores["lead_id"].head(10).tolist()
    grades = table_of(executed["grades"])
    found = dict(re.findall(r"^([A-D]) +(\d+)", grades, flags=re.M))
    assert {g: int(n) for g, n in found.items()} == scores["grade"].value_counts().to_dict()
    for family in ("firmographic", "behaviour", "timing", "channel"):
        assert family in table_of(executed["families"])


def test_the_reasons_of_the_lead_add_up(executed, workspace):
    newest = max((workspace / "data" / "scores").glob("cutoff=*/scores.parquet"))
    best = pd.read_parquet(newest).sort_values(["probability", "lead_id"], ascending=[False, True]).iloc[0]
    first, *reasons = text_of(executed["lead"]).splitlines()
    lead, *numbers = re.fullmatch(r"(\w+): base ([\d.-]+) and points ([+\d.-]+) make ([\d.-]+)", first).groups()
    base, points, total = map(float, numbers)
    assert lead == best["lead_id"]
    assert base + points == pytest.approx(total, abs=0.11)
    assert min(max(total, 0), 100) == pytest.approx(best["score"], abs=0.06)
    assert 1 <= len(reasons) <= 8 and all(re.search(r"\([+−-]\d+\)$", r) for r in reasons)
    assert "; ".join(r.strip() for r in reasons) == best["reasons"]  # what predict wrote


def test_a_cell_that_fails_is_found_out(jupyter):
    from nbclient.exceptions import CellExecutionError

    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(broken)


def test_the_committed_notebook_is_valid_and_without_outputs():
    notebook = committed()
    with warnings.catch_warnings(action="error"):
        nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 4
    for cell in code:
        assert cell.outputs == [] and cell.execution_count is None, cell.id


def test_the_committed_notebook_holds_nothing_of_a_machine():
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    for word in ("/home/", "/tmp/", "/Users/", ":\\\\", "://", 'display_name": ".venv'):
        assert word not in text, word
