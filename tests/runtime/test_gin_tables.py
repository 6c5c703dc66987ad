"""What is not public in gin is used in one file, of one version of gin."""

import re
from pathlib import Path

import gin
import pytest

from tf_emcom.runtime import gin_tables

ROOT = Path(__file__).parents[2]
PRIVATE = re.compile(r"gin\.config\b|config_parser|from gin import|from gin\.")


def test_one_file_alone_uses_names_that_are_not_public_in_gin():
    using = [path for path in sorted((ROOT / "tf_emcom").rglob("*.py")) if PRIVATE.search(path.read_text())]
    assert [path.relative_to(ROOT).as_posix() for path in using] == ["tf_emcom/runtime/gin_tables.py"]


@pytest.mark.parametrize(
    "source", ["gin.config._CONFIG", "from gin import config_parser", "from gin.config import parse_value"]
)
def test_a_planted_private_name_is_found(source):
    assert PRIVATE.search(source)


def test_requirements_and_constraints_pin_the_same_version_of_gin():
    files = ("pyproject.toml", "constraints.txt")
    pins = [re.findall(r"gin-config(==[\w.]+)?", (ROOT / name).read_text()) for name in files]
    assert pins[0] == pins[1] and pins[0][0].startswith("==")


class TablesChannel:
    def __init__(self, probability=0.5, text="", extra=None):
        self.probability = probability


gin.external_configurable(TablesChannel, module="tables_toys")


def test_the_innermost_binding_supplies_a_value():
    gin.clear_config()
    gin.parse_config("TablesChannel.probability = 1\na/TablesChannel.probability = 2\na/b/TablesChannel.text = ''")
    selector = gin_tables.matching("TablesChannel")[0].selector
    found = [gin_tables.supplier(scope, selector, "probability") for scope in ("", "a", "a/b", "c")]
    assert found == ["", "a", "a", ""]
    assert gin_tables.supplier("a", selector, "text") is None
    assert gin_tables.outermost("a/b") == ["", "a", "a/b"]


def test_a_value_is_followed_through_macros():
    gin.clear_config()
    gin.parse_config("one = %two\ntwo = 'x'\nTablesChannel.text = %one\nTablesChannel.extra = %gone")
    selector = gin_tables.matching("TablesChannel")[0].selector
    assert gin_tables.value_of(("", selector, "text")) == (("two", "gin.macro", "value"), "x")
    assert gin_tables.value_of(("", selector, "extra")) == (("gone", "gin.macro", "value"), None)


def test_a_configuration_that_was_kept_comes_back_with_its_used_values_and_imports():
    gin.clear_config()
    gin.parse_config("import math\nTablesChannel.probability = 1")
    gin.get_configurable("TablesChannel")()
    before = gin_tables.text(gin_tables.BOUND), gin_tables.text(gin_tables.USED)
    with pytest.raises(KeyError), gin_tables.kept():
        gin.clear_config()
        gin.parse_config("TablesChannel.probability = 2")
        gin.get_configurable("TablesChannel")()
        raise KeyError
    assert (gin_tables.text(gin_tables.BOUND), gin_tables.text(gin_tables.USED)) == before
    assert before[0].startswith("import math") and "probability = 1" in before[1]
    gin.clear_config()
