"""The mode that exports trained agents."""

import os

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.runtime.catalogue import choose, plug_ins
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.export.contents import METADATA, Contents, describe, whole_folder
from tf_emcom.tools.export.formats import Format
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Evaluation
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG


class Export(Evaluation):
    """Writes every agent of a run, from its newest checkpoint, to a folder that can be used without the run."""

    def __init__(self, format: str = "saved_model", out: str = "") -> None:
        """Finds the format.

        Args:
          format: `saved_model`, which needs only TensorFlow to run, or `keras`, the weights alone.
          out: the folder, local or on cloud storage; empty: RUN/export/<format>.
        """
        self.format = format
        self.out = out.rstrip("/")
        self._kind: Format = choose(format, plug_ins(Format, separator="_"), "format")()

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Writes the whole folder, or nothing, and prints where."""
        out = self.out or os.path.join(folder.path, "export", self.format)
        config = folder.require_config()
        self._refuse_another(out, config)
        agents, step = experiment.learner, self.restore(experiment, folder)
        data = experiment.data
        metadata = describe(agents, data.features(), data.name, experiment.precision, step, folder)
        documents = {"config.gin": config}
        if folder.has_document(SPEAKER_CONFIG):
            documents[SPEAKER_CONFIG] = folder.read_document(SPEAKER_CONFIG)
        with whole_folder(out, os.path.join(self._kind.texts, METADATA), self._kind.entry) as new:
            self._kind.write(Contents(agents, metadata, documents), new)
            files.write_checksums(new)
        print(
            f"Exported {_counted(agents.speakers, 'speaker')} and {_counted(agents.listeners, 'listener')} of step"
            f" {step:,} to {out} ({self.format})."
        )

    def _refuse_another(self, out: str, config: str) -> None:
        """UserError where anything but an older export of the same run would be lost."""
        self._kind.check_place(out)
        texts = os.path.join(out, self._kind.texts)
        # An export to cloud storage that was killed may lack its configuration.
        fix = "name another folder with --out, or remove this one"
        if "config.gin" in files.names_in(texts) and files.read_text(os.path.join(texts, "config.gin"), fix) != config:
            raise UserError(
                f"The folder {out} holds the export of a run with another configuration; name another one with --out,"
                " or remove it."
            )


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"
