"""Training: the truth comes down to the right words, vendors are never split, what is exported says the same."""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np
import onnxruntime
import pytest
import torch

from extraction.reading.scorer import FEATURES
from extraction.reading.token_features import PIECES, SIGNS, windows_of
from extraction.training import encoder, scorer
from extraction.training.corpus import TAGS, Example, read_corpus, tags_of
from extraction.training.generation import Plan, generate


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    folder = tmp_path_factory.mktemp("made")
    generate(folder, Plan(3, 8, ("trade", "material"), scans=0), processes=1)
    cache = folder / "cache"
    first = list(read_corpus(folder, cache, processes=1))
    kept = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    again = list(read_corpus(folder, cache, processes=1))
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == kept  # read once
    assert [e.pages for e in again] == [e.pages for e in first]
    return first


def test_the_truth_comes_down_to_the_words_that_say_it(corpus: list[Example]) -> None:
    found = missed = 0
    for example in corpus:
        document = example.survey()
        tags = tags_of(document, example.truth)
        text: dict[str, str] = {}
        for page in document.layout:
            for cell in page.cells:
                for token in cell.tokens:
                    text[TAGS[tags.get(token.index, 0)]] = (
                        text.get(TAGS[tags.get(token.index, 0)], "") + token.text
                    )
        for name in ("invoice_number", "vendor_name", "customer_name"):
            value = example.truth["fields"].get(name)
            if value is not None:
                said = "".join(c for c in str(value).lower() if c.isalnum())
                here = "".join(c for c in text.get(name, "").lower() if c.isalnum())
                found, missed = found + (said in here), missed + (said not in here)
    assert found >= 10
    assert missed <= 0.1 * found


def test_a_vendors_documents_stay_in_one_fold() -> None:
    names = ["Miller Roofing LLC", "MILLER ROOFING, LLC", "Ada Supply"]
    examples = [
        Example(f"{k}.pdf", {"fields": {"vendor_name": name}}, ()) for k, name in enumerate(names * 3)
    ]
    groups = [scorer.vendor_group(e) for e in examples]
    assert groups[0] == groups[1]
    material = [
        scorer.Material(e, None, None, np.zeros((0, 1)), np.zeros(0), g)  # type: ignore[arg-type]
        for e, g in zip(examples, groups, strict=True)
    ]
    folds = scorer.folds_of(material, 5)
    assert len({f for f, g in zip(folds, groups, strict=True) if g == groups[0]}) == 1


def test_exported_trees_say_what_the_fitted_ones_say() -> None:
    rng = np.random.default_rng(1)
    rows = rng.random((600, len(FEATURES))).astype(np.float32)
    right = (rows[:, 0] + rows[:, 3] * rows[:, 5] > 0.8).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 8},
        lightgbm.Dataset(rows, right),
        num_boost_round=20,
    )
    session = onnxruntime.InferenceSession(scorer.onnx_of(booster).SerializeToString())
    (said,) = session.run(None, {"features": rows})
    assert np.asarray(said).reshape(-1) == pytest.approx(booster.predict(rows), abs=2e-3)


@pytest.mark.slow
def test_an_encoder_is_trained_goes_on_and_is_exported(corpus: list[Example], tmp_path: Path) -> None:
    material = []
    for number, example in enumerate(corpus):
        document = example.survey()
        tags = tags_of(document, example.truth)
        material += [
            encoder.Material(
                w.pieces,
                w.places,
                w.centers,
                w.signs,
                np.array([tags.get(int(t), 0) for t in w.tokens]),
                number == 0,
            )
            for w in windows_of(document)
        ]
    checkpoint = tmp_path / "encoder.pt"
    encoder.train(material, minutes=0.02, seed=1, checkpoint=checkpoint)
    passes = torch.load(checkpoint, weights_only=True)["passes"]
    network, report = encoder.train(material, minutes=0.2, seed=1, checkpoint=checkpoint)
    assert report["passes"] > passes
    path = tmp_path / "encoder.onnx"
    encoder.export(network, path, {"version": "test"})
    assert json.loads(path.with_suffix(".json").read_text("utf-8"))["tags"] == list(TAGS)
    one = material[0]
    count = len(one.tags)
    inputs = {"pieces": one.pieces[None], "places": one.places[None], "centers": one.centers[None],
              "signs": one.signs[None], "real": np.ones((1, count), dtype=np.float32)}  # fmt: skip
    (said,) = onnxruntime.InferenceSession(str(path)).run(None, inputs)
    with torch.no_grad():
        meant = network(*(torch.from_numpy(np.asarray(v)) for v in inputs.values())).numpy()
    assert np.asarray(said) == pytest.approx(meant, abs=1e-3)
    assert one.pieces.shape[1] == PIECES
    assert one.signs.shape[1] == len(SIGNS)
