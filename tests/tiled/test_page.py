"""What a person sees in a browser: Tiled's page with our script, in a real Chromium, from a real server."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from databroker_mongo.testing import build_run

from .conftest import FRAMES, TIME, runs, served, store_runs, uid_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
EVIL = '<img src=x onerror="window.hacked = 1"></textarea><script>window.hacked = 1</script>'
SCAN, GRID, EVILS, LIVE, IMAGES, ODD, LOST = 101, 102, 103, 104, 2, 4, 6
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HINTS = {"det": {"fields": ["I0", "It"]}, "th": {"fields": ["th"]}}
KEYBOARD = """() => {
    const it = document.activeElement, style = getComputedStyle(it);
    const label = it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent;
    return {tag: it.localName, label: label.trim(), isSeen: style.outlineStyle !== "none" || it.localName === "body",
            isOurs: !!it.closest(".dbm")};
}"""
CONTRASTS = """() => {
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3)
            .map(each => each / 255).map(each => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = light(getComputedStyle(document.querySelector(".MuiPaper-root:has(.dbm)")).backgroundColor);
    const isText = each => [...each.childNodes].some(it => it.nodeType === 3 && it.data.trim());
    const texts = [...document.querySelectorAll(".dbm *, .MuiTab-root, .MuiBreadcrumbs-root *")].filter(isText);
    return texts.filter(each => !each.closest("option, select, :disabled")).map(each => {
        const style = getComputedStyle(each), ink = light(each.closest("svg") ? style.fill : style.color);
        const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        return [contrast, each.textContent.slice(0, 40), paper];
    });
}"""


def documents(directory):
    """Return the runs: a scan of a motor, a map of two, one of evil texts, one that goes on, and those of all tests."""
    angles = np.linspace(10, 12, 45)
    scanned = [
        {"th": float(th), "I0": 100 - float(th), "It": math.exp(-((th - 11) ** 2) * 40), "note": f"at {th:.2f}"}
        for th in angles
    ]
    grid = [{"x": float(x), "y": float(y), "I0": float(x * y)} for y in range(4) for x in range(5)]
    made = [
        build_run({"primary": scanned}, **start(SCAN, hints={"dimensions": [[["th"], "primary"]]}, motors=["th"])),
        build_run({"primary": grid}, **start(GRID, hints={"dimensions": [[["x"], "primary"], [["y"], "primary"]]})),
        build_run({EVIL: [{EVIL: 1.5, "text": EVIL}] * 2}, exit_status=EVIL, **start(EVILS, name=EVIL, plan=EVIL)),
        build_run({"primary": scanned[:3]}, exit_status=None, **start(LIVE)),
    ]
    for run in made[:2]:
        for kind, document in run:
            if kind == "descriptor":
                document["hints"] = HINTS
                document["data_keys"]["I0"]["units"] = "nA"
    return [*runs(directory), *made]


def start(number, *, name="Ni foil", plan="scan", **more):
    named = {"uid": uid_of(number), "plan_name": plan, "sample": {"name": name}}
    return {"scan_id": number, "time": TIME + 60 * number, **named, **more}


@pytest.fixture(scope="module")
def database(mongod_uri, tmp_path_factory):
    """The URI of the runs."""
    import pymongo

    name = f"page_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    store_runs(uri, documents(tmp_path_factory.mktemp("frames")))
    yield uri
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


@pytest.fixture(scope="module")
def chromium():
    """A browser."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed: apt-get install chromium")
    assert path, "CI tests the page in a browser: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(database):
    """What ``databroker-mongo serve`` prints."""
    with served(database) as (_, address):
        yield address


