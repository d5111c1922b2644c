"""Find weights of others by a table of names: our layers → theirs."""

import re
from collections.abc import Mapping

from models.pretrained.source import Source

# Keras' names of a layer's parameters → PyTorch's.
PARAMETER_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "embeddings": "weight",
    "bias": "bias",
    "beta": "bias",
}


def find_by_name(path: str, names: Mapping[str, str]) -> Source:
    """Return the source of the variable at a path; PyTorch's layers have transposed matrices.

    `names` has names of layers, in which {0} is the number of a block, and whole paths of variables
    that belong to no layer, such as class tokens. [1/3] is the second of three layers in one, whose
    outputs lie one after another.
    """
    block = 0
    match = re.match(r"(.*?(?:block|layer|layers)_)(\d+)/", path)
    if match is not None:
        block = int(match[2])
        path = match[1] + "{0}/" + path[match.end() :]
    if path in names:
        return Source(names[path].format(block))
    layer, _, parameter = path.rpartition("/")
    name = names[layer].format(block)
    part, parts = 0, 1
    match = re.fullmatch(r"(.+)\[(\d)/(\d)\]", name)
    if match is not None:
        name, part, parts = match[1], int(match[2]), int(match[3])
    return Source(
        f"{name}.{PARAMETER_NAMES[parameter]}",
        part=part,
        parts=parts,
        axis=0,
        is_transposed=parameter == "kernel",
    )


def simplify_vit_path(path: str) -> str:
    """Return the path of a variable of KerasHub's ViT without its networks, blocks from 0 on."""
    path = re.sub(r"^vit_(patching_and_embedding|encoder)/", "", path)
    return re.sub(r"(?<=block_)\d+", lambda number: str(int(number[0]) - 1), path)
