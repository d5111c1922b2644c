"""A folder of Hugging Face's `VisionEncoderDecoderModel`, ViT and GPT-2, in a run's place: what it says of itself.

python predict.py --run hf:FOLDER photo.jpg
python train.py --from hf:FOLDER --dataset datasets/NAME
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import UserError

if TYPE_CHECKING:
    import numpy as np

PREFIX = "hf:"
# What such captioners are used with, where the folder does not say otherwise.
SEARCH: dict[str, Any] = {"beam": 4, "length_penalty": 2.0, "no_repeat": 3}
# What is read of each half, by name; the first value is what is meant where nothing is said.
_KNOWN = {
    "encoder": {"model_type": ("vit",), "hidden_act": ("gelu",)},
    "decoder": {
        "model_type": ("gpt2",),
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "add_cross_attention": (True,),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "tie_word_embeddings": (True,),
    },
}


def is_hugging_face(run: Any) -> bool:
    """Whether `hf:FOLDER` stands where a run is named."""
    return str(run)[: len(PREFIX)].lower() == PREFIX


def find_folder(run: Any) -> Path:
    """The folder of `hf:FOLDER`, refused where it is not there."""
    name = str(run)[len(PREFIX) :]
    folder = Path(name).expanduser()
    if not name.strip() or not folder.is_dir():
        raise UserError(
            f"no folder {name!r}; after hf: comes the folder of a VisionEncoderDecoderModel, as save_pretrained "
            "writes it or as it is downloaded"
        )
    return folder


def read_description(run: Any) -> dict[str, Any]:
    """Its config.json, of a ViT and a GPT-2 that are understood here."""
    folder = find_folder(run)
    found = _json(folder / "config.json")
    if found is None:
        raise UserError(f"{folder} has no config.json: it is no Hugging Face model")
    if found.get("model_type") != "vision-encoder-decoder":
        raise UserError(
            f"{folder} holds a {found.get('model_type')!r}; what is read is a vision-encoder-decoder, of ViT and "
            "GPT-2"
        )
    for half, wanted in _KNOWN.items():
        if not isinstance(found.get(half), dict):
            raise UserError(
                f"{folder / 'config.json'} says nothing of its {half}; restore it, or download it again"
            )
        for name, values in wanted.items():
            value = found[half].get(name, values[0])
            if value not in values:
                raise UserError(
                    f"{folder / 'config.json'}: the {half}'s {name} is {value!r}; what is read is "
                    f"{' or '.join(map(repr, values))}"
                )
    return found


def read_encoder_sizes(run: Any) -> dict[str, Any]:
    """What its ViT is made with, by KerasHub's names, and how it wants pixels 0..255: scale and offset."""
    said = read_description(run)["encoder"]
    pixels = _json(find_folder(run) / "preprocessor_config.json") or {}
    normalised = pixels.get("do_normalize", True)
    mean, deviation = (
        pixels.get(name, [0.5] * 3) if normalised else [other] * 3
        for name, other in (("image_mean", 0.0), ("image_std", 1.0))
    )
    factor = pixels.get("rescale_factor", 1 / 255) if pixels.get("do_rescale", True) else 1.0
    size, width = _whole(run, said, "image_size", 224), _whole(run, said, "hidden_size", 768)
    patch, heads = _whole(run, said, "patch_size", 16), _whole(run, said, "num_attention_heads", 12)
    _refuse_rest(run, ("image_size", size), ("patch_size", patch))
    _refuse_rest(run, ("hidden_size", width), ("num_attention_heads", heads))
    return {
        "image_shape": [size, size, 3],
        "patch_size": patch,
        "num_heads": heads,
        "hidden_dim": width,
        "num_layers": _whole(run, said, "num_hidden_layers", 12),
        "mlp_dim": _whole(run, said, "intermediate_size", 4 * width),
        "layer_norm_epsilon": said.get("layer_norm_eps", 1e-12),
        "use_mha_bias": said.get("qkv_bias", True),
        "scale": [factor / each for each in deviation],
        "offset": [-one / each for one, each in zip(mean, deviation, strict=True)],
    }


def read_decoder_sizes(run: Any) -> dict[str, Any]:
    """What its GPT-2 is made with, by the names of settings here."""
    said = read_description(run)["decoder"]
    units, heads = _whole(run, said, "n_embd", 768), _whole(run, said, "n_head", 12)
    _refuse_rest(run, ("n_embd", units), ("n_head", heads))
    inner = 4 * units if said.get("n_inner") is None else _whole(run, said, "n_inner", 0)
    return {
        "units": units,
        "layers": _whole(run, said, "n_layer", 12),
        "heads": heads,
        "inner": inner,
        "positions": _whole(run, said, "n_positions", 1024),
        "epsilon": said.get("layer_norm_epsilon", 1e-5),
    }


