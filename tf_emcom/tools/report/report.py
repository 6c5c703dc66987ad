"""A page about runs, from their folders alone."""

import abc
import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

import jinja2
import markupsafe
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.plots import mark
from tf_emcom.runtime.catalogue import plug_ins
from tf_emcom.tools.report.run import Run, distinct_names


class Section(abc.ABC):
    """A part of the page about all runs of a report."""

    title: str
    place: int  # sections stand in the order of these numbers
    explanation: str = ""  # a sentence below the heading about what it shows

    @abc.abstractmethod
    def blocks(self, runs: Sequence[Run]) -> Iterable[object]:
        """The section's `blocks`; none where it is not about any of the runs."""


_SIGN = '<meta name="generator" content="tf_emcom">'  # of pages that may be overwritten
_HEAD = 2000  # characters in which the sign is
# On paper, everything is unfolded.
_SCRIPT = "addEventListener('beforeprint',()=>document.querySelectorAll('details').forEach(d=>{d.open=true}))"


def write_report(paths: Sequence[str], out: str | None = None) -> str:
    """Writes one HTML page about runs, which loads nothing from anywhere, and returns its path.

    Args:
      paths: the runs' folders; one that is named twice is shown once.
      out: the file; None: RUN/report.html for one run, report.html in the current folder for several.

    Raises:
      UserError: a folder holds no run, or the page cannot be written.
    """
    if not paths:
        raise UserError("No run is named; give the folders of one or more, as in tf-emcom report runs/nlg_digits-0.")
    folders = list(dict.fromkeys(path if files.is_remote(path) else os.path.realpath(path) for path in paths))
    out = out or (os.path.join(folders[0], "report.html") if len(folders) == 1 else "report.html")
    _check_place(out)
    names = distinct_names(folders)
    runs = [part for path, name in zip(folders, names, strict=True) for part in Run(path, name, mark(0)).settings()]
    for n, run in enumerate(runs):
        run.mark = mark(n)
    text = _page(runs)
    with files.file_errors(out):
        tf.io.gfile.makedirs(os.path.dirname(out) or ".")
    # A link stays, and its target is replaced.
    files.write_whole(out if files.is_remote(out) else os.path.realpath(out), text)
    return out


def _page(runs: Sequence[Run]) -> str:
    template = _environment().get_template("report.html.jinja")
    sections = [(name, cls()) for name, cls in plug_ins(Section, ["tools.report"], separator="-").items()]
    chapters = [
        {"anchor": name, "section": section, "blocks": list(section.blocks(runs))}
        for name, section in sorted(sections, key=lambda pair: (pair[1].place, pair[0]))
    ]
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    chapters = [chapter for chapter in chapters if chapter["blocks"]]
    return template.render(runs=runs, chapters=chapters, script=_SCRIPT, script_digest=digest)


def _environment() -> Any:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tf_emcom.tools.report", "template"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Plots are the only text that is not escaped.
    environment.filters["drawn"] = lambda plot: markupsafe.Markup(plot.svg)
    environment.filters["script"] = markupsafe.Markup
    return environment


def _check_place(out: str) -> None:
    """UserError where the page would overwrite what is no report."""
    if tf.io.gfile.isdir(out):
        inside = os.path.join(out, "report.html")
        raise UserError(f"--out is {out}, which is a folder; name a file in it, such as {inside}.")
    if tf.io.gfile.exists(out):
        if _SIGN.encode() not in files.read_bytes(out, "name another file with --out")[:_HEAD]:
            raise UserError(f"--out is {out}, a file that is no report; name another one.")
