"""Read a folder of Hugging Face's `VisionEncoderDecoderModel` of ViT and GPT-2.

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
# The usual search of such captioners, unless the folder says otherwise.
SEARCH: dict[str, Any] = {"beam": 4, "length_penalty": 2.0, "no_repeat": 3}
SEARCH_NAMES = {  # our names of search settings: Hugging Face's
    "beam": "num_beams",
    "length_penalty": "length_penalty",
    "no_repeat": "no_repeat_ngram_size",
}
# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {
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
END_OF_TEXT = 50256  # GPT-2's <|endoftext|>
RESTORE = "restore it, or download it again"


def is_hugging_face(run: Any) -> bool:
    """Return whether a run is given as hf:FOLDER."""
    return str(run)[: len(PREFIX)].lower() == PREFIX


def find_folder(run: Any) -> Path:
    """Return the folder of hf:FOLDER; reject one that does not exist."""
    name = str(run)[len(PREFIX) :]
    folder = Path(name).expanduser()
    if not name.strip() or not folder.is_dir():
        raise UserError(
            f"no folder {name!r}; hf: needs the folder of a VisionEncoderDecoderModel, "
            "downloaded or written by save_pretrained"
        )
    return folder


def read_description(run: Any) -> dict[str, Any]:
    """Return the folder's config.json; reject models other than a supported ViT and GPT-2."""
    file = find_folder(run) / "config.json"
    description = _read_json(file)
    if description is None:
        raise UserError(f"{file.parent} has no config.json: it is not a Hugging Face model")
    model_type = description.get("model_type")
    if model_type != "vision-encoder-decoder":
        raise UserError(
            f"{file.parent} must hold a vision-encoder-decoder of ViT and GPT-2 "
            f"(got {model_type!r})"
        )
    for half in SUPPORTED:
        if not isinstance(description.get(half), dict):
            raise UserError(f"{file} has no settings of its {half}; {RESTORE}")
        _check_supported(description[half], half, file)
    return description


def _check_supported(settings: dict[str, Any], half: str, file: Path) -> None:
    """Reject settings of the encoder or decoder that are not supported."""
    for name, values in SUPPORTED[half].items():
        value = settings.get(name, values[0])
        if value not in values:
            expected = " or ".join(map(repr, values))
            raise UserError(f"{file}: the {half}'s {name} must be {expected} (got {value!r})")


def read_encoder_sizes(run: Any) -> dict[str, Any]:
    """Return the sizes of its ViT, by KerasHub's names, with scale and offset of pixels 0..255."""
    settings = read_description(run)["encoder"]
    image_size = _read_size(run, settings, "image_size", 224)
    width = _read_size(run, settings, "hidden_size", 768)
    patch_size = _read_size(run, settings, "patch_size", 16)
    heads = _read_size(run, settings, "num_attention_heads", 12)
    _check_multiple(run, ("image_size", image_size), ("patch_size", patch_size))
    _check_multiple(run, ("hidden_size", width), ("num_attention_heads", heads))
    scale, offset = _read_pixel_scaling(run)
    return {
        "image_shape": [image_size, image_size, 3],
        "patch_size": patch_size,
        "num_heads": heads,
        "hidden_dim": width,
        "num_layers": _read_size(run, settings, "num_hidden_layers", 12),
        "mlp_dim": _read_size(run, settings, "intermediate_size", 4 * width),
        "layer_norm_epsilon": settings.get("layer_norm_eps", 1e-12),
        "use_mha_bias": settings.get("qkv_bias", True),
        "scale": scale,
        "offset": offset,
    }


def _read_pixel_scaling(run: Any) -> tuple[list[float], list[float]]:
    """Return scale and offset of each channel, which normalise pixels 0..255."""
    settings = _read_json(find_folder(run) / "preprocessor_config.json") or {}
    factor = 1.0
    if settings.get("do_rescale", True):
        factor = settings.get("rescale_factor", 1 / 255)
    means, deviations = [0.0] * 3, [1.0] * 3
    if settings.get("do_normalize", True):
        means = settings.get("image_mean", [0.5] * 3)
        deviations = settings.get("image_std", [0.5] * 3)
    scale = [factor / deviation for deviation in deviations]
    offset = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
    return scale, offset


def read_decoder_sizes(run: Any) -> dict[str, Any]:
    """Return the sizes of its GPT-2, by the names of our settings."""
    settings = read_description(run)["decoder"]
    units = _read_size(run, settings, "n_embd", 768)
    heads = _read_size(run, settings, "n_head", 12)
    _check_multiple(run, ("n_embd", units), ("n_head", heads))
    inner = 4 * units
    if settings.get("n_inner") is not None:
        inner = _read_size(run, settings, "n_inner", 0)
    return {
        "units": units,
        "layers": _read_size(run, settings, "n_layer", 12),
        "heads": heads,
        "inner": inner,
        "positions": _read_size(run, settings, "n_positions", 1024),
        "epsilon": settings.get("layer_norm_epsilon", 1e-5),
    }


