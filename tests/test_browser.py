"""The report in a real browser: what a reader sees in both languages, on a desk and on a telephone, with no network."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from html import unescape
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run_here
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.extra]

TITLES = {"en": "Lead scores", "es": "Puntuación de leads"}
BEST = {"en": "The 10 best leads", "es": "Los 10 mejores leads"}
WIDTHS = (1200, 400)  # a desk's window, a telephone
BAND = 1000  # pixels of height: nowhere is the page empty for so long
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--virtual-time-budget=5000",
    "--allow-file-access-from-files",  # so that the measuring page may look into its frames
    "--host-resolver-rules=MAP * ~NOTFOUND",  # whatever asks for the network, browser included, finds none
)
ELSEWHERE = "http://example.invalid/pixel.png"
CONTROLS = {
    "wide": '<!doctype html><div style="width:1300px">x</div>',
    "clipped": '<!doctype html><div class="scroll" style="overflow-x:auto"><p style="width:1300px">x</div>',
    "asking": f'<!doctype html><img src="{ELSEWHERE}">',
}
# Reads every frame once all have loaded; what it finds is its own text, which --dump-dom prints.
MEASURE = """<!doctype html><meta charset="utf-8"><pre id="found"></pre>{frames}<script>
const read = (frame) => {{
  const page = frame.contentDocument, root = page.documentElement;
  const clipped = [...page.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth);
  const asked = frame.contentWindow.performance.getEntriesByType("resource");
  return {{page: root.scrollWidth, window: root.clientWidth, height: root.scrollHeight, clipped: clipped.length,
    asked: asked.map((entry) => entry.name)}};
}};
window.onload = () => {{
  const found = [...document.querySelectorAll("iframe")].map((frame) => [frame.id, read(frame)]);
  document.getElementById("found").textContent = JSON.stringify(Object.fromEntries(found));
}};
</script>"""


@pytest.fixture(scope="module")
def chromium():
    """The browser's command."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None and os.environ.get("LEADML_REQUIRE_BROWSER") == "1":
        pytest.fail("LEADML_REQUIRE_BROWSER=1, but no Chromium is on the PATH")
    return found or pytest.skip("no Chromium on the PATH: the report is not looked at in a browser")


@pytest.fixture(scope="module")
def workspace(chromium, small_company, tmp_path_factory):
    """A small demo's workspace."""
    return shutil.copytree(small_company, tmp_path_factory.mktemp("browser") / "ws")


@pytest.fixture(scope="module")
def reports(workspace, tmp_path_factory):
    """The report by language, all in one folder."""
    folder = tmp_path_factory.mktemp("pages")
    report = workspace / "data/reports/report.html"
    shutil.copy(report, folder / "en.html")
    shown = run_here("explain", f"paths.root={workspace}", "reasons.language=es")
    assert shown.returncode == 0, shown.stderr
    shutil.copy(report, folder / "es.html")
    return {language: folder / f"{language}.html" for language in TITLES}


@pytest.fixture(scope="module")
def measured(chromium, reports):
    """Each report in a frame of each width, and the pages that must be found out."""
    folder = reports["en"].parent
    for name, page in CONTROLS.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    frames = "".join(
        f'<iframe id="{name}-{width}" src="{name}.html" style="width:{width}px;height:900px;border:0"></iframe>'
        for name, width in product([*reports, *CONTROLS], WIDTHS)
    )
    wrapper = folder / "measure.html"
    wrapper.write_text(MEASURE.format(frames=frames), encoding="utf-8")
    dom = browse(chromium, wrapper, "--dump-dom")
    return json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', dom, flags=re.S)[1]))


