"""What bin/train understands of a command line, in a process of its own: absl has one set of flags a process."""

import json
import re
import subprocess
import sys

from tests import commands

_SOURCE = (commands.ROOT / "bin" / "train").read_text()
NAMES = re.findall(r'(?:flags\.DEFINE_\w+|cli\.shared_flag)\(\s*"(\w+)"', _SOURCE)
_CODE = """
import json, runpy, sys
runpy.run_path("bin/train")
from absl import flags
assert flags.FLAGS(sys.argv)[1:] == []
"""


def parsed(arguments):
    """The flags' names and values; an error where bin/train does not know one."""
    code = f"{_CODE}print(json.dumps({{name: flags.FLAGS[name].value for name in {NAMES}}}))"
    words = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(words, cwd=commands.ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