@pytest.fixture
def visit(chromium, address):
    """Open the page; all that went wrong in it, and left the host, fails the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(visiting(chromium, address, **options))


@contextmanager
def visiting(chromium, address, *, size=DESKTOP, scheme="light", path=""):
    """Give a page of a new browser, in the time of the runs; it has the cookie with the key."""
    place = urlsplit(address)
    wrong = []
    context = chromium.new_context(viewport=size, color_scheme=scheme, timezone_id="America/New_York")
    page = context.new_page()
    page.clock.set_fixed_time(TIME + 60 * 110)
    page.set_default_timeout(20_000)
    # Tiled's own page asks before it knows its settings, and does not catch what it cancels.
    page.on("pageerror", lambda error: "views.js" in (error.stack or "") and wrong.append(str(error)))
    page.on("console", lambda said: is_ours(said) and wrong.append(said.text))
    page.on("request", lambda asked: asked.url.startswith(addresses_of(place)) or wrong.append(asked.url))
    page.goto(f"{place.scheme}://{place.netloc}{path or '/'}?{place.query}")
    page.locator(".dbm h1" if path else ".dbm tbody tr").first.wait_for()
    yield page
    context.close()
    assert wrong == []


def is_ours(said):
    return said.type in ("error", "warning") and "views.js" in said.location["url"]


def addresses_of(place):
    """Return how all that the page may ask for begins."""
    return (f"{place.scheme}://{place.netloc}/", f"blob:{place.scheme}://{place.netloc}/", "data:")


def path_of(number):
    return f"/ui/browse/{uid_of(number)}"


def rows_of(page, table=".runs"):
    return [row.inner_text().split("\t") for row in page.locator(f"{table} tbody tr").all()]


def scans_of(page):
    return [int(row[0]) for row in rows_of(page)]


def colours_of(locator):
    """Return how many colours a picture of an element has."""
    from PIL import Image

    return len(Image.open(io.BytesIO(locator.screenshot())).convert("RGB").getcolors(1_000_000))


def test_the_newest_runs_come_first_with_what_people_look_for(visit):
    page = visit()
    rows = rows_of(page)
    assert len(rows) == 25
    assert [int(row[0]) for row in rows] == [104, 103, 102, 101, *range(30, 9, -1)]
    assert rows[3] == ["101", "2023-11-14 18:54:20", "scan", "Ni foil", "17 min", "success", "primary"]
    assert rows[0][4:6] == ["", "in progress"]
    assert rows[4][5] == "fail"
    assert page.get_by_role("status").inner_text() == "Runs 1 to 25 of 34, the newest first"
    assert [head.inner_text() for head in page.get_by_role("columnheader").all()] == [
        *("Scan", "Time", "Plan", "Sample", "Duration", "Status", "Streams")
    ]


def test_pages_follow_each_other_and_are_in_the_address(visit):
    page = visit()
    page.get_by_label("Runs a page").select_option("10")
    page.get_by_text("Runs 1 to 10 of 34").wait_for()
    page.get_by_role("button", name="Older").click()
    page.get_by_text("Runs 11 to 20 of 34").wait_for()
    assert scans_of(page) == [*range(24, 14, -1)]
    page.reload()
    page.get_by_text("Runs 11 to 20 of 34").wait_for()
    page.get_by_role("button", name="Newer").click()
    page.get_by_text("Runs 1 to 10 of 34").wait_for()
    assert page.get_by_role("button", name="Newer").is_disabled()


def test_words_find_runs(visit):
    page = visit()
    for words, found in {
        "17": [17],
        uid_of(17)[:6]: [17],
        "ni": [104, 102, 101, 1],
        "(": [],
        "ni FOIL scan_id<102": [101],
        "Ni's": [],
        "sample.name='Ni foil' plan_name=scan scan_id>101": [104, 102],
        "9" * 30: [],
    }.items():
        page.get_by_role("searchbox", name="Search runs").fill(words)
        page.get_by_role("button", name="Search").click()
        page.get_by_text(f"Runs 1 to {len(found)} of {len(found)}," if found else "No run.").wait_for()
        assert scans_of(page) == found, words


def test_what_cannot_be_searched_is_told(visit):
    page = visit()
    page.get_by_role("searchbox").fill("scan_id~(")
    page.keyboard.press("Enter")
    assert "(" in page.get_by_role("alert").inner_text()


def test_a_scan_is_plotted_against_its_motor_and_tabled(visit):
    page = visit(path=path_of(SCAN))
    plots = page.locator(".dbm").get_by_role("img")
    plots.first.wait_for()
    labels = [plot.get_attribute("aria-label") for plot in plots.all()]
    assert labels == ["I0 (nA) against th: 45 rows, 88 to 90", "It against th: 45 rows, 4.24835e-18 to 1"]
    assert page.locator("svg .curve").first.get_attribute("d").count("L") == 44
    assert colours_of(plots.nth(1)) > 10
    assert page.title() == "Scan 101: scan - Tiled"
    table = page.get_by_role("region", name="Table of primary")
    assert [head.inner_text() for head in table.get_by_role("columnheader").all()] == [
        *("seq_num", "time", "th", "I0 (nA)", "It", "note")
    ]
    assert table.locator("tbody tr").count() == 20
    page.get_by_role("button", name="Rows after").click()
    assert table.locator("tbody tr").first.inner_text().split("\t")[0] == "21"
    page.get_by_text("Rows 21 to 40 of 45").wait_for()
    page.get_by_role("combobox", name="Against").select_option("seq_num")
    page.get_by_role("img", name="It against seq_num").wait_for()
    page.get_by_text("What to plot").click()
    page.get_by_label("I0", exact=True).uncheck()
    assert plots.count() == 1


def test_a_map_of_two_motors_has_a_point_a_row_in_its_colour(visit):
    page = visit(path=path_of(GRID))
    plot = page.get_by_role("img", name="I0 (nA) against x and y: 20 rows, 0 to 12")
    plot.wait_for()
    points = plot.locator("circle").all()
    assert len(points) == 20
    assert len({point.evaluate("it => getComputedStyle(it).fill") for point in points}) > 5


def test_the_middle_frame_is_shown_and_a_slider_moves(visit):
    look_at_frames(visit(path=path_of(IMAGES)))


def test_several_catalogs_are_chosen_by_the_keyboard_and_their_old_layout_is_shown(chromium, database, machine):
    machine.write(machine.user, "a.yml", f"catalogs:\n  one: {{uri: '{database}'}}\n  two: {{uri: '{database}'}}\n")
    with served("one", "two", "--layout", "2") as (_, address), visiting(chromium, address, scheme="dark") as page:
        assert rows_of(page, ".dbm") == [["one", "runs: 34"], ["two", "runs: 34"]]
        assert min(page.evaluate(CONTRASTS))[0] >= 4.5
        tab_to(page, "two")
        page.keyboard.press("Enter")
        page.get_by_text("Runs 1 to 25 of 34,").wait_for()
        page.goto(page.url.replace("/two", f"/two/{uid_of(IMAGES)}"))
        look_at_frames(page)


def look_at_frames(page):
    frame = page.get_by_role("img", name="img, frame 3 of 5")
    frame.wait_for()
    assert frame.evaluate("it => [it.naturalWidth, it.naturalHeight]") == [6, 4]
    assert colours_of(frame) > 10
    before = frame.get_attribute("src")
    slider = page.locator("section", has_text="img").get_by_role("slider", name="Frame")
    slider.focus()
    page.keyboard.press("ArrowRight")
    following = page.get_by_role("img", name="img, frame 4 of 5")
    following.wait_for()
    page.wait_for_function(f"document.querySelector('img[alt^=img]').src !== {before!r}")
    page.keyboard.press("Home")
    page.get_by_role("img", name="img, frame 1 of 5").wait_for()
    page.get_by_role("img", name="mca against channel: 3 rows").wait_for()
    page.get_by_role("img", name=re.compile("I0 against")).wait_for()
    assert page.get_by_role("region", name="Table of primary").locator("tbody tr").count() == 5


def test_a_run_of_odd_names_and_values_is_shown(visit):
    page = visit(path=path_of(ODD))
    table = page.get_by_role("region", name="Table of primary")
    table.wait_for()
    heads = [head.inner_text() for head in table.get_by_role("columnheader").all()]
    assert heads[:6] == ["seq_num", "time", "time_", "seq_num_", "a_b", "internal_"]
    assert heads[6:] == ["ts_x", "x", "mixed", "some", "lists"]
    assert table.locator("tbody tr").nth(1).inner_text().split("\t")[-3:] == ["two", "", "[1,2]"]
    page.get_by_role("combobox", name="Stream").select_option("a_b")
    page.get_by_role("region", name="Table of a_b").wait_for()


def test_everything_can_be_downloaded(visit):
    page = visit(path=path_of(IMAGES))
    page.get_by_role("img", name="img, frame 3 of 5").wait_for()
    links = page.locator("a[download]").all()
    origin = f"http://{urlsplit(page.url).netloc}"
    names = {
        link.get_attribute("download"): page.request.get(origin + link.get_attribute("href")).body() for link in links
    }
    run = f"2-{uid_of(IMAGES)[:8]}"
    assert set(names) == {
        *(f"{run}-primary.{ending}" for ending in ("csv", "xlsx", "parquet", "json", "h5")),
        *(f"{run}-img-3.{ending}" for ending in ("tiff", "png", "csv")),
        *(f"{run}-mca-3.{ending}" for ending in ("csv", "json")),
        *(f"{run}.{ending}" for ending in ("h5", "json-seq", "json")),
    }
    begins = {"xlsx": b"PK", "parquet": b"PAR1", "png": b"\x89PNG", "h5": b"\x89HDF", "json-seq": b'\x1e{"name"'}
    for name, content in names.items():
        assert content.startswith(begins.get(name.rpartition(".")[2], b"")), name
    assert names[f"{run}-img-3.csv"].split()[0] == ",".join(map(str, FRAMES[2, 0])).encode()
    with page.expect_download() as download:
        links[0].press("Enter")
    assert download.value.suggested_filename == f"{run}-primary.csv"
    assert download.value.path().read_bytes() == names[f"{run}-primary.csv"]


def test_what_is_wrong_with_a_run_is_said_in_words(visit):
    page = visit(path=path_of(LOST))
    told = page.locator("dd", has=page.locator("ul"))
    told.wait_for()
    assert "lost.h5" in told.inner_text()
    assert "lost.h5" in page.locator("section", has_text="img").inner_text()
    page.get_by_text("Rows 1 to 5 of 5").wait_for()
    page.goto(page.url.replace(uid_of(LOST), uid_of(SCAN)))
    page.get_by_text("nothing is wrong with it").wait_for()


def test_a_run_in_progress_grows_before_ones_eyes(visit, database):
    page = visit(path=path_of(LIVE))
    page.get_by_text("in progress", exact=True).wait_for()
    page.get_by_text("Rows 1 to 3 of 3").wait_for()
    rows = [{"th": 1.0 * row, "I0": 1.0, "It": 2.0, "note": "new"} for row in range(8)]
    rest = build_run({"primary": rows}, **start(LIVE))
    store_runs(database, [[each for each in rest if each[0] == "event"][3:]])
    page.get_by_text("Rows 1 to 8 of 8").wait_for()
    store_runs(database, [[each for each in rest if each[0] == "stop"]])
    page.get_by_text("success", exact=True).wait_for()


def test_stored_texts_are_nothing_but_texts(visit):
    page = visit()
    assert rows_of(page)[1][2:4] == [EVIL, EVIL]
    page.get_by_role("link", name=str(EVILS)).click()
    page.get_by_text("Rows 1 to 2 of 2").wait_for()
    page.get_by_text("Start", exact=True).click()
    assert page.locator("h1").inner_text() == f"Scan {EVILS}: {EVIL}"
    assert page.locator("h2").nth(1).inner_text() == f"Table of {EVIL.replace('/', '_')}"
    assert page.locator("img[src=x], .dbm script").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.locator(".dbm").inner_text().count(EVIL) >= 5


def test_the_keyboard_is_enough(visit):
    page = visit()
    tab_to(page, "Search runs")
    page.keyboard.type("plan_name=scan sample.name~foil scan_id<102")
    page.keyboard.press("Enter")
    page.get_by_text("Runs 1 to 1 of 1,").wait_for()
    tab_to(page, "101")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="It against th").wait_for()
    for label in ("Against", "What to plot", "Table of primary", "Rows after"):
        tab_to(page, label)
    page.keyboard.press("Enter")
    page.get_by_text("Rows 21 to 40 of 45").wait_for()
    for label in ("CSV", "Start"):
        tab_to(page, label)
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Start").wait_for()


def tab_to(page, label):
    """Go on by Tab to what has a label; all that is passed on the way has one, and shows that it has the focus."""
    passed = []
    while len(passed) < 40:
        page.keyboard.press("Tab")
        passed.append(page.evaluate(KEYBOARD))
        assert not passed[-1]["isOurs"] or (passed[-1]["label"] and passed[-1]["isSeen"]), passed[-1]
        if passed[-1]["label"].startswith(label):
            return
    raise AssertionError(f"{label!r} was not reached: {passed}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_can_be_read_in_light_and_dark_and_on_a_phone(visit, scheme, size):
    for path in ("", path_of(IMAGES), path_of(SCAN)):
        page = visit(scheme=scheme, size=size, path=path)
        if path:
            page.locator(".dbm").get_by_role("img").first.wait_for()
        told = page.evaluate(CONTRASTS)
        assert len(told) > 20
        assert (told[0][2] > 0.5) is (scheme == "light")
        assert [each for each in told if each[0] < 4.5] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_the_page_of_a_facility_shows_people_their_runs(chromium, database, tmp_path):
    """Its settings are those that the how-to has; a token goes with what the script asks, as no cookie does."""
    with facility(database, tmp_path) as address, closing(chromium.new_context()) as context:
        page = context.new_page()
        page.goto(f"{address}/ui/login")
        page.get_by_label("Username").fill("alice")
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name="Log In").click()
        page.get_by_text("Runs 1 to 1 of 1,").wait_for()
        page.get_by_role("link", name=str(IMAGES)).click()
        frame = page.get_by_role("img", name="img, frame 3 of 5")
        frame.wait_for()
        assert colours_of(frame) > 10
        with page.expect_download() as download:
            page.get_by_role("link", name="HDF5").click()
        assert download.value.path().read_bytes().startswith(b"\x89HDF")


@contextmanager
def facility(database, directory):
    """Serve the runs by Tiled's own command, to alice those with frames; give the address."""
    here = Path(__file__).parents[2] / "docs/how-to/serve-a-facility.rst"
    views = re.search(r"^   spec_views:\n(?:     .*\n)+", here.read_text(), re.MULTILINE)[0]
    default = Path(sys.prefix) / "share/tiled/static/default_ui_settings.yml"
    (directory / "page.yml").write_text(f"{default.read_text()}{textwrap.dedent(views)}")
    (directory / "sessions.yml").write_text(f"alice: {uid_of(IMAGES)}")
    tree = {"uri": database, "tag_field": "uid", "top_level_access_tags": ["public"], "trust_documents": True}
    configuration = {
        "authentication": {
            "providers": [
                {
                    "provider": "toy",
                    "authenticator": "tiled.authenticators:DictionaryAuthenticator",
                    "args": {"users_to_passwords": {"alice": "secret"}},
                }
            ],
            "secret_keys": ["secret" * 6],
        },
        "database": {"uri": f"sqlite:///{directory}/sessions.db", "init_if_not_exists": True},
        "access_control": {
            "access_policy": "databroker_mongo.tiled.access:SessionsPolicy",
            "args": {"provider": "toy", "sessions_file": str(directory / "sessions.yml")},
        },
        "trees": [{"path": "/", "tree": "databroker_mongo.tiled:from_uri", "args": tree}],
    }
    (directory / "config.yml").write_text(json.dumps(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tiled, config = Path(sys.executable).parent / "tiled", directory / "config.yml"
    environment = {**os.environ, "TILED_UI_SETTINGS": str(directory / "page.yml")}
    command = [str(tiled), "serve", "config", str(config), "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def wait_for(url, process, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            assert httpx.get(url).status_code == 200
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
