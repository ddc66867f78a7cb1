"""Makes a Hugging Face folder of a named shape with seeded random weights, by transformers alone, so that neither
the benchmarks nor the interop checks rest on Attune's own writer. Its tokenizer maps the word `w<i>` to id `i`.

    python make_model.py '{"shape": "smollm2-135m", "folder": "out", "dtype": "bfloat16"}'
    python make_model.py '{"shape": "tiny-llama", "folder": "out", "head": "classification"}'
"""

import json

from common import limit_threads, read_options

LLAMA = "llama"
SHAPES = {
    # SmolLM2-135M's config.json.
    "smollm2-135m": dict(model_type=LLAMA, num_hidden_layers=30, hidden_size=576, num_attention_heads=9, num_key_value_heads=3,
                         intermediate_size=1536, vocab_size=49152, tie_word_embeddings=True, max_position_embeddings=8192,
                         rope_parameters=dict(rope_type="default", rope_theta=100000.0)),
    # Qwen2.5-1.5B's config.json.
    "qwen2.5-1.5b": dict(model_type="qwen2", num_hidden_layers=28, hidden_size=1536, num_attention_heads=12, num_key_value_heads=2,
                         intermediate_size=8960, vocab_size=151936, tie_word_embeddings=True, max_position_embeddings=32768,
                         rms_norm_eps=1e-6, rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
    # stories15M: 15.2 million parameters.
    "stories15m": dict(model_type=LLAMA, num_hidden_layers=6, hidden_size=288, num_attention_heads=6, num_key_value_heads=6,
                       intermediate_size=768, vocab_size=32000, tie_word_embeddings=True, max_position_embeddings=512),
    # Small ones for the interop checks: every kind of tensor there is, in a few kilobytes.
    "tiny-llama": dict(model_type=LLAMA, num_hidden_layers=2, hidden_size=32, num_attention_heads=4, num_key_value_heads=2,
                       intermediate_size=64, vocab_size=128, tie_word_embeddings=False, max_position_embeddings=128),
    "tiny-qwen2": dict(model_type="qwen2", num_hidden_layers=2, hidden_size=32, num_attention_heads=4, num_key_value_heads=2,
                       intermediate_size=64, vocab_size=128, tie_word_embeddings=True, max_position_embeddings=128),
}  # fmt: skip
PAD, BOS, EOS = 0, 1, 2
SPECIAL = ["<pad>", "<s>", "</s>"]


def word_tokenizer(vocabulary: int):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocab = {SPECIAL[i] if i < len(SPECIAL) else f"w{i}": i for i in range(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
                                   padding_side="right", model_max_length=8192)  # fmt: skip


def main() -> None:
    options = read_options(
        {"dtype": "float32", "head": "causal", "seed": 0, "max_shard_size": "50GB", "end_scale": 1.0}, required=("shape", "folder")
    )
    if options["shape"] not in SHAPES:
        raise SystemExit(f"make_model.py: unknown shape {options['shape']!r}; known: {', '.join(SHAPES)}")
    limit_threads(2)
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, GenerationConfig

    shape = dict(SHAPES[options["shape"]])
    special = dict(pad_token_id=PAD, bos_token_id=BOS, eos_token_id=EOS)
    config = AutoConfig.for_model(shape.pop("model_type"), **shape, **special)
    torch.manual_seed(options["seed"])
    heads = {"causal": AutoModelForCausalLM, "classification": AutoModelForSequenceClassification}
    if options["head"] not in heads:
        raise SystemExit(f"make_model.py: unknown head {options['head']!r}; known: {', '.join(heads)}")
    if options["head"] == "classification":
        config.num_labels = 1
    model = heads[options["head"]].from_config(config, dtype=getattr(torch, options["dtype"]))
    with torch.no_grad():
        # Norms of exactly one and biases of exactly zero would hide a tensor that a reader forgot.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.02)
        # A random model never says the end. With a longer row in the output matrix it does, in some contexts: answers are ragged.
        model.get_input_embeddings().weight[EOS] *= options["end_scale"]
    if options["head"] == "causal":
        model.generation_config = GenerationConfig(**special)
    model.save_pretrained(options["folder"], max_shard_size=options["max_shard_size"])
    word_tokenizer(config.vocab_size).save_pretrained(options["folder"])
    print(json.dumps({"folder": options["folder"], "parameters": sum(p.numel() for p in model.parameters()),
                      "vocabulary": config.vocab_size}))  # fmt: skip


if __name__ == "__main__":
    main()
