"""Pages from the templates of `site/`."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from leaderboard.render.writer import Writer

HELD = re.compile(r" %| ?[≤±] ")
"""Signs that no line begins or ends with."""
SITE = Path(__file__).parents[2] / "site"


def _held_together(shown: object) -> object:
    """A figure with its sign on one line; HTML that is made already stays as it is."""
    if type(shown) is not str:
        return shown
    return HELD.sub(lambda mark: mark[0].replace(" ", "\u00a0"), shown)


class Pages:
    """Writes pages from templates."""

    def __init__(self, writer: Writer, look: str, url: str) -> None:
        """`look` is a hash of all that pages are made with besides their content."""
        self._writer, self._look, self._url = writer, look, url.rstrip("/")
        self._templates = Environment(
            loader=FileSystemLoader(SITE / "templates"),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_held_together,
        )

    def __call__(
        self, path: str, template: str, root: str | None = None, **content: object
    ) -> None:
        """The page at `path`; `root` leads from it to the first page."""
        content |= {"root": "../" * path.count("/") if root is None else root, "url": self._url}

        def make() -> bytes:
            return self._templates.get_template(template).render(**content).encode()

        self._writer.file(path, (self._look, template, sorted(content.items())), make)
