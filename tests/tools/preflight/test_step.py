from tf_emcom.tools.preflight.step import UntrainedSpeaker


def test_it_is_the_speaker_of_the_published_code_unless_others_are_given():
    speaker = UntrainedSpeaker().speaker(features=12)
    assert (speaker.vocab_size, speaker.message_length, speaker.core.units) == (20, 10, 256)
    speaker = UntrainedSpeaker(vocab_size=7, message_length=3).speaker(features=12)
    assert (speaker.vocab_size, speaker.message_length) == (7, 3)
    assert speaker.to_state.weights[0].shape[0] == 12
