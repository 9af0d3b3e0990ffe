"""docTR's place in the chain, with networks made on the spot: one finds ink, the other reads nothing in it.

The real networks can't be had where this is built. These have their inputs and outputs, so that what is shown is
the way from a picture through OnnxTR into our field reader, not how well docTR reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from extraction import gate
from extraction.backends.doctr import INSTALL, DoctrBackend, DoctrOptions, find_network
from extraction.backends.generative.certainty import CEILING
from extraction.documents import open_pages
from extraction.schema import Backend, Hints, ReaderError
from extraction.tests.pages import encoded, invoice_pdf, invoice_picture


def ink_detector(path: Path) -> Path:
    """Save a network with the shape of a text detector's: high where ink is, blurred so that letters join to words."""
    kernel = np.full((1, 3, 9, 13), 1 / (3 * 9 * 13), dtype=np.float32)
    nodes = [
        helper.make_node("Pad", ["input", "margins"], ["wide"], mode="edge"),
        helper.make_node("Conv", ["wide", "kernel"], ["mean"]),
        # normalised white is about 0.8; ink pulls the mean down
        helper.make_node("Sub", ["white", "mean"], ["ink"]),
        helper.make_node("Mul", ["ink", "gain"], ["strong"]),
        helper.make_node("Add", ["strong", "bias"], ["logits"]),
    ]
    margins = np.array([0, 0, 4, 6, 0, 0, 4, 6], dtype=np.int64)
    weights = {"kernel": kernel, "margins": margins, "white": 0.7, "gain": 20.0, "bias": -3.0}
    return _save(path, nodes, weights, ["batch", 3, 1024, 1024], ["batch", 1, 1024, 1024])


def blind_recogniser(path: Path, characters: int) -> Path:
    """Save a network with the shape of a CRNN's: crops of words to 32 steps over its characters, at random."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["steps"], strides=[32, 4], pads=[0, 0, 0, 0]),
        helper.make_node("Squeeze", ["steps", "axis"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["logits"], perm=[0, 2, 1]),
    ]
    weights = {
        "kernel": random.normal(size=(characters + 1, 3, 32, 4)).astype(np.float32),
        "axis": np.array([2], dtype=np.int64),
    }
    return _save(path, nodes, weights, ["batch", 3, 32, 128], ["batch", 32, characters + 1])


def _save(path: Path, nodes: list[Any], weights: dict[str, Any], shape: list[Any], out: list[Any]) -> Path:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, out)],
        [
            numpy_helper.from_array(np.asarray(v, np.float32) if isinstance(v, float) else v, n)
            for n, v in weights.items()
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_a_network_is_found_by_its_name_with_or_without_digest(tmp_path: Path) -> None:
    for name in ("parseq-00b40714.onnx", "crnn_mobilenet_v3_small.onnx", "crnn_mobilenet_v3_large-1.onnx"):
        (tmp_path / name).write_bytes(b"")
    assert find_network(tmp_path, "parseq").name == "parseq-00b40714.onnx"
    assert find_network(tmp_path, "crnn_mobilenet_v3_small").name == "crnn_mobilenet_v3_small.onnx"
    with pytest.raises(ReaderError, match=r"has no fast_base\.onnx"):
        find_network(tmp_path, "fast_base")
    (tmp_path / "parseq.onnx").write_bytes(b"")
    with pytest.raises(ReaderError, match="several networks parseq"):
        find_network(tmp_path, "parseq")
    with pytest.raises(ReaderError, match="which there is not"):
        find_network(tmp_path / "nowhere", "parseq")


def test_unknown_networks_and_a_missing_library_are_told(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"no network “tesseract”\. It has: crnn_vgg16_bn"):
        DoctrBackend(DoctrOptions(tmp_path, recogniser="tesseract"))
    for name in ("fast_base.onnx", "parseq.onnx"):
        (tmp_path / name).write_bytes(b"")
    try:
        import onnxtr  # noqa: F401
    except ImportError:
        with pytest.raises(ReaderError) as raised:
            DoctrBackend(DoctrOptions(tmp_path))
        assert INSTALL in str(raised.value)


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> DoctrBackend:
    pytest.importorskip("onnxtr", reason=INSTALL)
    from onnxtr.utils.vocabs import VOCABS

    folder = tmp_path_factory.mktemp("doctr")
    ink_detector(folder / "db_resnet50-tiny.onnx")
    blind_recogniser(folder / "crnn_vgg16_bn.onnx", len(VOCABS["french"]))
    return DoctrBackend(DoctrOptions(folder, "db_resnet50", "crnn_vgg16_bn", VOCABS["french"]))


def test_words_are_found_where_ink_is_and_go_through_the_field_reader(backend: DoctrBackend) -> None:
    assert isinstance(backend, Backend)
    assert len(backend.version) <= 80
    # a square page: OnnxTR fills others up with black, which these networks would take for ink
    (page,) = open_pages(encoded(invoice_picture(width=2200), "PNG"))
    reading = backend.read([page], Hints())
    (words,) = reading.words
    # eleven lines are printed from the top to the middle of the page, left of its right margin
    assert len({word.line for word in words}) == 11
    assert all(0.04 < w.box.y0 < w.box.y1 < 0.45 and 0.04 < w.box.x0 < w.box.x1 < 0.7 for w in words)
    assert all(0 <= word.confidence <= 1 for word in words)
    assert all(value.confidence <= CEILING for value in reading.fields.values())


def test_a_page_with_text_is_not_recognised_again(backend: DoctrBackend) -> None:
    reading = backend.read(open_pages(invoice_pdf()), Hints())
    total = reading.fields["total"]
    assert total.value == "2717.60"
    # fitted on another recogniser's words, the probabilities of the field reader promise nothing here
    assert total.confidence <= CEILING < gate.DEFAULT_THRESHOLD


def test_a_file_that_is_no_network_is_one_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("onnxtr", reason=INSTALL)
    for name in ("fast_base.onnx", "parseq.onnx"):
        (tmp_path / name).write_bytes(b"<html>")
    backend = DoctrBackend(DoctrOptions(tmp_path))
    with pytest.raises(ReaderError, match="can't be loaded"):
        backend.read(open_pages(encoded(invoice_picture(), "PNG")), Hints())
