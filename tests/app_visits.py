"""Visits of the app: a page in a browser, and what every page is held to.

`tests/zoo/app/axe.min.js` is axe-core 4.14.1 (Deque Systems, MPL 2.0, github.com/dequelabs/axe-core); the package has
nothing of it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AXE = Path(__file__).parent / "zoo" / "app" / "axe.min.js"
PATIENCE = 120_000
"""Milliseconds that a step may take where other tests share the machine."""
SETTLED = """Promise.allSettled(
    document.getAnimations().filter(one => one instanceof CSSTransition).map(one => one.finished))"""
WIDE, NARROW = (1280, 900), (360, 740)


@dataclass
class Server:
    """Where it is, and what it prints."""

    address: str
    port: int
    log: Path


@dataclass
class Visit:
    """A visitor's page, and what it asked of anybody but the server."""

    page: Any
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def violations(self) -> list[str]:
        """What axe finds that is serious or worse, once colours have stopped changing."""
        self.page.evaluate(SETTLED)
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run()")["violations"]
        bad = [one for one in found if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}" for one in bad]

    def overflows(self) -> bool:
        """Whether one has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
