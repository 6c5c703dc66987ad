"""Building what the configuration says."""

from typing import Any

import gin

from tf_emcom.errors import UserError
from tf_emcom.runtime.config import plain_errors


def build(component: str, *arguments: Any) -> Any:  # noqa: ANN401 components are of every type
    """A component by its class's name, with the parameters that are bound to it; `arguments` come first.

    Raises:
      UserError: something cannot be built with what is bound to it.
    """
    try:
        with plain_errors():
            return gin.get_configurable(component)(*arguments)
    except RecursionError:
        raise UserError(
            f"{component} cannot be built, because a component in it is bound to a parameter of its own, as in"
            " `Erasure.probability = @Erasure()`, perhaps through a macro; bind that to something else."
        ) from None
