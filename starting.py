"""Training that begins from another run: what it takes over, and what it refuses before anything is read."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import config
from utils import runs
from utils.errors import Refusal, WrongArgument
from utils.progress import say


def inherited(start: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What was typed, and of the rest what the weights of another run ask for: its encoder and decoder."""
    saved = runs.read_config(start)
    if given.get("encoder", saved["encoder"]) != saved["encoder"]:
        raise WrongArgument(f"--encoder {given['encoder']}: {start} was trained on what {saved['encoder']} sees; leave "
                            "--encoder out")
    own = [each.name for each in fields(config.Decoding) if each.name in saved]  # an older run knows fewer
    for name in own:
        if name != "dropout" and given.get(name, saved[name]) != saved[name]:
            raise WrongArgument(f"--{name.replace('_', '-')} {given[name]}: the weights of {start} are of {saved[name]}; "
                                "leave it out")
    missing = [name for name in ("vocabulary.json", "best") if not (start / name).exists()]
    if missing:
        raise Refusal(f"{start} has no {missing[0]}: its training was stopped before its first epoch ended; go on with it "
                      "by --resume first")
    inherited = {name: saved[name] for name in ("preset", "encoder", "layer", "image_size", *own)}
    inherited["weights"] = saved["encoder_weights"]
    if saved.get("tokenizer") == "bpe":
        inherited["tokenizer"] = "bpe"
    return inherited | given


def take_over(decoder: Any, tokenizer: Any, start: Path, fingerprint: dict[str, Any]) -> None:
    """Begin from the best weights of another run, and say what became of its words."""
    from data.tokenizer import SPECIAL, load
    from models import warm_start
    from models.captioner import decoder_of
    from models.checkpoint import load_decoder

    saved = runs.read_config(start)
    learned = load(start / "vocabulary.json")
    other = decoder_of(saved, len(learned))
    load_decoder(other, start / "best")
    found = warm_start.take_over(decoder, tokenizer.spelled(), other, learned.spelled())
    if saved["fingerprint"] != fingerprint:
        say(f"warning: the encoder is not that of {start} in every respect (weights, layer or version): its features may "
            "mean something else to the decoder")
    say(f"from {start}: {found.kept - len(SPECIAL)} {tokenizer.units} are known there and keep their weights, {found.new} "
        f"start fresh, {found.gone} of {start} are gone")
