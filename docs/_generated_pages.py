"""Pages of the site that are made from the package: components with their parameters, and the Python API."""

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tf_emcom.tools import components  # noqa: E402

_PACKAGE = Path(__file__).resolve().parents[1] / "tf_emcom"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the pages of the Python API in the navigation."""
    developing = next(part["Developing"] for part in config.nav if "Developing" in part)
    developing.append({"Python API": sorted(_api_pages())})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages to those of docs/."""
    for name, text in {**_api_pages(), "components.md": components.markdown()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def _api_pages() -> dict[str, str]:
    """Name ↦ text of a page for each folder of the package, with what its modules' docstrings say."""
    pages = {}
    for folder in (path.parent for path in _PACKAGE.rglob("__init__.py")):
        title = ".".join(folder.relative_to(_PACKAGE.parent).parts)
        modules = [path.stem for path in sorted(folder.glob("*.py")) if not path.stem.startswith("__")]
        if modules:
            pages[f"api/{title}.md"] = f"# {title}\n\n" + "\n\n".join(f"::: {title}.{module}" for module in modules)
    return pages