def _read_size(run: Any, settings: dict[str, Any], name: str, default: int) -> int:
    value = settings.get(name, default)
    if type(value) is not int or value < 1:
        raise UserError(
            f"{find_folder(run) / 'config.json'}: {name} must be at least 1 (got {value!r})"
        )
    return value


def _check_multiple(run: Any, whole: tuple[str, int], part: tuple[str, int]) -> None:
    """Reject a size that is not a multiple of another; both are given as name and value."""
    whole_name, whole_size = whole
    part_name, part_size = part
    if whole_size % part_size:
        raise UserError(
            f"{find_folder(run) / 'config.json'}: {whole_name} must be a multiple of "
            f"{part_name}, {part_size} (got {whole_size})"
        )


def _read_generation(run: Any) -> dict[str, Any]:
    """Return its settings of generation, of generation_config.json before those of config.json."""
    settings = read_description(run)
    generation = _read_json(find_folder(run) / "generation_config.json") or {}
    for name, value in generation.items():
        if value is not None:
            settings[name] = value
    return settings


def read_boundary_tokens(run: Any) -> set[int]:
    """Return the tokens that start and end its captions."""
    settings = _read_generation(run)
    decoder = settings["decoder"]
    start = decoder.get("bos_token_id", END_OF_TEXT)
    for name in ("bos_token_id", "decoder_start_token_id"):
        start = settings.get(name, start)
    end = settings.get("eos_token_id", decoder.get("eos_token_id", END_OF_TEXT))
    ends = end if isinstance(end, list) else [end]
    return {start, *ends} - {None}


def build_run_config(run: Any) -> dict[str, Any]:
    """Return the settings that a run's config.json would hold for it."""
    vit = read_encoder_sizes(run)
    gpt2 = read_decoder_sizes(run)
    generation = _read_generation(run)
    image_size = vit["image_shape"][0]
    side = image_size // vit["patch_size"]
    name = f"{PREFIX}{find_folder(run)}"
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
        "dropout": generation["decoder"].get("resid_pdrop", 0.1),
        "attention": "soft",
        "tokenizer": "gpt2",
        "language": "en",
        "max_length": min(_read_max_length(generation), gpt2["positions"] - 1),
        **_convert_search(generation),
        **_convert_sampling(generation),
        "seed": 0,
        "dataset": None,
        "fingerprint": {
            "grid": [side, side],
            "depth": vit["hidden_dim"],
            "whole": 1,
            "image_size": image_size,
        },
    }


def _read_max_length(generation: dict[str, Any]) -> int:
    """Return the most tokens of a caption after its start, which `max_length` counts too."""
    return generation.get("max_new_tokens") or generation.get("max_length", 37) - 1


def _convert_search(generation: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of beam search by our names."""
    search = dict(SEARCH)
    for our_name, their_name in SEARCH_NAMES.items():
        if their_name in generation:
            search[our_name] = generation[their_name]
    return search


def _convert_sampling(generation: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of sampling by our names."""
    if not generation.get("do_sample"):
        return {"sample": False, "temperature": 1.0, "top_k": None, "top_p": None}
    return {
        "sample": True,
        "temperature": generation.get("temperature", 1.0),
        "top_k": generation.get("top_k", 50) or None,
        "top_p": generation.get("top_p"),
    }


def read_weights(run: Any) -> "dict[str, np.ndarray]":
    """Return its weights by Hugging Face's names, from .safetensors; a pickle is never opened."""
    # They import NumPy, and other commands start without it.
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    weights: dict[str, np.ndarray] = {}
    for file in _find_weight_files(find_folder(run)):
        try:
            weights |= load_file(file)
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise UserError(f"{file} cannot be read ({error}); {RESTORE}") from None
    return weights


def _find_weight_files(folder: Path) -> list[Path]:
    """Return the folder's .safetensors files."""
    index = _read_json(folder / "model.safetensors.index.json")
    if index:
        names = sorted(set(index["weight_map"].values()))
        return [folder / name for name in names]
    file = folder / "model.safetensors"
    if file.is_file():
        return [file]
    if (folder / "pytorch_model.bin").is_file():
        raise UserError(
            f"{folder} has its weights only as pytorch_model.bin, a pickle, which can run any "
            "program and is not opened here. If you trust it, this writes model.safetensors "
            "beside it (pip install torch transformers):\n"
            '    python -c "from transformers import VisionEncoderDecoderModel as M; '
            f"M.from_pretrained('{folder}').save_pretrained('{folder}')\""
        )
    raise UserError(f"{folder} has no model.safetensors: its weights are missing")


def _read_json(file: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file, or None if there is no file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); {RESTORE}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file} is not a JSON object; {RESTORE}")
    return content
