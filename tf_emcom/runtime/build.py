"""Building what the configuration says."""

from typing import Any

import gin


def build(component: str, *arguments: Any) -> Any:  # noqa: ANN401 components are of every type
    """A component by its class's name, with the parameters that are bound to it; `arguments` come first."""
    return gin.get_configurable(component)(*arguments)
