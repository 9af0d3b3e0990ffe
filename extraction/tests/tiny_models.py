"""Checkpoints of the real classes, small enough to be made on the spot: random weights, so they read nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import MllamaForConditionalGeneration

from extraction.evaluation.random_models import random_llama as tiny_llama
from extraction.evaluation.random_models import random_pixtral as tiny_pixtral

__all__ = ["overfit", "tiny_llama", "tiny_pixtral"]


def overfit(folder: Path, examples: Sequence[tuple[Any, str]], *, steps: int = 300) -> float:
    """Train a saved tiny model until it answers its examples by heart; return the last loss.

    :param examples: inputs as a preparer makes them for one question, and the answer to it.
    """
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = MllamaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model.train()
    batches = []
    for inputs, answer in examples:
        said = processor.tokenizer(answer + "<|eot_id|>", add_special_tokens=False, return_tensors="pt")[
            "input_ids"
        ]
        asked = inputs["input_ids"].shape[1]
        batch = dict(inputs)
        batch["input_ids"] = torch.cat([inputs["input_ids"], said], dim=1)
        batch["attention_mask"] = torch.ones_like(batch["input_ids"])
        mask = inputs["cross_attention_mask"]
        batch["cross_attention_mask"] = torch.cat(
            [mask, mask[:, -1:].expand(-1, said.shape[1], -1, -1)], dim=1
        )
        labels = batch["input_ids"].clone()
        labels[:, :asked] = -100
        batches.append((batch, labels))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    worst = float("inf")
    for _ in range(steps):
        worst = 0.0
        for batch, labels in batches:
            loss = model(**batch, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            worst = max(worst, loss.item())
        if worst < 0.01:
            break
    model.save_pretrained(folder)
    return worst
