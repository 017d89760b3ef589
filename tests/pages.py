"""A page in a real browser, and what the tests do with it."""

import json
from pathlib import Path

import numpy as np
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from transformer_mt.view.page import render


class Page:
    """A page and what the tests do with it."""

    def __init__(self, browser: Chrome, folder: Path):
        self.browser, self.folder = browser, folder

    def open(self, data: dict) -> "Page":
        path = self.folder / "测试 page.html"
        path.write_text(render(data), encoding="utf-8")
        for log in ("browser", "performance"):
            self.browser.get_log(log)
        self.browser.get(path.as_uri())
        return self

    def js(self, script: str, *arguments: object):
        return self.browser.execute_script(f"return {script}", *arguments)

    def find(self, selector: str):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.js("document.querySelector(arguments[0]).click()", selector)

    def text(self, selector: str) -> str:
        return self.js("document.querySelector(arguments[0]).textContent", selector)

    def show(self, selector: str) -> None:
        where = "{block: 'center', inline: 'center'}"
        self.js(f"document.querySelector(arguments[0]).scrollIntoView({where})", selector)

    def hover(self, selector: str) -> None:
        self.show(selector)
        ActionChains(self.browser, duration=0).move_to_element(self.find(selector)).perform()

    def tap(self, selector: str) -> None:
        self.show(selector)
        touch = ActionBuilder(self.browser, mouse=PointerInput("touch", "finger"), duration=0)
        touch.pointer_action.move_to(self.find(selector)).pointer_down().pointer_up()
        # The browser makes a click of the touch, later.
        listener = "() => setTimeout(() => tapped = true), {once: true, capture: true}"
        self.js(f"(tapped = false, addEventListener('click', {listener}))")
        touch.perform()
        WebDriverWait(self.browser, 30).until(lambda _: self.js("tapped"))

    def press(self, *keys: str) -> None:
        ActionChains(self.browser, duration=0).send_keys(*keys).perform()

    def focus(self, selector: str) -> None:
        self.js("document.querySelector(arguments[0]).focus()", selector)

    def switch(self, **to: bool) -> None:
        for name, on in to.items():
            name = name.replace("_", "-")
            if self.js("document.getElementById(arguments[0]).checked", name) != on:
                self.click(f"#{name}")

    def choose(self, kind: str, layer: int | None, head: int | None) -> None:
        text = ["" if x is None else x for x in (layer, head)]
        self.click(f'button[data-kind="{kind}"][data-layer="{text[0]}"][data-head="{text[1]}"]')

    def each(self, selector: str, expression: str) -> list:
        """A JavaScript expression of every `node` that the selector finds."""
        return self.js(
            f"[...document.querySelectorAll(arguments[0])].map(node => {expression})", selector
        )

    def matrix(self) -> np.ndarray:
        cells = "[...node.querySelectorAll('td')].map(td => Number(td.dataset.weight))"
        return np.array(self.each("#matrix tbody tr", cells))

    def cells(self, name: str) -> set[tuple[int, int]]:
        """(row, column) of the cells that carry a class."""
        return set(
            map(tuple, self.each(f"#matrix td.{name}", "[+node.dataset.row, +node.dataset.col]"))
        )

    def weights_on(self, side: str) -> list[float]:
        """The numbers beside the tokens of a side; None where there is none."""
        return self.each(
            f"#{side} .token", "node.dataset.weight ? Number(node.dataset.weight) : null"
        )

    def number(self, selector: str) -> float:
        return float(self.text(selector).replace("−", "-"))

    def problems(self) -> list[str]:
        """Console messages, and addresses that the page asked for beside itself."""
        messages = [entry["message"] for entry in self.browser.get_log("browser")]
        events = [
            json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")
        ]
        requested = [
            e["params"]["request"]["url"]
            for e in events
            if e["method"] == "Network.requestWillBeSent"
        ]
        return messages + [
            url for url in requested if not (url.startswith("file:") and url.endswith("page.html"))
        ]