def _whole(run: Any, said: dict[str, Any], name: str, usual: int) -> int:
    """A size that is said under this name, or the usual one."""
    value = said.get(name, usual)
    if type(value) is not int or value < 1:
        raise UserError(
            f"{find_folder(run) / 'config.json'}: {name} is {value!r}; what is read is a number from 1"
        )
    return value


def _refuse_rest(run: Any, whole: tuple[str, int], part: tuple[str, int]) -> None:
    """Refuse a size that another one does not divide."""
    if whole[1] % part[1]:
        raise UserError(
            f"{find_folder(run) / 'config.json'}: {whole[0]} is {whole[1]}, no multiple of {part[0]}, {part[1]}"
        )


def _generation(run: Any) -> dict[str, Any]:
    """What is said of how captions are written: in generation_config.json, else beside the two halves."""
    said = read_description(run)
    return said | {
        name: value
        for name, value in (_json(find_folder(run) / "generation_config.json") or {}).items()
        if value is not None
    }


def read_boundary_tokens(run: Any) -> set[int]:
    """The tokens that begin and end its captions."""
    said = _generation(run)
    decoder = said["decoder"]
    ends = said.get("eos_token_id", decoder.get("eos_token_id", 50256))
    start = said.get(
        "decoder_start_token_id", said.get("bos_token_id", decoder.get("bos_token_id", 50256))
    )
    return {start, *(ends if isinstance(ends, list) else [ends])} - {None}


def build_run_config(run: Any) -> dict[str, Any]:
    """What a run's config.json would say of it."""
    vit, gpt2, said = read_encoder_sizes(run), read_decoder_sizes(run), _generation(run)
    side = vit["image_shape"][0] // vit["patch_size"]
    name = f"{PREFIX}{find_folder(run)}"
    names = {
        "beam": "num_beams",
        "length_penalty": "length_penalty",
        "no_repeat": "no_repeat_ngram_size",
    }
    search = SEARCH | {ours: said[theirs] for ours, theirs in names.items() if theirs in said}
    chance = {"sample": False, "temperature": 1.0, "top_k": None, "top_p": None}
    if said.get("do_sample"):
        chance = {
            "sample": True,
            "temperature": said.get("temperature", 1.0),
            "top_k": said.get("top_k", 50) or None,
            "top_p": said.get("top_p"),
        }
    longest = (
        said.get("max_new_tokens") or said.get("max_length", 37) - 1
    )  # their length counts the start
    return {
        "preset": "vit-gpt2",
        "encoder": "vit_b16",
        "weights": name,
        "encoder_weights": name,
        "layer": None,
        "image_size": None,
        "grid": None,
        "decoder": "transformer",
        "decoder_weights": name,
        **gpt2,
        "dropout": said["decoder"].get("resid_pdrop", 0.1),
        "attention": "soft",
        "tokenizer": "gpt2",
        "language": "en",
        "max_length": min(longest, gpt2["positions"] - 1),
        **search,
        **chance,
        "seed": 0,
        "dataset": None,
        "fingerprint": {
            "grid": [side, side],
            "depth": vit["hidden_dim"],
            "whole": 1,
            "image_size": vit["image_shape"][0],
        },
    }


def read_weights(run: Any) -> "dict[str, np.ndarray]":
    """Its weights by their names there, from .safetensors; a pickle is never opened."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = find_folder(run)
    index = _json(folder / "model.safetensors.index.json")
    files = sorted(set(index["weight_map"].values())) if index else ["model.safetensors"]
    if not index and not (folder / files[0]).is_file():
        if (folder / "pytorch_model.bin").is_file():
            raise UserError(
                f"{folder} has its weights as pytorch_model.bin alone, a pickle, which can run any program and is "
                "not opened here. Where you trust it, this writes model.safetensors beside it (pip install torch "
                'transformers):\n    python -c "from transformers import VisionEncoderDecoderModel as M; '
                f"M.from_pretrained('{folder}').save_pretrained('{folder}')\""
            )
        raise UserError(f"{folder} has no model.safetensors: its weights are missing")
    found: dict[str, np.ndarray] = {}
    for file in files:
        try:
            found |= load_file(folder / file)
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise UserError(
                f"{folder / file} cannot be read ({error}); restore it, or download it again"
            ) from None
    return found


def _json(file: Path) -> dict[str, Any] | None:
    """What a file of JSON says; None where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read ({error}); restore it, or download it again"
        ) from None
    if not isinstance(found, dict):
        raise UserError(f"{file} is no description of a model; restore it, or download it again")
    return found
