"""What torch's exporter writes into an ONNX file and nobody needs there."""

from __future__ import annotations

from typing import Any


def drop_notes(model: Any) -> None:
    """Take out which line of which file on this machine each node of an ONNX model came from."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *model.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
