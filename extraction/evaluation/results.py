"""Writes measured figures where people look for them: ``docs/results/NAME.md`` and ``NAME.json``.

Figures only: nothing of the documents' contents, no path of the machine.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from extraction.evaluation.datasets import DatasetDescription
from extraction.evaluation.reports import rows, sections


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What one must know to measure the same again; ``note`` is what the person who measured has to say."""

    datasets: Sequence[DatasetDescription]
    command: str
    day: date
    memory: Mapping[str, int]
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, with the machine's core count and Python."""
        return {
            "datasets": [asdict(d) for d in self.datasets],
            "command": self.command,
            "date": self.day.isoformat(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "peak_memory_mib": dict(self.memory),
            "note": self.note,
        }


def write_results(
    folder: Path,
    name: str,
    summaries: Mapping[str, Mapping[str, Any]],
    comparisons: Sequence[Mapping[str, Any]],
    circumstances: Circumstances,
) -> Path:
    """Write the figures of one or more readers and return the page's path.

    :param summaries: by reader, as :func:`extraction.evaluation.reports.summarise` returns them.
    :param comparisons: as ``comparison_as_json`` returns them, with the names ``first`` and ``second``.
    :raises OSError: if the folder can't be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    around = circumstances.as_json()
    content = {**around, "readers": summaries, "comparisons": comparisons}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    page = folder / f"{name}.md"
    page.write_text(_page(name, summaries, comparisons, around), "utf-8")
    return page


def _page(
    name: str,
    summaries: Mapping[str, Mapping[str, Any]],
    comparisons: Sequence[Mapping[str, Any]],
    around: Mapping[str, Any],
) -> str:
    first = next(iter(summaries.values()))
    data = ", ".join(f"`{d['name']}` (truth.jsonl {d['digest']})" for d in around["datasets"])
    memory = around["peak_memory_mib"]
    lines = [f"# {name}", ""]
    if around["note"]:
        lines += [around["note"], ""]
    lines += [
        f"- data: {data}, {first['documents']} documents, {first['errors']} could not be read",
        *(f"- reader: {reader}" for reader in summaries),
        f"- command: `{around['command']}`",
        f"- {around['date']}, {around['cores']} cores, Python {around['python']}",
        f"- peak memory: {memory['process']} MiB, largest child process (opens files) {memory['largest_child']} MiB",
        "",
        "What the figures are and how they are computed: docs/evaluation.md.",
    ]
    for reader, summary in summaries.items():
        columns = [(title, dict(rows(figures))) for title, figures in sections(summary)]
        titles = list(dict.fromkeys(row for _, column in columns for row in column))
        lines += ["", f"## {reader}", ""]
        lines.append(f"| | {' | '.join(title for title, _ in columns)} |")
        lines.append("|---" * (len(columns) + 1) + "|")
        lines += [
            f"| {row.strip()} | {' | '.join(column.get(row, '–') for _, column in columns)} |"
            for row in titles
        ]
    if comparisons:
        lines += ["", "## Paired comparison (McNemar, exact)", ""]
        lines.append("| readers | track | fields | only first right | only second right | difference | p |")
        lines.append("|---|---|---|---|---|---|---|")
        for c in comparisons:
            d = c["difference"]
            interval = f"{100 * d['share']:+.1f} [{100 * d['low']:+.1f}, {100 * d['high']:+.1f}]"
            lines.append(
                f"| {c['second']} against {c['first']} | {c['track']} | {c['fields']} | {c['only_first']}"
                f" | {c['only_second']} | {interval} | {c['p']} |"
            )
    return "\n".join(lines) + "\n"