def browse(chromium, page: Path, *flags: str) -> str:
    """Opens the page with a profile and a home that nothing else has used; gives standard output."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # the browser's last child may still write
        homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), profile)
        shown = subprocess.run(
            [chromium, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            env=os.environ | homes,
        )
    assert shown.returncode == 0, shown.stderr[-2000:]
    return shown.stdout


def photograph(chromium, page: Path, width: int, height: int, target: Path) -> np.ndarray:
    """Where the page of that size is not white: (height, width) of bool."""
    browse(chromium, page, f"--window-size={width},{height}", f"--screenshot={target}")
    with Image.open(target) as image:
        assert image.size == (width, height)
        return (np.asarray(image.convert("RGB")) != 255).any(axis=2)


@pytest.mark.parametrize("language", TITLES)
def test_the_page_shows_its_title_and_the_ten_best_leads(chromium, workspace, reports, language):
    dom = browse(chromium, reports[language], "--dump-dom")
    assert f'<html lang="{language}">' in dom
    assert re.search(r"<title>(.*?) ·", dom)[1] == TITLES[language]
    assert f"<h1>{TITLES[language]}</h1>" in dom and f"<h2>{BEST[language]}</h2>" in dom
    newest = max((workspace / "data/scores").glob("cutoff=*/scores.parquet"))
    scores = pd.read_parquet(newest).sort_values(["probability", "lead_id"], ascending=[False, True])
    assert re.findall(r'<td class="id">(.*?)</td>', dom) == scores["lead_id"].head(10).tolist()
    assert dom.count("<svg") >= 5 and dom.rstrip().endswith("</html>")


def test_both_languages_tell_the_same_leads_in_other_words(reports):
    english, spanish = (reports[n].read_text(encoding="utf-8") for n in ("en", "es"))
    ids = re.compile(r'<td class="id">(.*?)</td>')
    assert ids.findall(english) == ids.findall(spanish)
    heads = re.compile(r"<h[123]>(.*?)</h[123]>")
    both = list(zip(heads.findall(english), heads.findall(spanish), strict=True))
    assert len(both) > 8 and not [pair for pair in both if pair[0] == pair[1]]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", TITLES)
def test_the_page_is_not_wider_than_the_window(measured, language, width):
    found = measured[f"{language}-{width}"]
    assert found["window"] == width and found["height"] > 5000
    assert found["page"] <= width
    if width == max(WIDTHS):
        assert not found["clipped"]  # on a desk no table has to be pushed sideways


def test_pages_that_are_too_wide_or_ask_for_something_are_found_out(measured):
    assert all(measured[f"wide-{width}"]["page"] > width for width in WIDTHS)
    assert all(measured[f"clipped-{width}"]["clipped"] == 1 for width in WIDTHS)
    assert all(measured[f"asking-{width}"]["asked"] == [ELSEWHERE] for width in WIDTHS)


@pytest.mark.parametrize(("language", "width"), [("en", 1200), ("es", 400)])
def test_the_whole_page_is_drawn(chromium, reports, measured, tmp_path, language, width):
    height = measured[f"{language}-{width}"]["height"]
    drawn = photograph(chromium, reports[language], width, height, tmp_path / "page.png")
    assert 0.02 < drawn.mean() < 0.6
    inked = [drawn[y : y + BAND].mean() for y in range(0, height - BAND + 1, BAND)]
    assert min(inked) > 0.005, f"empty around pixel {BAND * int(np.argmin(inked))} of {height}"
    blank = tmp_path / "blank.html"
    blank.write_text("<!doctype html>", encoding="utf-8")
    assert not photograph(chromium, blank, width, 600, tmp_path / "blank.png").any()


@pytest.mark.parametrize("language", TITLES)
def test_no_request_leaves_the_machine(reports, measured, language):
    assert not [url for width in WIDTHS for url in measured[f"{language}-{width}"]["asked"]]
    page = reports[language].read_text(encoding="utf-8")
    assert page.count('http-equiv="Content-Security-Policy" content="default-src \'none\';') == 1
    addresses = re.findall(r'([\w:-]+)="[a-z]+://([^"]*)"', page)
    assert {name for name, _ in addresses} <= {"xmlns", "xmlns:xlink"}  # names, not places
    assert len(re.findall(r"[a-z]+://", page)) == len(addresses)
    assert not re.search(r"""(?:href|src)=["'](?!#|data:)|url\((?!["']?[#d])|@import|<script|\son\w+=""", page)


def test_a_script_that_came_in_with_the_data_would_not_run(chromium, reports, tmp_path):
    page = reports["en"].read_text(encoding="utf-8")
    script = "<script>document.title = 'it ran'</script>"
    policy = re.search(r"<meta http-equiv=.*?>", page)[0]
    for name, text in (("kept", page), ("without policy", page.replace(policy, ""))):
        target = tmp_path / f"{name}.html"
        target.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
        dom = browse(chromium, target, "--dump-dom")
        assert ("<title>it ran</title>" in dom) == (name == "without policy")
