"""Checkpoints across strategies, and what is said of bad ones."""

import numpy as np
import pytest

from tests import lewis
from tf_emcom.agents.nets.layers import Mlp
from tf_emcom.errors import UserError
from tf_emcom.runtime.checkpoints import Checkpoints, require_checkpoint
from tf_emcom.runtime.strategies import Mirrored, OneDevice


def learner_on(distribution, seed, batch_size=8):
    with distribution.strategy.scope():
        return lewis.make_learner(lewis.nlg, batch_size, seed=seed)


def state(distribution, learner, replica=0):
    """Weights and optimiser slots on one replica."""
    slots = [v for o in (learner.speaker_optimizer, learner.listener_optimizer) for v in o.state]
    agents = (learner.speaker, learner.target_speaker, learner.listener)
    variables = [v for agent in agents for v in agent.trainable_variables] + slots
    return [distribution.strategy.experimental_local_results(v.value)[replica].numpy() for v in variables]


@pytest.mark.parametrize("source", [OneDevice, Mirrored])
@pytest.mark.parametrize("destination", [OneDevice, Mirrored])
def test_a_checkpoint_of_one_strategy_is_restored_on_every_replica_of_another(tmp_path, source, destination):
    saved = learner_on(source(False), seed=1)
    saved.speaker_optimizer.updates.assign(7 * np.ones(saved.speaker_optimizer.updates.shape))
    Checkpoints(str(tmp_path), saved).save(30)
    distribution = destination(False)
    fresh = learner_on(distribution, seed=2)
    assert Checkpoints(str(tmp_path), fresh).restore_latest() == 30
    for replica in range(distribution.replicas):
        for ours, theirs in zip(state(distribution, fresh, replica), state(source(False), saved), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_layers_in_a_list_are_saved_too(tmp_path):
    # What a plug-in may well do; TensorFlow's own tracking does not see them.
    def learner(seed):
        made = lewis.make_learner(lewis.nlg, 8, seed=seed, torso_cls=lambda: Mlp((6, 5)))
        assert len(made.speaker.torso.trainable_variables) == 4
        return made

    saved, fresh = learner(1), learner(2)
    Checkpoints(str(tmp_path), saved).save(10)
    Checkpoints(str(tmp_path), fresh).restore_latest()
    for agent in ("speaker", "target_speaker", "listener"):
        ours, theirs = getattr(fresh, agent).trainable_variables, getattr(saved, agent).trainable_variables
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def test_only_the_last_few_are_kept(tmp_path):
    checkpoints = Checkpoints(str(tmp_path), learner_on(OneDevice(False), seed=1), keep=2)
    for step in (10, 20, 30):
        checkpoints.save(step)
    assert sorted(path.stem for path in tmp_path.glob("*.index")) == ["ckpt-20", "ckpt-30"]


def test_no_checkpoint_means_step_zero_for_training_and_a_sentence_for_a_test(tmp_path):
    assert Checkpoints(str(tmp_path), learner_on(OneDevice(False), seed=1)).restore_latest() == 0
    with pytest.raises(UserError, match="train first"):
        require_checkpoint(str(tmp_path))


def test_a_damaged_checkpoint_and_one_of_other_agents_get_one_sentence(tmp_path):
    learner = learner_on(OneDevice(False), seed=1)
    Checkpoints(str(tmp_path), learner).save(10)
    other = learner_on(OneDevice(False), seed=1, batch_size=80)
    with pytest.raises(UserError, match="does not fit"):
        Checkpoints(str(tmp_path), other).restore_latest()
    (data,) = tmp_path.glob("ckpt-10.data*")
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        Checkpoints(str(tmp_path), learner).restore_latest()


def test_a_text_is_kept_with_a_checkpoint_and_only_with_that_one(tmp_path):
    learner = learner_on(OneDevice(False), seed=1)
    checkpoints = Checkpoints(str(tmp_path), learner)
    checkpoints.save(10, '[{"ä": 0.1}]')
    restored = Checkpoints(str(tmp_path), learner)
    assert restored.carried == ""
    assert restored.restore_latest() == 10
    assert restored.carried == '[{"ä": 0.1}]'
    restored.save(20)
    again = Checkpoints(str(tmp_path), learner)
    assert again.restore_latest() == 20
    assert again.carried == ""
