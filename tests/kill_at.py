"""An action that kills its own process, as a machine that goes away would: a user's plug-in, named in gin by import."""

import os
import signal

import gin

from tf_emcom.training.actions.action import Action


class KillAt(Action):
    """Sends SIGKILL to its own process after the step that $TF_EMCOM_TESTS_KILL_AT names, if it names one."""

    every = 1

    def act(self, training):
        if os.environ.get("TF_EMCOM_TESTS_KILL_AT") == str(training.step):
            os.kill(os.getpid(), signal.SIGKILL)


gin.external_configurable(KillAt, module="tests")
