"""What the modes of games measure, and how their tables are laid out."""

from typing import NamedTuple


class Kind(NamedTuple):
    """What a mode of games measures, and how its table is laid out."""

    component: str  # the name of the mode's class
    title: str
    pages: tuple[str, ...]
    across: str
    value: str = "accuracy"
    numbers: tuple[str, ...] = ("accuracy",)  # the fields that are numbers or null in each of its rows
    texts: tuple[str, ...] = ()  # those that are texts


_BY_NOISE = ("candidates", "noise", "accuracy")
KINDS = {
    "testchannel": Kind("TestChannel", "Accuracy by channel noise", ("candidates",), "noise", numbers=_BY_NOISE),
    "testmessage": Kind(
        *("TestMessage", "Accuracy by number of erased symbols", ("candidates",), "erased"),
        numbers=("candidates", "erased", "accuracy"),
    ),
    "testinput": Kind(
        *("TestInput", "Accuracy by input noise", ("noise", "candidates"), "input_noise"),
        numbers=(*_BY_NOISE, "input_noise"),
    ),
    "testnaming": Kind("TestNaming", "Naming: accuracy by channel noise", (), "noise", numbers=("noise", "accuracy")),
    "testtopsim": Kind("TestTopsim", "Topographic similarity", (), "meaning", "topsim", ("topsim",), ("meaning",)),
    "testlanguage": Kind("TestLanguage", "Language measures", (), "measure", "value", ("value",), ("measure",)),
}
