"""The text of a run's configuration, the bindings that were used, and the differences between two texts."""

from collections.abc import Collection

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.runtime import gin_tables
from tf_emcom.runtime.config_file import parameter_now


def operative_config() -> str:
    """The text of what was used so far, with defaults; loading it and building the same gives it again.

    UserError if a value in it cannot be written in gin.
    """
    return gin_tables.text(gin_tables.USED)


def complete_config() -> str:
    """Returns all bindings as they were bound, together with the defaults that were used.

    Another mode, which builds other components, can start from this text without losing their bindings. A binding that
    comes after it, as on the command line, has the same effect as after the original files: therefore a value is
    written under the scope that it was bound in, not under the one that it was used in. UserError as above.
    """
    complete = {key: dict(values) for key, values in gin_tables.BOUND.items()}
    for (scope, selector), values in gin_tables.USED.items():
        for parameter, value in values.items():
            if gin_tables.supplier(scope, selector, parameter) is None:
                complete.setdefault(("", selector), {})[parameter] = value
    return gin_tables.text(complete)


def used_keys() -> set[tuple[str | None, str, str]]:
    """Returns scope, selector and parameter of every binding that something built so far has used."""
    return {
        (gin_tables.supplier(scope, selector, parameter), selector, parameter)
        for (scope, selector), values in gin_tables.USED.items()
        for parameter in values
    }


def differences(
    stored: str, current: str, ignore: Collection[str] = ("mode",), *, only_common: bool = False
) -> list[str]:
    """The differences of two configuration texts, such as "batch_size = 16 there, 64 here", macros first.

    Neither needs to be loaded. Bindings in `ignore` may differ; `only_common` ignores bindings of only one text, for a
    mode that builds fewer components. Where a value is `%macro` in both, only the difference of the macro itself is
    named. UserError if a text is not gin.
    """
    there, here = values(stored, "stored"), values(current, "current")
    names = there.keys() & here.keys() if only_common else there.keys() | here.keys()
    return [
        f"{name} = {there.get(name, 'not bound')} there, {here.get(name, 'not bound')} here"
        for name in sorted(names - set(ignore), key=lambda name: ("." in name, name))
        if there.get(name) != here.get(name)
    ]


class _AsWritten(gin_tables.Delegate):
    """Keeps references as text, so that reading needs no components."""

    def configurable_reference(self, name: str, evaluate: bool) -> object:
        return _Written(f"@{name}()" if evaluate else f"@{name}")

    def macro(self, name: str) -> object:
        return _Written(f"%{name}")


class _Written(str):
    """A reference, shown without quotes."""

    __repr__ = str.__str__


def values(text: str, which: str) -> dict[str, str]:
    """Returns each binding's value in one spelling, whatever its line breaks; UserError if the text is not gin."""
    found = {}
    try:
        for statement in gin_tables.statements(text, _AsWritten()):
            if isinstance(statement, gin_tables.BindingStatement):
                parameter = parameter_now(statement.selector, statement.arg_name)
                name = "/".join(filter(None, (statement.scope, statement.selector)))
                found[f"{name}.{parameter}" if parameter else name] = repr(statement.value)
    except gin_tables.UNREADABLE as error:
        raise UserError(f"The {which} configuration is not gin: {reason(error, 300)}.") from error
    return found
