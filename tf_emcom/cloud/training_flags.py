"""What is trained."""

from collections.abc import Sequence
from typing import NamedTuple

from tf_emcom.errors import UserError


class TrainingFlags(NamedTuple):
    """The flags of bin/train."""

    gin_files: Sequence[str]
    gin_params: Sequence[str]
    workdir: str
    data_dir: str | None

    def words(self) -> list[str]:
        """As bin/train takes them."""
        files = [f"--gin_file={file}" for file in self.gin_files]
        params = [f"--gin_param={param}" for param in self.gin_params]
        data = [f"--data_dir={self.data_dir}"] if self.data_dir else []
        return [*files, *params, f"--workdir={self.workdir}", *data]


def training_flags(
    gin_files: Sequence[str], gin_params: Sequence[str], workdir: str | None, data_dir: str | None, many_hosts: bool
) -> TrainingFlags:
    """Checks that results outlive the TPU, and that all its hosts see the data.

    Raises:
      UserError: a flag is missing, or a path is on one machine.
    """
    if not gin_files:
        raise UserError("--gin_file is missing; name what is trained, as in --gin_file=gin/lg_s_imagenet.gin.")
    if not (workdir or "").startswith("gs://"):
        raise UserError(
            f"--workdir is {workdir or 'missing'}, but a TPU's disk goes away with it; give a folder in a bucket, as in"
            " --workdir=gs://BUCKET/runs/NAME, so that a run whose TPU was taken away goes on on another one."
        )
    if many_hosts and data_dir and not data_dir.startswith("gs://"):
        raise UserError(
            f"--data_dir is {data_dir}, but the hosts of this slice share no disk; copy the data to a bucket, as in"
            f" `gcloud storage cp --recursive {data_dir} gs://BUCKET/data`, and give --data_dir=gs://BUCKET/data."
        )
    return TrainingFlags(tuple(gin_files), tuple(gin_params), workdir, data_dir)
