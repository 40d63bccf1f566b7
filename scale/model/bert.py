"""Start the text and table encoders from a pre-trained BERT."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from m5data.errors import SettingsError
from scale.data.tokens import bert_order
from scale.model.encoders import TokenEncoder

__all__ = ["adopt_bert"]


def adopt_bert(encoder: TokenEncoder, name: str) -> None:
    """Copy a BERT's embeddings and its first layers into an encoder; on equal tokens both then have equal states.

    Args:
        encoder: As wide as the BERT, with as many heads and the same feed-forward width.
        name: A local folder, or a name on the hub; its vocabulary is ``input.bert_vocabulary``.

    Raises:
        SettingsError: It is not a BERT, or has other sizes.
    """
    from transformers import BertModel  # noqa: PLC0415 - large, and needed only where weights are given

    try:
        bert: Any = BertModel.from_pretrained(name, add_pooling_layer=False)
        order = torch.tensor(bert_order(name))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"model.bert: {name!r} is not a BERT: {str(error).splitlines()[0]}") from None
    _check(encoder, bert, name)
    embeddings = bert.embeddings
    with torch.no_grad():
        encoder.words.weight.copy_(embeddings.word_embeddings.weight[order])
        place = encoder.layers.place
        if place is not None:
            places = embeddings.position_embeddings.weight[: len(place)]
            place.copy_(places + embeddings.token_type_embeddings.weight[0])
    _copy(encoder.layers.norm, embeddings.LayerNorm)
    for own, theirs in zip(encoder.layers.layers, bert.encoder.layer, strict=False):
        attention = theirs.attention
        for part in ("query", "key", "value"):
            _copy(getattr(own.attention, part), getattr(attention.self, part))
        _copy(own.attention.out, attention.output.dense)  # type: ignore[union-attr, arg-type]
        _copy(own.norm_1, attention.output.LayerNorm)  # type: ignore[arg-type]
        _copy(own.wide, theirs.intermediate.dense)  # type: ignore[arg-type]
        _copy(own.narrow, theirs.output.dense)  # type: ignore[arg-type]
        _copy(own.norm_2, theirs.output.LayerNorm)  # type: ignore[arg-type]


def _check(encoder: TokenEncoder, bert: Any, name: str) -> None:  # noqa: ANN401 - transformers' module
    settings, layers = bert.config, encoder.layers.layers
    own = {"width": encoder.words.embedding_dim, "vocabulary": encoder.words.num_embeddings}
    theirs = {"width": settings.hidden_size, "vocabulary": settings.vocab_size}
    if len(layers):
        first: Any = layers[0]
        own |= {"heads": first.attention.heads, "feed_forward": first.wide.out_features}
        theirs |= {"heads": settings.num_attention_heads, "feed_forward": settings.intermediate_size}
    different = [f"{key} {theirs[key]}, here {own[key]}" for key in own if own[key] != theirs[key]]
    if len(layers) > settings.num_hidden_layers:
        different.append(f"{settings.num_hidden_layers} layers, here {len(layers)}")
    if different:
        raise SettingsError(f"model.bert: {Path(name).name} has {'; '.join(different)}. Use the same sizes.")


def _copy(own: nn.Module, theirs: nn.Module) -> None:
    with torch.no_grad():
        for name, weight in own.named_parameters():
            value: Tensor = theirs.get_parameter(name)
            weight.copy_(value)
