"""How easily a language is learnt."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.plots import Series, draw_curves
from tf_emcom.training.actions.action import Action, TrainingState


class EaseOfLearning(Action):
    """After the last step, the learning curve and the area under it (EaS, section 2.4).

    The curve is what `metrics.jsonl` holds, the accuracy (the loss where the task has no accuracy) of the games it is
    trained on, mean over the steps since the line before; the area is its mean over the steps, so that a language that
    is understood at once has an area of 1. The files are eval/ease_of_learning.jsonl and figures/ease_of_learning.png.
    """

    keeps = True

    def due(self, training: TrainingState) -> bool:
        return training.step == training.steps

    def act(self, training: TrainingState) -> None:
        rows = training.folder.read_metrics()
        if not rows:
            return
        measured = "accuracy" if "accuracy" in rows[0] else "loss"
        steps, values = [row["step"] for row in rows], [row[measured] for row in rows]
        lines: list[dict[str, Any]] = [
            {"step": step, measured: value, "area": area_under_curve(steps[: i + 1], values[: i + 1])}
            for i, (step, value) in enumerate(zip(steps, values, strict=True))
        ]
        training.folder.write_evaluation("ease_of_learning", lines)
        figure = training.folder.figure("ease_of_learning")
        draw_curves([Series(measured, steps, values)], "step", measured, figure)


def area_under_curve(steps: Sequence[int], values: Sequence[float]) -> float:
    """The mean over all steps of a curve of means: Σ value · width / the last step.

    Value i is the mean over the steps from steps[i − 1] (0 for the first) to steps[i].
    """
    starts = [0, *steps[:-1]]
    return sum(value * (end - start) for value, start, end in zip(values, starts, steps, strict=True)) / steps[-1]
