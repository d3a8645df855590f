"""A tiny random CLIP in a folder, laid out as the hub's files are."""

import json

import torch

PICTURES = {
    "do_center_crop": True,
    "crop_size": {"height": 16, "width": 16},
    "size": {"shortest_edge": 16},
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.3, 0.4],
    "resample": 3,
}


def save_tokenizer(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {"<s>": 0, "</s>": 1, "<pad>": 2, "<unk>": 3, "a": 4, "the": 5, "chair": 6, "table": 7, "red": 8}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    fast.save_pretrained(folder)


def sizes(**more):
    return {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        **more,
    }


def save_clip(folder, *, width):
    """Image and text halves into `width` numbers; returns the folder."""
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(
        text_config=sizes(
            vocab_size=9, max_position_embeddings=12, bos_token_id=0, eos_token_id=1, pad_token_id=2
        ),
        vision_config=sizes(image_size=16, patch_size=8),
        projection_dim=width,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    save_tokenizer(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PICTURES))
    return folder
