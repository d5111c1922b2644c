"""List pretrained weights that are here already; try to reach where others come from."""

import os
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tools.checks.findings import HELPFUL, Finding, find_home, join_some
from utils.files import format_bytes, size_of
from utils.hub.answers import find_endpoint
from utils.hub.cache import find_cache

KERAS_SITE = "https://storage.googleapis.com"  # ImageNet weights of Keras' networks
NETWORK_SECONDS = 2.0
_PORTS = {"http": 80, "https": 443}

Sizes = dict[str, int]  # bytes by name


def check_keras_weights() -> Finding:
    """List the weights of Keras' networks, such as InceptionV3's."""
    folder = find_keras_folder() / "models"
    found = _measure(folder, "*.h5")
    facts = {"folder": str(folder), "bytes": found}
    if found:
        short = {name.partition("_weights")[0]: size for name, size in found.items()}
        return Finding("Keras weights", _format_sizes(short), HELPFUL, facts=facts)
    text = "no ImageNet weights yet; Keras downloads them at the first use"
    remedy = "without a network: --weights FILE.weights.h5, or --dataset scenes"
    return Finding("Keras weights", text, HELPFUL, remedy, facts)


def check_presets() -> Finding:
    """List the presets of KerasHub, such as ViT and GPT-2, which come through kagglehub."""
    cache = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
    folder = Path(cache) / "models"
    found = _measure(folder, "*/*/*/*")  # owner, model, framework, preset
    facts = {"folder": str(folder), "bytes": found}
    text = "no presets yet; --preset vit-gpt2 downloads ViT and GPT-2"
    return Finding("KerasHub", _format_sizes(found) or text, facts=facts)


def check_hub() -> Finding:
    """List the models in the cache of the Hugging Face Hub."""
    folder = find_cache()
    found = {}
    for name, size in _measure(folder, "models--*").items():
        found["/".join(name.split("--")[1:])] = size
    facts = {"folder": str(folder), "bytes": found}
    text = "no model in the Hub's cache"
    return Finding("Hugging Face", _format_sizes(found) or text, facts=facts)


def find_keras_folder() -> Path:
    """Return the folder of Keras, chosen as Keras chooses it."""
    if os.environ.get("KERAS_HOME"):
        return Path(os.environ["KERAS_HOME"])
    home = find_home()
    if home is None or not os.access(home, os.W_OK):
        home = Path("/tmp")
    return home / ".keras"


def _measure(folder: Path, pattern: str) -> Sizes:
    """Return the size of each file or folder that has the pattern, by its name."""
    return {path.name: size_of(path) for path in sorted(folder.glob(pattern))}


def _format_sizes(sizes: Sizes) -> str:
    return join_some([f"{name} ({format_bytes(size)})" for name, size in sizes.items()], 3)


def check_network(*, is_asked: bool) -> Finding:
    """Try to connect to where weights come from, if asked; all at once, for two seconds at most."""
    if not is_asked:
        return Finding("network", "not tried; --network does so", facts={"reachable": None})
    places = {site: _find_place(site) for site in (KERAS_SITE, find_endpoint())}
    reached = _try_places(set(places.values()))
    reachable = {}
    for site, place in places.items():
        reachable[_name_host(site)] = place in reached
    facts = {"reachable": reachable, "seconds": NETWORK_SECONDS}
    missing = [host for host, is_reached in reachable.items() if not is_reached]
    if not missing:
        return Finding("network", f"reaches {' and '.join(reachable)}", HELPFUL, facts=facts)
    text = f"does not reach {' and '.join(missing)} in {NETWORK_SECONDS:g} seconds"
    remedy = "set HTTPS_PROXY if there is a proxy; --dataset scenes needs no network"
    return Finding("network", text, HELPFUL, remedy, facts)


def _name_host(site: str) -> str:
    return urlsplit(site).hostname or site


def _find_place(site: str) -> tuple[str, int]:
    """Return host and port to connect to for a site: those of the proxy, if there is one."""
    parts = urlsplit(site)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(_name_host(site)):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or site, parts.port or _PORTS.get(parts.scheme, _PORTS["https"])


def _try_places(places: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return the places that accept a connection in time."""
    reached = set()

    def connect(place: tuple[str, int]) -> None:
        try:
            socket.create_connection(place, timeout=NETWORK_SECONDS).close()
        except (OSError, UnicodeError):  # UnicodeError: a host that is no name at all
            return
        reached.add(place)

    # Looking up a name may take longer than any timeout. A daemon does not delay the exit.
    threads = [threading.Thread(target=connect, args=(each,), daemon=True) for each in places]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + NETWORK_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return set(reached)
