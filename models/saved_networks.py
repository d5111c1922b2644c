"""Build the decoder and the encoder of a run again, by its config.json."""

from pathlib import Path
from typing import Any

from models.decoders import DECODERS, build_decoder
from models.decoders.base import Decoder
from models.encoders import ENCODERS
from models.encoders.encoder import Encoder
from models.encoders.engines import choose_engine, choose_precision, describe_precision
from utils import hugging_face
from utils.addresses import is_address
from utils.errors import UserError, unknown_name_error
from utils.fetching import fetch_file


def build_decoder_for(config: dict[str, Any], vocabulary: int) -> Decoder:
    """Build the decoder that a run's settings describe, with random weights."""
    kind = config["decoder"]
    if kind not in DECODERS:
        raise unknown_name_error("decoder", kind, list(DECODERS))
    # Sizes that only pretrained decoders have are not in every config.
    options = {name: config[name] for name in DECODERS[kind].OPTIONS if name in config}
    fingerprint = config["fingerprint"]
    rows, columns = fingerprint["grid"]
    return build_decoder(
        kind,
        seed=config["seed"],
        vocabulary=vocabulary,
        locations=fingerprint.get("whole", 0) + rows * columns,
        depth=fingerprint["depth"],
        **options,
    )


def adapt_fingerprint(fingerprint: dict[str, Any], engine: str) -> dict[str, Any]:
    """Return a run's fingerprint with the precision of this engine on this machine."""
    others = {name: value for name, value in fingerprint.items() if name != "precision"}
    precision = choose_precision(choose_engine(engine), get_precision(fingerprint))
    return others | describe_precision(precision)


def get_precision(fingerprint: dict[str, Any]) -> str:
    """Return the precision of a run's features."""
    return fingerprint.get("precision", "float32")


def has_own_encoder(config: dict[str, Any]) -> bool:
    """Return whether the encoder was trained in the run; a Hugging Face model has no such entry."""
    return config.get("finetune_encoder", False)


def load_encoder(run: Path, config: dict[str, Any], weights: str | None, engine: str) -> Encoder:
    """Load a run's encoder; its weights must be those that the run was trained with.

    `weights` is their present place, if they were moved.
    """
    options = {
        "layer": config["layer"],
        "image_size": config["image_size"],
        "grid": config["grid"],
        "engine": engine,
        "precision": get_precision(config["fingerprint"]),
    }
    if has_own_encoder(config):
        if weights is not None:
            raise UserError(
                f"--weights {weights} cannot be used: the encoder of {run} was trained in it and "
                "lies there; omit --weights"
            )
        return Encoder(config["encoder"], weights=str(run), **options)

    weights = _find_weights(config, weights)
    encoder = Encoder(config["encoder"], weights=weights, **options)
    digest, trained_on = encoder.fingerprint()["weights"], config["fingerprint"]
    # A Hugging Face model says nothing of its weights.
    if digest != trained_on.get("weights", digest):
        raise UserError(
            f"{weights} has other weights than those that the run was trained with; "
            "give the right file with --weights FILE, or train again"
        )
    return encoder


def _find_weights(config: dict[str, Any], weights: str | None) -> str:
    """Return the place of the encoder's weights, by default the one in `config`, if it exists."""
    # Such an encoder also has weights by the names of presets; its loader checks them.
    has_presets = ENCODERS[config["encoder"]].accepts_presets
    if is_address(weights) and not has_presets:
        return str(fetch_file(str(weights)))
    if weights is not None and not has_presets and not Path(weights).exists():
        raise UserError(
            f"--weights must be the present place of the run's encoder weights (got {weights}, "
            "which does not exist)"
        )
    weights = weights or config["encoder_weights"]
    moved = f"the run's encoder weights were at {weights} and are no longer there"
    if hugging_face.is_missing_folder(weights):
        raise UserError(f"{moved}; give their place with --weights hf:FOLDER")
    needs_file = weights not in ("imagenet", "none") and not has_presets
    if needs_file and not Path(weights).exists():
        raise UserError(f"{moved}; give their place with --weights FILE")
    return weights
