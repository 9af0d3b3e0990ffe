"""Fit the candidate scorer and the confidence, and show what each part of the reader earns.

    python -m extraction.training.scorer --generated DIR... --real DIR --cache CACHE [--folds 5] [--write]

The scorer learns from generated documents that the encoder has not seen and from real ones. What is reported on the
real ones is cross-validated with all documents of a vendor in one fold: no document is scored by trees that saw it or
another of its vendor. The confidence is fitted on those held-out readings, of real documents only. With ``--write``
the trees fitted on everything and the confidence go to ``extraction/weights``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
from onnx import helper

from extraction.backends.layout import Understanding, decide, find_candidates
from extraction.calibration import Calibration, load_calibration
from extraction.evaluation import calibrate
from extraction.evaluation.comparison import is_right
from extraction.evaluation.metrics import Outcome, share_right
from extraction.reading.encoder import Tagging, encoder_version, tag
from extraction.reading.scorer import FEATURES, Scorer, features_of, offer
from extraction.reading.survey import Survey
from extraction.reading.weights import OWN, file_digest
from extraction.training.corpus import Example, read_corpus

_PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 24,
    "max_depth": 8,
    "min_data_in_leaf": 25,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "verbosity": -1,
    "num_threads": 2,
    "deterministic": True,
    "seed": 1,
}
_ROUNDS = 260
# Real documents are fewer and count for more: together about as much as the generated ones.
_REAL_WEIGHT = 4.0


@dataclass(slots=True)
class Material:
    """One labelled document: ``rows`` (candidates, FEATURES) and ``right`` per candidate, -1 if unknown."""

    example: Example
    document: Survey
    tagging: Tagging | None
    rows: np.ndarray
    right: np.ndarray
    group: str


def prepare(examples: Iterable[Example], *, encoder: bool) -> list[Material]:
    """Find the candidates of each document; ``encoder`` says whether the encoder is asked."""
    result = []
    for example in examples:
        document = example.survey()
        tagging = tag(document) if encoder else None
        offered = offer(document, find_candidates(document)[0], tagging)
        rows = features_of(document, offered, tagging)
        truth = example.truth.get("fields") or {}
        right = [
            -1 if name not in truth else int(truth[name] is not None and is_right(name, truth[name], c.value))
            for name, candidates in offered.items()
            for c in candidates
        ]
        result.append(
            Material(example, document, tagging, rows, np.array(right, dtype=np.int8), vendor_group(example))
        )
    return result


def vendor_group(example: Example) -> str:
    """Return what all documents of one vendor have in common, to keep them in one fold."""
    name = str((example.truth.get("fields") or {}).get("vendor_name") or example.name).lower()
    return "".join(c for c in name if c.isalnum())[:12]


def fit(generated: Sequence[Material], real: Sequence[Material]) -> lightgbm.Booster:
    """Fit the trees on some documents."""
    used = [(m, 1.0) for m in generated] + [(m, _REAL_WEIGHT) for m in real]
    rows = np.concatenate([m.rows[m.right >= 0] for m, _ in used])
    right = np.concatenate([m.right[m.right >= 0] for m, _ in used])
    weight = np.concatenate([np.full(int((m.right >= 0).sum()), w) for m, w in used])
    return lightgbm.train(_PARAMETERS, lightgbm.Dataset(rows, right, weight=weight), num_boost_round=_ROUNDS)


def scorer_of(booster: lightgbm.Booster) -> Scorer:
    """Return the fitted trees as the reader asks them."""
    return lambda rows: np.asarray(booster.predict(rows), dtype=np.float32)


def onnx_of(booster: lightgbm.Booster) -> onnx.ModelProto:
    """Write LightGBM's trees for onnxruntime: features in, probability out."""
    nodes: dict[str, list[Any]] = {f"nodes_{k}": [] for k in (
        "treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids",
        "missing_value_tracks_true")}  # fmt: skip
    leaves: dict[str, list[Any]] = {f"target_{k}": [] for k in ("treeids", "nodeids", "ids", "weights")}
    for tree, dumped in enumerate(booster.dump_model()["tree_info"]):
        waiting = [(dumped["tree_structure"], 0)]
        count = 1
        while waiting:
            node, number = waiting.pop()
            inner = "split_feature" in node
            values = (tree, number, node.get("split_feature", 0), "BRANCH_LEQ" if inner else "LEAF",
                      node.get("threshold", 0.0), count if inner else 0, count + 1 if inner else 0, 0)  # fmt: skip
            for key, value in zip(nodes, values, strict=True):
                nodes[key].append(value)
            if inner:
                waiting += [(node["left_child"], count), (node["right_child"], count + 1)]
                count += 2
            else:
                for key, value in zip(leaves, (tree, number, 0, node["leaf_value"]), strict=True):
                    leaves[key].append(value)
    attributes: dict[str, Any] = {**nodes, **leaves, "n_targets": 1, "post_transform": "NONE"}
    trees = helper.make_node(
        "TreeEnsembleRegressor", ["features"], ["sum"], domain="ai.onnx.ml", **attributes
    )
    graph = helper.make_graph(
        [trees, helper.make_node("Sigmoid", ["sum"], ["probability"])],
        "scorer",
        [helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, [None, len(FEATURES)])],
        [helper.make_tensor_value_info("probability", onnx.TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def folds_of(material: Sequence[Material], count: int) -> list[int]:
    """Return each document's fold; a vendor's documents share one. Spread by track, fixed by a hash."""
    return [int(hashlib.sha256(m.group.encode()).hexdigest(), 16) % count for m in material]


Understand = Callable[[Material], Understanding]


def reader(calibration: Calibration, scorer: Scorer | None, *, arithmetic: bool = True) -> Understand:
    """Return what reads a prepared document with these parts."""
    return lambda m: decide(m.document, calibration, scorer, m.tagging, arithmetic=arithmetic)


def outcomes_of(
    material: Sequence[Material], understand: Understand
) -> tuple[list[Outcome], list[calibrate.Sample]]:
    """Read each document and compare; also what the confidence is fitted on."""
    outcomes: list[Outcome] = []
    samples: list[calibrate.Sample] = []
    for one in material:
        result = understand(one)
        truth: Mapping[str, object] = one.example.truth.get("fields") or {}
        track = str(one.example.truth.get("track", ""))
        for name, true in truth.items():
            found = result.fields.get(name)
            value = result.document_type if name == "document_type" else found.value if found else None
            right = value is None if true is None else is_right(name, true, value)
            confidence = found.confidence if found else 0.0
            outcomes.append(Outcome(one.example.name, track, name, true, value, right, confidence))
            if found is not None and name in result.evidence and true is not None:
                samples.append(
                    calibrate.Sample(
                        one.example.name, track, one.group, result.evidence[name], found.value, right, true
                    )
                )
    return outcomes, samples


def cross_validate(
    generated: Sequence[Material],
    real: Sequence[Material],
    folds: int,
    calibration: Calibration,
    *,
    arithmetic: bool = True,
) -> tuple[list[Outcome], list[calibrate.Sample]]:
    """Read every real document with trees that saw neither it nor another of its vendor."""
    outcomes: list[Outcome] = []
    samples: list[calibrate.Sample] = []
    number = folds_of(real, folds)
    for fold in range(folds):
        rest = [m for m, n in zip(real, number, strict=True) if n != fold]
        held = [m for m, n in zip(real, number, strict=True) if n == fold]
        scorer = scorer_of(fit(generated, rest))
        one, two = outcomes_of(held, reader(calibration, scorer, arithmetic=arithmetic))
        outcomes += one
        samples += two
    return outcomes, samples


def table(title: str, outcomes: Sequence[Outcome], fields: Sequence[str] = ()) -> str:
    lines = [title]
    for track in sorted({o.track for o in outcomes}):
        own = [o for o in outcomes if o.track == track]
        mean = share_right(own, by_field=True)
        parts = [
            f"{track:10} mean over fields {100 * mean.value:5.1f} % [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"
        ]
        for name in fields:
            some = [o for o in own if o.field == name]
            if some:
                parts.append(f"{name} {100 * share_right(some).value:.1f}")
        lines.append("  " + ", ".join(parts))
    return "\n".join(lines)


_SHOWN = ("total", "subtotal", "tax_amount", "amount_due", "invoice_number", "invoice_date", "due_date", "po_number",
          "vendor_name", "vendor_address", "customer_name")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="extraction.training.scorer", description="Fit the scorer and the confidence."
    )
    parser.add_argument("--generated", type=Path, nargs="+", required=True)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="only measured on, with the final trees"
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--readings", type=Path, help="keep the held-out readings for evaluation.calibrate here"
    )
    parser.add_argument(
        "--only-fit",
        action="store_true",
        help="leave out the comparison of what each part earns: half the time",
    )
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)

    def load(folder: Path) -> list[Example]:
        return list(read_corpus(folder, options.cache / folder.name, processes=options.processes))

    def say(title: str, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            sys.stdout.write(table(title, outcomes, _SHOWN) + "\n")
            sys.stdout.flush()

    before = load_calibration()
    made_examples = [e for folder in options.generated for e in load(folder)]
    real_examples = load(options.real)
    other_examples = [e for folder in options.also for e in load(folder)]
    samples: list[calibrate.Sample] = []
    for encoder in (True,) if options.only_fit else (False, True):
        made, real, others = (
            prepare(examples, encoder=encoder) for examples in (made_examples, real_examples, other_examples)
        )
        if not encoder:
            for title, arithmetic in (("rules without arithmetic", False), ("rules", True)):
                read = reader(before, None, arithmetic=arithmetic)
                say(title, outcomes_of(real, read)[0])
                say(f"{title}, further documents", outcomes_of(others, read)[0])
        title = "rules, scorer and encoder" if encoder else "rules and scorer"
        if encoder and not options.only_fit:
            outcomes, _ = cross_validate(made, real, options.folds, before, arithmetic=False)
            say(f"{title} without arithmetic, cross-validated by vendor", outcomes)
        outcomes, samples = cross_validate(made, real, options.folds, before)
        say(f"{title}, cross-validated by vendor", outcomes)
        if options.only_fit:
            continue
        read = reader(before, scorer_of(fit(made, [])))
        say(f"{title}, fitted on generated documents only", outcomes_of(real, read)[0])
        if others:
            say(
                f"{title}, further documents",
                outcomes_of(others, reader(before, scorer_of(fit(made, real))))[0],
            )
    if options.readings:
        calibrate.keep_readings(samples, options.readings)
    sys.stdout.write(calibrate.compare(samples, folds=options.folds) + "\n")
    if options.write:
        write(fit(made, real), OWN / "scorer.onnx", made, real)
        sys.stdout.write(f"wrote scorer.onnx and {calibrate.save(calibrate.fit_all(samples), samples)}\n")
    return 0


def write(
    trees: lightgbm.Booster, path: Path, generated: Sequence[Material], real: Sequence[Material]
) -> None:
    """Write the trees and beside them what made them and the file's SHA-256."""
    onnx.save(onnx_of(trees), path)
    about = {
        "version": "1",
        "command": "python -m extraction.training.scorer --generated DATA/s2 ... --write (docs/training.md)",
        "data": f"{len(generated)} generated documents, {len(real)} real documents",
        "encoder": encoder_version(),
        "parameters": _PARAMETERS,
        "rounds": _ROUNDS,
        "sha256": file_digest(path),
        "features": list(FEATURES),
    }
    path.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
