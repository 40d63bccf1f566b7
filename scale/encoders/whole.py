"""Loading of networks whose states are read, not their pooled vector."""

from typing import Any

__all__ = ["load_whole"]


def load_whole(factory: Any, name: str, **options: Any) -> Any:  # noqa: ANN401 - transformers is untyped
    """Load a network with ``factory.from_pretrained``; only a pooler may be missing in its files.

    Raises:
        OSError: There is no such network.
        ValueError: Its files lack weights, so that its states would be random.
    """
    network, report = factory.from_pretrained(name, output_loading_info=True, **options)
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        raise ValueError(f"its files lack {len(missing)} weights ({missing[0]}, …), which would be random.")
    return network.eval()
