"""The page of the garage in Chromium: by mouse, by keyboard, full, and when the server ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from serving import PARK, Serve, Served, ask_on, wait_until

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="pip install selenium")

pytestmark = pytest.mark.skipif(
    shutil.which("chromedriver") is None, reason="apt-get install chromium-driver"
)

#: Two spaces for all.
SMALL = """name = "two"
[vehicles]
small = [["small"]]

[[floors]]
rows = [{ kind = "small", spaces = 2 }]
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a screen."""
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    yield browser
    browser.quit()


class Page:
    """The page of a server in the browser."""

    def __init__(self, browser: Any, server: Served) -> None:
        self.browser = browser
        browser.get_log("browser")
        browser.get(server.url + "/")
        self.wait_for("#connection", "Live")

    def find(self, selector: str) -> Any:
        """The one element."""
        (element,) = self.browser.find_elements("css selector", selector)
        return element

    def wait_for(self, selector: str, text: str) -> None:
        """Until the element says so."""
        wait_until(lambda: text in self.find(selector).text, f"{selector}: {text}")

    def press(self, text: str) -> None:
        """Click the button with this text."""
        buttons = self.browser.find_elements("css selector", "button")
        next(button for button in buttons if button.text == text).click()

    def wait_for_taken(self, number: int) -> list[Any]:
        """Until so many spaces are filled."""
        selector = '.cells button[aria-pressed="true"]'
        wait_until(
            lambda: len(self.browser.find_elements("css selector", selector)) == number,
            f"{number} taken",
        )
        taken: list[Any] = self.browser.find_elements("css selector", selector)
        return taken

    def keys(self, *keys: str) -> None:
        """Type, wherever the focus is."""
        self.browser.switch_to.active_element.send_keys(*keys)

    def focus(self) -> str:
        """The accessible name of what has the focus."""
        name: str = self.browser.switch_to.active_element.accessible_name
        return name


@pytest.fixture
def server(serve: Serve) -> Served:
    """A Tornado, embedded."""
    return serve("tornado")


def test_park_and_unpark_by_click(browser: Any, server: Served) -> None:
    """The answer is said, the space is filled, and a press on it gives it back."""
    page = Page(browser, server)
    page.press("Park small")
    page.wait_for("#answer", "Parked: floor 1, row 3, space 1")
    (space,) = page.wait_for_taken(1)
    assert space.accessible_name == "Space 1, taken: unpark"
    space.click()
    page.wait_for("#answer", "Unparked: floor 1, row 3, space 1, small")
    page.wait_for_taken(0)
    assert server.taken() == 0


def test_the_form_unparks(browser: Any, server: Served) -> None:
    """Also where spaces cannot be pressed; what is refused is said in the words of the API."""
    page = Page(browser, server)
    page.press("Park large")
    page.wait_for("#answer", "Parked: floor 2, row 4, space 1")
    for name, value in (("floor", "2"), ("row", "4"), ("space", "1")):
        page.find(f"#unpark input[name={name}]").send_keys(value)
    page.press("Unpark")
    page.wait_for("#answer", "Unparked: floor 2, row 4, space 1, large")
    page.press("Unpark")
    page.wait_for("#answer", "Refused: the space is free already")


def test_all_of_it_by_keyboard(browser: Any, server: Served) -> None:
    """Tab, Enter and arrow keys; each row takes Tab once."""
    from selenium.webdriver.common.keys import Keys

    page = Page(browser, server)
    page.keys(Keys.TAB)
    assert page.focus() == "Park small"
    page.keys(Keys.ENTER)
    page.wait_for_taken(1)
    for _ in range(6):  # two more vehicles, three fields, their button
        page.keys(Keys.TAB)
    assert page.focus() == "Unpark"
    page.keys(Keys.TAB * 3)
    assert page.focus() == "Space 1, taken: unpark"
    page.keys(Keys.ARROW_RIGHT)
    assert page.focus() == "Space 2, free"
    page.keys(Keys.END)
    assert page.focus() == "Space 10, free"
    page.keys(Keys.HOME)
    page.keys(Keys.ENTER)
    page.wait_for("#answer", "Unparked: floor 1, row 3, space 1")


def test_a_full_garage_is_said(browser: Any, serve: Serve, tmp_path: Any) -> None:
    """The refusal of the API, and no free space."""
    (tmp_path / "small.toml").write_text(SMALL)
    server = serve("tornado", "--layout", "small.toml")
    page = Page(browser, server)
    for _ in range(3):
        page.press("Park small")
    page.wait_for("#answer", "Refused: no free space for vehicle 'small'")
    page.wait_for_taken(2)
    page.wait_for("#kinds", "small 2 0")


def test_the_end_of_the_server_is_said(browser: Any, server: Served) -> None:
    """And the page does not ask again and again."""
    page = Page(browser, server)
    assert server.stop().code == 0
    page.wait_for("#connection", "The server has ended")
    page.press("Park small")
    page.wait_for("#answer", "The server does not answer")


def test_ten_thousand_requests_later_it_shows_the_garage(browser: Any, server: Served) -> None:
    """States in between are left out, the last one is not, and nothing was complained of."""
    page = Page(browser, server)
    first = json.dumps({"floor": 1, "row": 3, "space": 1}).encode()
    with closing(server.connect()) as client:
        for _ in range(5000):
            ask_on(client, "POST", "/park", PARK)
            ask_on(client, "POST", "/unpark", first)
        for _ in range(7):
            ask_on(client, "POST", "/park", PARK)
    page.wait_for_taken(7)
    page.wait_for("#shares", "park encode")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
