"""Checkpoints of the real classes, small enough to be made on the spot: random weights, so they read nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlavaConfig,
    LlavaForConditionalGeneration,
    MistralConfig,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaProcessor,
    PixtralVisionConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

LLAMA_TEMPLATE = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|image|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
PIXTRAL_TEMPLATE = (
    "<s>{% for m in messages %}[INST]{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}[IMG]{% else %}{{ c['text'] }}{% endif %}{% endfor %}[/INST]{% endfor %}"
)


def _tokenizer(texts: Sequence[str], special: Sequence[str], size: int) -> Tokenizer:
    """Train a byte-level tokenizer, as both models have; special tokens come last."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def tiny_llama(folder: Path, texts: Sequence[str] = ("{}",), *, hidden: int = 32, tile: int = 56) -> Path:
    """Save a Mllama model with its processor; ``texts`` are what its tokenizer is trained on."""
    special = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|pad|>"]
    core = _tokenizer(texts, special, 700)
    vocabulary = core.get_vocab_size()
    core.add_special_tokens(["<|image|>"])  # its id is the language model's vocabulary size
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        pad_token="<|pad|>",
        model_max_length=8192,
    )
    processor = MllamaProcessor(
        MllamaImageProcessorPil(size={"height": tile, "width": tile}, max_image_tiles=4),
        tokenizer,
        chat_template=LLAMA_TEMPLATE,
    )
    torch.manual_seed(0)
    config = MllamaConfig(
        vision_config=MllamaVisionConfig(
            hidden_size=hidden,
            num_hidden_layers=2,
            num_global_layers=1,
            attention_heads=2,
            intermediate_size=2 * hidden,
            vision_output_dim=2 * hidden,
            intermediate_layers_indices=[0],
            image_size=tile,
            patch_size=14,
            max_num_tiles=4,
        ).to_dict(),
        text_config=MllamaTextConfig(
            vocab_size=vocabulary,
            hidden_size=2 * hidden,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=4 * hidden,
            cross_attention_layers=[1],
            max_position_embeddings=8192,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        ).to_dict(),
        image_token_index=vocabulary,
    )
    model = MllamaForConditionalGeneration(config)
    for name, parameter in model.named_parameters():
        if name.endswith(("attn_gate", "mlp_gate")):
            torch.nn.init.ones_(
                parameter
            )  # closed at first in the real one, which was taught language before pictures
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def tiny_pixtral(folder: Path, texts: Sequence[str] = ("{}",)) -> Path:
    """Save a Llava model with Pixtral's vision tower, its image processor and tokenizer."""
    special = ["<s>", "</s>", "<unk>", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "<pad>"]
    core = _tokenizer(texts, special, 600)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    tokenizer.chat_template = PIXTRAL_TEMPLATE
    torch.manual_seed(0)
    config = LlavaConfig(
        vision_config=PixtralVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=1024,
            patch_size=64,
        ).to_dict(),
        text_config=MistralConfig(
            vocab_size=core.get_vocab_size(),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=8192,
        ).to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    PixtralImageProcessorPil(
        size={"longest_edge": 1024}, patch_size={"height": 64, "width": 64}
    ).save_pretrained(folder)
    return folder


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
