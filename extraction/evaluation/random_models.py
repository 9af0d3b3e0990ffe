"""Checkpoints of the real classes with random weights: they read nothing, but load and run like the real ones.

`TINY` ones are made in a second and show that the way is sound; those of the `FULL` shape have the published models'
layers and widths, so that they need their memory and their time (docs/models.md, "Batches").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

LLAMA_TEMPLATE: Final = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|image|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
PIXTRAL_TEMPLATE: Final = (
    "<s>{% for m in messages %}[INST]{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}[IMG]{% else %}{{ c['text'] }}{% endif %}{% endfor %}[/INST]{% endfor %}"
)
_LLAMA_SPECIAL = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|pad|>")
_PIXTRAL_SPECIAL = (
    "<s>", "</s>", "<unk>", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "<pad>",
)  # fmt: skip
# config.json of Llama-3.2-11B-Vision-Instruct and of pixtral-12b, as far as it differs from the library's defaults.
_FULL_LLAMA_TILE = 560
_FULL_LLAMA_VOCABULARY = 128_256
_FULL_PIXTRAL_VOCABULARY = 131_072


def random_llama(
    folder: Path,
    texts: Sequence[str] = ("{}",),
    *,
    full: bool = False,
    hidden: int = 32,
    tile: int = 56,
    dtype: str = "float32",
) -> Path:
    """Save a Mllama model with its processor.

    :param texts: what its tokenizer is trained on.
    :param full: Llama 3.2 11B Vision's shape (10.7 billion weights); else ``hidden`` and ``tile`` (pixels) shape it.
    """
    import torch
    import transformers
    from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

    library: Any = transformers  # its stubs know too little
    core = _tokenizer(texts, _LLAMA_SPECIAL, 2000 if full else 700)
    vocabulary = core.get_vocab_size()
    core.add_special_tokens(["<|image|>"])  # its id is the language model's vocabulary size
    marks = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "pad_token": "<|pad|>"}
    tokenizer = library.PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=8192, **marks)
    size = _FULL_LLAMA_TILE if full else tile
    processor = library.MllamaProcessor(
        MllamaImageProcessorPil(size={"height": size, "width": size}, max_image_tiles=4),
        tokenizer,
        chat_template=LLAMA_TEMPLATE,
    )
    config = llama_config(tokenizer, vocabulary, full=full, hidden=hidden, tile=tile)
    model = _made(library.MllamaForConditionalGeneration, config, dtype, full=full)
    for name, parameter in model.named_parameters():
        if name.endswith(("attn_gate", "mlp_gate")):
            # closed at first in the real one, which was taught language before pictures
            torch.nn.init.ones_(parameter)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def llama_config(tokenizer: Any, vocabulary: int, *, full: bool, hidden: int = 32, tile: int = 56) -> Any:
    """Return the configuration of a Mllama model for a tokenizer of so many tokens; see `random_llama`."""
    from transformers import MllamaConfig
    from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

    marks = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if full:
        vision = MllamaVisionConfig(image_size=_FULL_LLAMA_TILE)
        text = MllamaTextConfig(vocab_size=_FULL_LLAMA_VOCABULARY, **marks)
    else:
        vision = MllamaVisionConfig(
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
        )
        text = MllamaTextConfig(
            vocab_size=vocabulary,
            hidden_size=2 * hidden,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=4 * hidden,
            cross_attention_layers=[1],
            max_position_embeddings=8192,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
            **marks,
        )
    return MllamaConfig(
        vision_config=vision.to_dict(), text_config=text.to_dict(), image_token_index=vocabulary
    )


def random_pixtral(
    folder: Path, texts: Sequence[str] = ("{}",), *, full: bool = False, dtype: str = "float32"
) -> Path:
    """Save a Llava model with Pixtral's vision tower, its image processor and tokenizer; see `random_llama`.

    :param full: Pixtral 12B's shape (12.7 billion weights).
    """
    import transformers
    from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

    library: Any = transformers  # its stubs know too little
    core = _tokenizer(texts, _PIXTRAL_SPECIAL, 2000 if full else 600)
    marks = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    tokenizer = library.PreTrainedTokenizerFast(tokenizer_object=core, **marks)
    tokenizer.chat_template = PIXTRAL_TEMPLATE
    config = pixtral_config(tokenizer, full=full)
    model = _made(library.LlavaForConditionalGeneration, config, dtype, full=full)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    patch = 16 if full else 64
    PixtralImageProcessorPil(
        size={"longest_edge": 1024}, patch_size={"height": patch, "width": patch}
    ).save_pretrained(folder)
    return folder


def pixtral_config(tokenizer: Any, *, full: bool) -> Any:
    """Return the configuration of a Llava model with Pixtral's vision tower; see `random_pixtral`."""
    from transformers import LlavaConfig, MistralConfig, PixtralVisionConfig

    if full:
        vision = PixtralVisionConfig()
        text = MistralConfig(
            vocab_size=_FULL_PIXTRAL_VOCABULARY,
            hidden_size=5120,
            intermediate_size=14336,
            num_hidden_layers=40,
            num_attention_heads=32,
            num_key_value_heads=8,
            head_dim=128,
            max_position_embeddings=131_072,
            sliding_window=None,
        )
    else:
        vision = PixtralVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=1024,
            patch_size=64,
        )
        text = MistralConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=8192,
        )
    return LlavaConfig(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )


def _made(model_class: Any, config: Any, dtype: str, *, full: bool) -> Any:
    """Return a model with the random weights of its own initialisation, always the same ones on one device."""
    import torch

    before = torch.get_default_dtype()
    # Eleven billion random numbers take minutes on a processor.
    device = torch.device("cuda" if full and torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with device:
            return model_class(config)
    finally:
        torch.set_default_dtype(before)


def _tokenizer(texts: Sequence[str], special: Sequence[str], size: int) -> Any:
    """Train a byte-level tokenizer, as both models have; special tokens come last."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(special))
    return tokenizer
