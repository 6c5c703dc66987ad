"""What `tf-emcom train` understands of a command line."""

from absl import flags

from tf_emcom.commands import COMMANDS


def parsed(arguments):
    """The flags' names and values; an error where `train` does not know one."""
    values = flags.FlagValues()
    for define in COMMANDS["train"].flags:
        define(values)
    assert values(["train", *arguments])[1:] == []
    return values.flag_values_dict()


NAMES = list(parsed([]))
