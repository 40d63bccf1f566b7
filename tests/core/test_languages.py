"""Table values have a name in every language."""

from core.languages import coded, texts_of
from core.modalities import modalities
from crawler.media.outcome import REASONS
from extract.results import AUDIO_REASONS, FILE_REASONS, FRAME_REASONS


def test_every_reason_and_modality_has_a_name() -> None:
    names = texts_of("core", "words", "values.zh")
    reasons = {*REASONS, *FILE_REASONS, *FRAME_REASONS, *AUDIO_REASONS}
    columns = {modality.ledger.column for modality in modalities()}
    assert (reasons | columns) - names.keys() == set()
    assert coded("no_video", "en") == "no video"
    assert coded("http_404", "zh") == names["http_404"]
    assert coded("new_reason", "zh") == "new reason"
