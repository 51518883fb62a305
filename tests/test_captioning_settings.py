"""Settings of captioning: what only together is refused, one by one, and what is not."""

import re

import pytest
from toy_captions import settings

from rnnkit.captioning.settings import STRUCTURE


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cell": "mingru"}, "cell must be one of lstm, gru. Got 'mingru'."),
        ({"activation": "relu"}, "activation must be tanh for a decoder. Got 'relu'."),
        ({"coverage": True, "balance": 0.5}, "Got balance 0.5. Leave one of them out."),
        ({"class_weights": "balanced"}, "class_weights must be none here. Got 'balanced'. Leave it out."),
        ({"class_weights": "balanced", "answer": "label"}, "class_weights must be none here. Got 'balanced'."),
        (
            {"encoder_weights": "imagenet"},
            "and the encoder is 'residual'. Got 'imagenet'. Leave them out, or name such",
        ),
        ({"encoder": "rows", "encoder_weights": "a.h5"}, "and the encoder is 'rows'. Got 'a.h5'."),
        ({"encoder": "resnet50"}, "Got 'resnet50'. Did you mean 'ResNet50'? There are 'ConvNeXtBase', "),
        ({"encoder": "imagenet_utils"}, "encoder must be residual, rows or a network of keras.applications."),
        (
            {"encoder": "MobileNet", "encoder_weights": "weights.pt"},
            "encoder_weights must be none, imagenet, or a file that ends in .h5 or .keras. Got 'weights.pt'.",
        ),
        ({"image_size": -1}, "image_size must be at least 0. Got -1."),
        ({"image_size": 5000}, "image_size must be at most 4096. Got 5000."),
        ({"fit": "stretch"}, "fit must be one of 'squash', 'pad', 'crop'. Got 'stretch'."),
        ({"look": "map"}, "look must be one of 'grid', 'vector'. Got 'map'."),
        ({"answer": "labels"}, "answer must be one of 'text', 'label'. Got 'labels'. Did you mean 'label'?"),
        ({"pieces": "syllable"}, "pieces must be one of 'bpe', 'unigram', 'word', 'character'. Got 'syllable'."),
        ({"shift": 1.0}, "shift must be below 1.0. Got 1.0."),
        ({"zoom": -0.1}, "zoom must be at least 0.0. Got -0.1."),
        ({"brighten": 1}, "brighten must be below 1.0. Got 1.0."),
        ({"filters": 0}, "filters must be at least 1. Got 0."),
        ({"captions_at_once": 0}, "captions_at_once must be at least 1. Got 0."),
        ({"balance": -1.0}, "balance must be at least 0.0. Got -1.0."),
        ({"keep_by": "bleu"}, "keep_by must be one of 'cider_d', 'bleu_4', 'exact_match', 'loss'. Got 'bleu'."),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_value(given, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        settings(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"answer": "label", "cell": "lru", "encoder": "rows"},
        {"answer": "label", "activation": "relu"},
        {"answer": "label", "coverage": True, "balance": 0.5},
        {"coverage": True},
        {"balance": 0.5},
        {"encoder": "MobileNet", "encoder_weights": "imagenet"},
        {"encoder": "ResNet50"},
    ],
    ids=str,
)
def test_what_does_not_matter_or_fits_is_taken(given):
    assert given.items() <= settings(**given).as_dict().items()


def test_what_fixes_a_core_is_all_settings_by_their_names():
    assert set(STRUCTURE) <= settings().as_dict().keys() and len(set(STRUCTURE)) == len(STRUCTURE)
    # Where the weights come from at the start, and how pictures vary, a child may choose.
    assert not {"encoder_weights", "flip", "shift", "zoom", "brighten", "balance", "dropout"} & set(STRUCTURE)
