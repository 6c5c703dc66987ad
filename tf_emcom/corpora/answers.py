"""Which way of answering fits a task."""

from tf_emcom.corpora.answer import Answer
from tf_emcom.corpora.chosen_input import ChosenInput
from tf_emcom.corpora.no_answer import NoAnswer
from tf_emcom.corpora.told_classes import ToldClasses
from tf_emcom.errors import UserError
from tf_emcom.tasks.discrimination import Discrimination
from tf_emcom.tasks.naming import Naming
from tf_emcom.tasks.task import Task
from tf_emcom.transfer.candidate_task import CandidateTask
from tf_emcom.transfer.transfer_task import TransferTask

_CANDIDATES = 64


def answer_to(task: Task | TransferTask, candidates: int | None, examples: int, split: str) -> Answer:
    """How listeners answer in a task.

    Args:
      task: of the run.
      candidates: C, as Messages.candidates says; None: 64, or all of a split that has fewer examples.
      examples: in the split.
      split: its name.

    Raises:
      UserError: there are fewer examples than candidates, or nothing is chosen among inputs.
    """
    if isinstance(task, Discrimination | CandidateTask):
        if candidates is not None and candidates > examples:
            raise UserError(
                f"Messages.candidates is {candidates}, but the {split} split has {examples} examples; bind it to that"
                " many or fewer."
            )
        return ChosenInput(min(_CANDIDATES, examples) if candidates is None else candidates)
    if candidates is not None:
        raise UserError(
            f"Messages.candidates is {candidates}, but the task of this run, {type(task).__name__}, is no choice among"
            " inputs; leave it out."
        )
    return ToldClasses(task.label) if isinstance(task, Naming) else NoAnswer()
