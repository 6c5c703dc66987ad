"""An action that tells its own process to stop, as a machine that is preempted does: a user's plug-in, as `KillAt`."""

import glob
import os
import signal
import threading

import gin

from tf_emcom.training.actions.action import Action


class TerminateAt(Action):
    """Sends SIGTERM to its own process at the moments that $TF_EMCOM_TESTS_TERMINATE_AT lists, separated by commas.

    A moment is `begin`, the number of a step after which the compiled loop returns, or `save-N`: while the files of the
    checkpoint of step N are being written.
    """

    def __init__(self):
        self.moments = os.environ.get("TF_EMCOM_TESTS_TERMINATE_AT", "").split(",")

    def begin(self, training):
        if "begin" in self.moments:
            terminate()
        for name in self.moments:
            if name.startswith("save-"):
                pattern = os.path.join(training.folder.checkpoints, f"ckpt-{name[5:]}.new")
                threading.Thread(target=terminate_when_there, args=(pattern,), daemon=True).start()

    def act(self, training):
        if str(training.step) in self.moments:
            terminate()


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def terminate_when_there(pattern):
    while not glob.glob(pattern):
        pass
    terminate()


gin.external_configurable(TerminateAt, module="tests")
