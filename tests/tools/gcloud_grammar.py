"""Whether Google Cloud's tool would understand a command: its documented grammar is in gcloud.json."""

import json
import re
from pathlib import Path

_GRAMMAR = json.loads(Path(__file__).with_name("gcloud.json").read_text())
COMMANDS = _GRAMMAR["commands"]


def mistakes(words):
    """What is wrong with the words of a command, in sentences; none where it is right."""
    if words[0] != "gcloud":
        return [f"{words[0]} is not gcloud"]
    verb = [word for word in words[1:5]]
    rule = COMMANDS.get(" ".join(verb))
    if rule is None:
        return [f"there is no command {' '.join(verb)}"]
    values = {*rule["values"], *_GRAMMAR["everywhere"]["values"]}
    switches = {*rule["switches"], *_GRAMMAR["everywhere"]["switches"]}
    found, given, positionals = [], [], []
    for word in words[5:]:
        if not word.startswith("-"):
            positionals.append(word)
            continue
        flag, equals, value = word.partition("=")
        given.append(flag)
        if flag in values:
            found += [] if equals and value else [f"{flag} lacks its value"]
        elif flag in switches:
            found += [f"{flag} takes no value"] if equals else []
        else:
            found.append(f"there is no flag {flag}")
    least, most = rule["positionals"]
    if not least <= len(positionals) <= (most or len(positionals)):
        found.append(f"{len(positionals)} positional arguments")
    found += [f"{flag} is given twice" for flag in sorted(set(given)) if given.count(flag) > 1]
    found += [f"none of {group} is given" for group in rule["required"] if not set(group) & set(given)]
    found += [f"{group} exclude each other" for group in rule["exclusive"] if len(set(group) & set(given)) > 1]
    if verb[-1] in ("ssh", "scp") and not set(given) >= {"--worker"}:
        found.append("it does not say which host")
    if verb[-1] == "scp":
        found += _mistakes_of_paths(positionals)
    # Without these the tool asks back, and a script would wait for ever.
    if verb[-1] in ("delete", "ssh", "scp") and "--quiet" not in given:
        found.append("it would ask back")
    return found if any(flag == "--zone" for flag in given) else [*found, "it does not say where"]


def _mistakes_of_paths(paths):
    """Sources first, then where to; a machine's name ends at the first colon, unless a slash comes before it."""
    remote = [bool(re.match("[^/]*:", path)) for path in paths]
    return [] if remote == [False] * (len(paths) - 1) + [True] else [f"{paths} is no copy from here to there"]
