"""A person in front of the browser: where they go, what they click, what they see."""

from collections.abc import Callable

import pytest
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 60


class Visit:
    """A person in front of the browser."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def go(self, path: str) -> None:
        """Type an address."""
        self.browser.get(self.url + path)

    @property
    def path(self) -> str:
        """Where the browser is."""
        return self.browser.current_url.removeprefix(self.url)

    @property
    def text(self) -> str:
        """What the page says."""
        return self.browser.find_element(By.TAG_NAME, "body").text

    def log_in(self, secret: str) -> None:
        """Fill the form in."""
        self.browser.find_element(By.NAME, "secret").send_keys(secret)
        self.browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()

    def click(self, label: str) -> None:
        """Click a button, once it is there and can be clicked."""

        def clicked() -> bool:
            labelled = f"//button[normalize-space()='{label}' and not(@disabled)]"
            for button in self.browser.find_elements(By.XPATH, labelled):
                if button.is_displayed() and button.is_enabled():
                    button.click()
                    return True
            return False

        self.eventually(clicked, f"there is a button {label}")

    def is_at(self, path: str) -> None:
        """Wait until the browser is there."""
        self.eventually(lambda: self.path == path, f"the browser is at {path}")

    def sees(self, *words: str, seconds: float = SECONDS) -> None:
        """Wait until the page says all of it."""
        self.eventually(lambda: all(word in self.text for word in words), f"the page says {words}", seconds)

    def eventually(self, holds: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Wait until it holds; pages change under one's hands."""
        changing = [ElementClickInterceptedException, StaleElementReferenceException]
        try:
            WebDriverWait(self.browser, seconds, ignored_exceptions=changing).until(lambda _: holds())
        except TimeoutException:
            pytest.fail(f"waited {seconds} s in vain until {what}; {self.path} says: {self.text[:2000]}")
