"""Settings of a decoder and of the search for what it writes."""

import dataclasses

from rnnkit.decoding import Controls
from rnnkit.layers.attention_decoder import ATTENTIONS
from rnnkit.layers.embedding import NEVER_WRITTEN
from rnnkit.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class WritingSettings(Settings):
    """The decoder, and how it is asked."""

    decoder_units: int = setting(0, "State size of the decoder; 0: that of the encoder, both directions.", at_least=0)
    decoder_depth: int = setting(1, "Recurrent layers of the decoder.", at_least=1)
    attention: str = setting(
        "general",
        "How the decoder looks at what was read: bahdanau before each step, the others after.",
        choices=ATTENTIONS,
    )
    attention_units: int = setting(0, "Size of the inner layer of bahdanau and concat; 0: the decoder's.", at_least=0)
    input_feeding: bool = setting(True, "Have each step read what attention gave the step before.")
    coverage: bool = setting(False, "Tell attention how much each piece was looked at before.")
    tied: bool = setting(True, "Score pieces by the vectors that they are read by.")
    scheduled_sampling: float = setting(
        0.0, "Share of the pieces given while training that are the model's own.", at_least=0.0, below=1.0
    )
    beam_width: int = setting(5, "Hypotheses kept at each step of the search; 1: greedy.", at_least=1, at_most=100)
    length_penalty: float = setting(
        0.6, "Preference for long texts, as in Wu et al. 2016; 0: none.", at_least=0.0, at_most=10.0
    )
    coverage_penalty: float = setting(
        0.0, "Preference for having looked at all that was read, as in Wu et al. 2016.", at_least=0.0, at_most=10.0
    )
    repetition_penalty: float = setting(
        1.0, "What logits of written pieces are divided by; 1: nothing.", at_least=1.0, at_most=100.0
    )
    blocked_ngram: int = setting(0, "No run of so many pieces is written twice; 0: any may be.", at_least=0)
    beam_patience: float = setting(
        1.0,
        "Share of the beam's width that must have ended for the search to end; 0: until none that goes on can win.",
        at_least=0.0,
        at_most=100.0,
    )
    keep_by: str = setting(
        "bleu",
        "What an epoch's weights are kept by on valid: BLEU of what is written, or the loss.",
        choices=("bleu", "loss"),
    )
    scored_pairs: int = setting(1_000, "Most validation pairs written after each epoch, to be kept by.", at_least=1)

    def controls(self) -> Controls:
        """Returns what the search favours and what it may not write."""
        names = ("length_penalty", "coverage_penalty", "repetition_penalty", "blocked_ngram")
        values = {name: getattr(self, name) for name in names}
        return Controls(banned=NEVER_WRITTEN, patience=self.beam_patience, **values)


STRUCTURE = (*("decoder_units", "decoder_depth", "attention", "attention_units", "input_feeding", "coverage", "tied"),)
"""Those that fix the shape of a decoder."""
