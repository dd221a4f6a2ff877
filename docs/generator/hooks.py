"""What mkdocs calls: a line `<!-- petbench: NAME -->` of a page becomes what the code says today."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.utils import get_relative_url

from filled import for_the_site

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

#: The theme takes the search's helper for pages without a server from another host; a copy is among the assets.
_FOREIGN_HELPER = "https://unpkg.com/iframe-worker/shim"
_OWN_HELPER = "assets/iframe-worker.js"

MEASURED = "Measured"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of the navigation what no command has written yet."""
    folder = Path(config.docs_dir)
    for section in config.nav or ():
        if MEASURED in section:
            section[MEASURED] = [
                page for page in section[MEASURED] if all((folder / name).is_file() for name in page.values())
            ]
    return config


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs' names
    """Fill in the generated parts of a page.

    Raises:
        PluginError: a marker names nothing that can be generated.
    """
    try:
        return for_the_site(markdown)
    except ValueError as error:
        raise PluginError(f"{page.file.src_path}: {error}") from None


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 - mkdocs' names
    """Let no page ask another host for anything."""
    return output.replace(_FOREIGN_HELPER, get_relative_url(_OWN_HELPER, page.url))


def on_post_template(output_content: str, *, template_name: str, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Do the same for pages without a source, such as the one for an address that leads nowhere."""
    return output_content.replace(_FOREIGN_HELPER, f"/{_OWN_HELPER}")
