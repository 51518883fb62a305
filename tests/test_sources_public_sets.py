"""Public sets: what tensorflow-datasets provides is read like any table; nothing is fetched here."""

import sys

import pytest

from rnnkit.sources import Format, read_splits


def read(name, columns=()):
    return read_splits(name, format=Format(columns=dict(columns)), valid_share=0.2, test_share=0.2, seed=3)


def test_public_sets_are_read_by_name_with_label_names_and_their_own_splits(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds.core.utils.gcs_utils, "_is_gcs_disabled", True)

    class TinyVerdicts(tfds.core.GeneratorBasedBuilder):
        """Ten rows to train on and four to test."""

        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name, description=name) for name in ("plain", "loud")]

        def _info(self):
            features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["bad", "good"])}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(0, 10), "test": self._generate_examples(10, 14)}

        def _generate_examples(self, start, stop):
            mark = "!" if self.builder_config.name == "loud" else "."
            for number in range(start, stop):
                yield number, {"text": f"é {number}{mark}", "label": number % 2}

    tfds.core.add_data_dir(str(tmp_path))
    for config in ("plain", "loud"):
        TinyVerdicts(config=config, data_dir=tmp_path).download_and_prepare()

    splits = read("tfds:tiny_verdicts")
    assert splits.card["rows"] == {"train": 8, "valid": 2, "test": 4}
    assert splits.card["path"] == "tfds:tiny_verdicts"
    assert splits.train.names == ("bad", "good")
    rows = [row for chunk in splits.test.chunks(3) for row in zip(chunk["text"], chunk["label"], strict=True)]
    assert sorted(rows) == [("é 10.", "bad"), ("é 11.", "good"), ("é 12.", "bad"), ("é 13.", "good")]
    for name in ("tfds:tiny_verdicts:loud", "tfds:tiny_verdicts/loud"):
        assert next(read(name).test.chunks())["text"][0].endswith("!")

    with pytest.raises(ValueError, match=r"no public data set 'tiny_verdict'\. Did you mean 'tiny_verdicts'\?"):
        read("tfds:tiny_verdict")
    with pytest.raises(ValueError, match=r"^tfds:tiny_verdicts:calm can't be read: .*calm"):
        read("tfds:tiny_verdicts:calm")
    with pytest.raises(LookupError, match=r"tfds:tiny_verdicts has no column 'review'\. It has 'text', 'label'\."):
        read("tfds:tiny_verdicts", {"text": "review"})


def test_a_python_package_that_is_missing_is_named_with_the_line_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(OSError, match=r"^tfds:any needs the Python package 'tensorflow_datasets'\. Install"):
        read("tfds:any")
