"""Few conversions: the ladder is no worse than its lower rungs by name, and says so where there is too little."""

import pytest
from conftest import DEEP, run_cli
from made_lists import make_config, make_leads
from small_data import Company, judge_draw, mean_gain, settings

from leadml.errors import DataError
from leadml.stages.stored import Extracted, read_extracted
from leadml.workspace import Workspace

LARGER = [
    pytest.param(n, marks=pytest.mark.skipif(not DEEP, reason="more draws: in make deep")) for n in (100, 200, 500)
]
DRAWS, RUNGS = (20, ("points", "logistic")) if DEEP else (2, ("logistic",))


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Company:
    """In full the demo's, else made lists."""
    if not DEEP:
        snapshots, X, features = make_leads(3000, 60, 5)
        return Company.of(Extracted(snapshots, X, features, {}), make_config())
    root = tmp_path_factory.mktemp("whole")
    for stage in ("simulate", "extract"):
        assert run_cli(stage, f"paths.root={root}").returncode == 0
    config = settings(root, "train.bootstrap=50", "engine.threads=1")
    return Company.of(read_extracted(Workspace(root)), config)


@pytest.mark.deep
@pytest.mark.parametrize("size", [50, *LARGER])
def test_of_few_conversions_auto_makes_no_less_than_points_or_logistic(company, size):
    # A draw that is nearly all of the company is one, however often it is made.
    draws = DRAWS if company.converting > 1.5 * size else 1
    found = [
        {rung: judge_draw(company, company.draw(size, 1000 * size + seed), rung) for rung in ("auto", *RUNGS)}
        for seed in range(draws)
    ]
    for rung in RUNGS:
        gain, error = mean_gain([(d["auto"].losses, d[rung].losses) for d in found], company.judge.account)
        assert gain <= 2 * error, f"auto {gain:+.5f} against {rung}, standard error {error:.5f}"


@pytest.mark.parametrize("size", [4, 12])
def test_too_few_are_refused_with_their_number_and_the_way_out(company, size):
    with pytest.raises(DataError, match=r"^\d+ distinct converting leads .* are needed.*train.min_conversions"):
        judge_draw(company, company.draw(size, size), "auto")
