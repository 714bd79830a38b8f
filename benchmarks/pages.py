"""Look at the HTML reports with Chromium: their sizes, screenshots, and what axe-core finds.

    python benchmarks/pages.py OUTPUT_DIRECTORY --axe axe.min.js > results/pages.txt

axe.min.js is of `npm pack axe-core`. Screenshots are made at 1280 and 390 pixels, light and dark, and as a PDF. The pages have
no script that runs, so that they are the same with JavaScript off.
"""

import argparse
import json
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import history

from garagebench.check.verdict import CaseVerdict, Verdict
from garagebench.engine import Result
from garagebench.load.row import from_json as load_from_json
from garagebench.report.html import render_load, render_results, render_scale, render_verdict
from garagebench.run.rows import make_report
from garagebench.scale.report import from_json as scale_from_json

RESULTS = Path(__file__).parents[1] / "results"

WIDTHS, SCHEMES = (1280, 390), {"light": 1, "dark": 0}

#: Lets axe look at a page, and writes into it what was found.
LOOK = """
<script>{axe}</script>
<script>
for (const one of document.querySelectorAll("details")) one.open = true;
axe.run().then(found => {{
  const told = found.violations.map(one => [one.impact, one.id, one.nodes.length]);
  document.title = "axe:" + JSON.stringify(told);
}});
</script>
"""


def make_verdict():
    """Return a verdict on 64 cases, two of them slower."""
    cases = []
    for number in range(64):
        change = {5: 12.0, 40: 80.0, 50: -15.0}.get(number, 0.1 * (number % 7) - 0.3)
        cases.append(
            CaseVerdict(
                case=f"bench/test_parsing.py::test_parse[{number}]",
                impl=None,
                runtime="cpython3.11",
                operation=None,
                stage=None,
                verdict="slower" if change > 5 else "not slower",
                change_percent=change,
                low=change - 0.6,
                high=change + 0.6,
                threshold_percent=5.0,
                generations=24,
                head_slower=12,
                changes_percent=tuple(
                    round(change + (one * 7 % 24 - 12) / 8, 3) for one in range(24)
                ),
            )
        )
    verdict = Verdict(
        verdict="slower",
        exit_code=3,
        attributed_to=None,
        seconds=81.0,
        cases=tuple(cases),
        base="main (merge base 1234567)",
        head="working tree (abcdef0 + changes)",
        notes=(
            "measured again because a worker waited for its core: base 21, head 38 of 1034 pairs",
        ),
    )
    speeds = tuple(round(1 / (1 + (one * 5 % 9) / 10), 3) for one in range(24))
    return replace(verdict, host_speeds=speeds, machine="a machine")


def chromium(page, *options):
    """Run Chromium on a page; return what it prints."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    done = subprocess.run(
        [*command, *options, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def ask_axe(text, axe, scheme):
    """Return what axe finds on a page: impact, rule and how many elements."""
    script = LOOK.format(axe=axe.read_text(encoding="utf-8").replace("</script", "<\\\\/script"))
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory, "page.html")
        page.write_text(text.replace("</body>", f"{script}</body>"), encoding="utf-8")
        wait = ("--virtual-time-budget=20000", "--dump-dom", scheme)
        found = re.search(r"<title>axe:(.*?)</title>", chromium(page, *wait))
    if found is None:
        raise SystemExit("axe did not come to its end")
    return json.loads(found[1])


def main():
    """Print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--axe", type=Path, required=True)
    parser.add_argument("--load", type=Path, help="a file of `load --output`")
    chosen = parser.parse_args()
    chosen.directory.mkdir(exist_ok=True)
    pages = {
        "seed": render_results({"seed": make_report(Result.load(RESULTS / "seed.json.gz"))}),
        "http": render_results({"http": make_report(Result.load(RESULTS / "http.json.gz"))}),
        "verdict": render_verdict(make_verdict()),
        "scale": render_scale(scale_from_json((RESULTS / "scale.json").read_text())),
    }
    noise = history.read_noise(RESULTS / "history_noise.jsonl")
    pages["history"] = history.make_page(noise)
    if chosen.load:
        pages["load"] = render_load(load_from_json(chosen.load.read_text()))
    for name, text in pages.items():
        page = (chosen.directory / f"{name}.html").resolve()
        page.write_text(text, encoding="utf-8")
        print(name, f"{len(text.encode()) / 1024:.0f} KiB", flush=True)
        for scheme, number in SCHEMES.items():
            option = f"--blink-settings=preferredColorScheme={number}"
            found = ask_axe(text, chosen.axe, option)
            print(f"  {scheme}: axe found {found or 'nothing'}", flush=True)
            for width in WIDTHS:
                image = page.with_name(f"{name}-{width}-{scheme}.png")
                size = f"--window-size={width},1600"
                chromium(page, size, option, f"--screenshot={image}")
        chromium(page, f"--print-to-pdf={page.with_suffix('.pdf')}", "--no-pdf-header-footer")


if __name__ == "__main__":
    main()
