"""Somebody who reads pages in Chromium: what they show, what of it without scrolling, and what goes wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

WAIT_SECONDS = 90.0  # pages of megabytes on a machine that has other things to do
SETTLE_SECONDS = 2.0  # what is drawn after its text is there
HARMLESS = (
    # MLflow asks for the user also where nobody has to log in.
    "/ajax-api/2.0/mlflow/users/current - Failed to load resource: the server responded with a status of 404",
    # Chromium says so of any page that changes its layout while it is drawn.
    "ResizeObserver loop completed with undelivered notifications.",
)
# Texts that lie whole within the window, and that nothing that scrolls or folds hides.
IN_VIEW = """
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const range = document.createRange();
while (walker.nextNode()) {
  range.selectNodeContents(walker.currentNode);
  const box = range.getBoundingClientRect();
  if (!box.width || box.top < 0 || box.bottom > innerHeight || box.left < 0) continue;
  const over = document.elementFromPoint(box.left + 1, box.bottom - 3);
  if (over && (over.contains(walker.currentNode) || over.closest("a, p, li, span, div")?.contains(
    walker.currentNode))) found.push(walker.currentNode.textContent);
}
return found.join(" ");
"""


class Reader:
    """Somebody who opens pages, reads them and takes pictures of them."""

    def __init__(self, chrome: Any, pictures: Path) -> None:
        self.chrome, self.pictures = chrome, pictures

    def without_assistant(self, url: str) -> None:
        """MLflow opens its assistant in a new browser, over a quarter of the page."""
        self.chrome.get(url)
        self.chrome.execute_script("localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')")
        opened = "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1"
        self.chrome.execute_script(f"localStorage.setItem('{opened}', 'true')")

    def open(self, url: str, *words: str, name: str) -> str:
        """Open a page, wait until it shows all these words, and keep a picture of it; what it says.

        Fails where the browser's console has an error that is not named as harmless.
        """
        self.chrome.get("about:blank")  # a page whose address changes behind the # is not loaded anew
        self.chrome.get_log("browser")
        self.chrome.get(url)
        return self.picture(*words, name=name)

    def picture(self, *words: str, name: str) -> str:
        text = self.until(*words)
        time.sleep(SETTLE_SECONDS)
        self.chrome.save_screenshot(str(self.pictures / f"{name}.png"))
        assert self.errors() == []
        return text

    def until(self, *words: str) -> str:
        end = time.monotonic() + WAIT_SECONDS
        while True:
            text = self.text()
            missing = [word for word in words if word not in text]
            if not missing:
                return text
            assert time.monotonic() < end, f"not on the page: {missing}; there is: {text[:2000]}"
            time.sleep(0.3)

    def text(self) -> str:
        """What the page shows, its frames included."""
        from selenium.common.exceptions import WebDriverException

        try:
            parts = [self.chrome.find_element("tag name", "body").text]
            for frame in self.chrome.find_elements("tag name", "iframe"):
                self.chrome.switch_to.frame(frame)
                parts.append(self.chrome.find_element("tag name", "body").text)
                self.chrome.switch_to.default_content()
        except WebDriverException:  # it is drawn anew at this moment
            self.chrome.switch_to.default_content()
            return ""
        return "\n".join(parts)

    def in_view(self) -> str:
        """What is visible without scrolling, in a window of 1280 x 800."""
        found: str = self.chrome.execute_script(IN_VIEW)
        return " ".join(found.split())

    def errors(self) -> list[str]:
        found = [e["message"] for e in self.chrome.get_log("browser") if e["level"] == "SEVERE"]
        return [message for message in found if not any(known in message for known in HARMLESS)]

    def click(self, css: str, text: str) -> None:
        for element in self.chrome.find_elements("css selector", css):
            if element.text.strip() == text:
                element.click()
                return
        raise AssertionError(f"there is no {css} {text!r}")

    def column(self, css: str, beginning: str) -> list[str]:
        """Texts that begin so, from the top of the page down; a grid may hold its rows in another order."""
        found = self.chrome.find_elements("css selector", css)
        placed = [(element.location["y"], element.text) for element in found]
        return [text for _, text in sorted(placed) if text.startswith(beginning)]

    def links(self) -> dict[str, str]:
        found = self.chrome.find_elements("css selector", "a[href]")
        return {link.text.strip(): link.get_attribute("href") for link in found}
