"""The speaker head without critics."""

from tf_emcom.heads.speaker.speaker_head import SpeakerHead


class Policy(SpeakerHead):
    """Policy logits only."""
