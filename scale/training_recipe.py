"""Training recipes and how to load them. [P] is the SCALE paper, [C] its released code."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from core.errors import SettingsError
from core.stage_settings import StageSettings, read_settings

__all__ = [
    "MODALITIES",
    "ContrastForm",
    "InputSettings",
    "Modality",
    "ModelSettings",
    "NamedEncoder",
    "ObjectiveSettings",
    "OptimiserSettings",
    "TrainingRecipe",
    "load_training_recipe",
    "shipped_names",
    "shipped_values",
]


def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped recipes, in alphabetical order."""
    folder = resources.files("scale") / "recipes"
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.is_file()))


def shipped_values(name: str) -> dict[str, Any]:
    """Return the values of a shipped recipe, including those of its base.

    Raises:
        ValueError: There is no recipe of that name.
    """
    if name not in shipped_names():
        raise ValueError(f"base: {name!r} is not a shipped recipe. Use one of {', '.join(shipped_names())}.")
    values = tomllib.loads((resources.files("scale") / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
    return _over_base(values)


def load_training_recipe(name: str | Path) -> "TrainingRecipe":
    """Load a recipe.

    Args:
        name: Name of a shipped recipe, or path of a file that ends in ``.toml``.

    Raises:
        SettingsError: There is no such recipe, or it is wrong; the message names file and key.
    """
    if str(name).endswith(".toml"):
        return read_settings(Path(name), TrainingRecipe)
    if str(name) not in shipped_names():
        known = ", ".join(shipped_names())
        raise SettingsError(f"recipe {name}: There is no such recipe. Use one of {known}, or the path of a .toml file.")
    with resources.as_file(resources.files("scale") / "recipes" / f"{name}.toml") as path:
        return read_settings(path, TrainingRecipe)


Modality = Literal["text", "image", "table", "video", "audio"]
MODALITIES: tuple[Modality, ...] = ("text", "image", "table", "video", "audio")
"""In the order in which the papers add them; every [5] axis has this order."""
ContrastForm = Literal["detached", "released", "paper", "clip"]


class NamedEncoder(StageSettings):
    """A pre-trained network that reads a modality."""

    network: str
    """A folder of transformers (detectors too), timm or sentence-transformers, or a name on the hub (``timm/...``)."""
    width: int = Field(ge=1)
    """Width of its states."""
    tokens: int = Field(default=1, ge=1)
    """States kept per sample. 1: its pooled vector; more: means of neighbours, or a detector's best boxes. Of a video:
    the pooled vectors of its first frames."""
    trained: bool = False
    """Train the network with the model; for images only (for text there is ``model.bert``). Otherwise it is frozen, and
    its features are kept in Parquet."""


class InputSettings(StageSettings):
    """Conversion of samples to tensors."""

    encoders: dict[Modality, NamedEncoder] = Field(default_factory=dict)
    """Modality -> the network that reads it, in place of the settings below."""

    tokens: Literal["corpus", "bert"] = "corpus"
    """``corpus``: characters and jieba's words, counted in the training split; ``bert``: ``bert_vocabulary``."""
    bert_vocabulary: str = "bert-base-chinese"
    """With ``bert``: a local folder, or a name on the hub."""
    vocabulary: int = Field(default=21_128, ge=16)
    """Maximum number of entries in a corpus vocabulary; bert-base-chinese has 21,128."""
    text_tokens: int = Field(default=36, ge=4)
    """[P] 36."""
    image_text: bool = False
    """Append the text in the product's images to its caption; shards have it if ``extract.ocr`` is true."""
    description: bool = False
    """Append the shop's description to the caption, before text in images; ``text_tokens`` limits all."""
    table_tokens: int = Field(default=64, ge=4)
    """[P] 64."""
    image: Literal["patches", "regions"] = "patches"
    """``patches``: a grid over the image; ``regions``: stored features and boxes from ``regions_file``."""
    grid: int = Field(default=6, ge=1)
    """Patches along each side; 6 x 6 are as many as [C]'s 36 regions. With ``regions``: grid x grid regions at most."""
    patch: int = Field(default=32, ge=2)
    """Side of a patch, pixels."""
    regions_file: str = ""
    """With ``regions``: Parquet of product_id, features, boxes, image_width and image_height; see docs/scale.md."""
    region_width: int = Field(default=2048, ge=1)
    """With ``regions``: width of a region's features; 2,048 of Faster R-CNN [P]."""
    frames: int = Field(default=12, ge=1)
    """Number of first frames that are read, one per second; [C] 12 s."""
    frame_side: int = Field(default=32, ge=2)
    """Side to which a frame is scaled; it is one token. (The paper's S3D-G features need its weights.)"""
    audio: Literal["mfcc", "mel"] = "mfcc"
    """``mfcc``: stored coefficients, mean and deviation of each block of time [P]; ``mel``: bands as tokens [C]."""
    audio_tokens: int = Field(default=12, ge=1)
    """With ``mfcc``: number of blocks of equal length into which a clip is cut."""
    mfcc: int = Field(default=20, ge=1)
    """With ``mfcc``: number of stored coefficients (``extract.n_mfcc``)."""
    mel_seconds: float = Field(default=12.0, gt=0, le=60)
    """With ``mel``: 80 bands of the first seconds at 16 kHz, hop 256; 12 s are 751 steps [C]."""

    @model_validator(mode="after")
    def _more_text_needs_a_vocabulary(self) -> Self:
        for name in ("image_text", "description"):
            if getattr(self, name) and "text" in self.encoders:
                raise ValueError(f"{name}: The text encoder in encoders reads captions alone. Remove one of the two.")
        return self

    @property
    def frozen(self) -> dict[Modality, NamedEncoder]:
        """The encoders that are not trained."""
        return {name: encoder for name, encoder in self.encoders.items() if not encoder.trained}

    def is_tokens(self, name: Modality) -> bool:
        """Return whether a modality consists of words of a vocabulary, not features."""
        return name in ("text", "table") and name not in self.encoders

    def tokens_of(self, name: Modality) -> int:
        """Return the number of tokens of a modality, without the global token of features."""
        if name in self.frozen:
            return self.encoders[name].tokens
        tokens = {"text": self.text_tokens, "table": self.table_tokens, "image": self.image_tokens}
        return tokens.get(name, self.frames if name == "video" else self.audio_shape[0])

    def width_of(self, name: Modality) -> int:
        """Return the width of a token of a modality that consists of features."""
        if name in self.frozen:
            return self.encoders[name].width
        return {"image": self.image_width, "video": self.video_width}.get(name, self.audio_shape[1])

    def sequence(self, streams: tuple[Modality, ...], *, stacked: bool) -> int:
        """Return the number of tokens of all modalities together, including global tokens."""
        features = sum(not self.is_tokens(name) for name in streams)
        return sum(map(self.tokens_of, streams)) + features + (self.table_tokens if stacked else 0)

    @property
    def image_tokens(self) -> int:
        """Patches, or the maximum number of regions or features, of an image."""
        return self.encoders["image"].tokens if "image" in self.frozen else self.grid**2

    @property
    def image_width(self) -> int:
        """Width of a patch, region or feature."""
        if "image" in self.frozen:
            return self.encoders["image"].width
        return 3 * self.patch**2 if self.image == "patches" else self.region_width

    @property
    def video_width(self) -> int:
        """Width of a frame."""
        return 3 * self.frame_side**2

    @property
    def audio_shape(self) -> tuple[int, int]:
        """Number of tokens of an audio clip, and their width."""
        if self.audio == "mfcc":
            return self.audio_tokens, 2 * self.mfcc
        return 80, int(self.mel_seconds * 16_000) // 256 + 1


class ModelSettings(StageSettings):
    """The network and its sizes."""

    network: Literal["transformer", "lstm", "bi-lstm", "vgg-19", "inception-v3", "tfn", "lmf"] = "transformer"
    """``transformer``: SCALE and all models that its switches yield; the others are MEP-3M's baselines, which are
    trained on classes alone."""
    weights: str = ""
    """With ``vgg-19`` and ``inception-v3``: a file of torchvision's weights; empty: start from scratch."""
    subnet: int = Field(default=32, ge=2)
    """With ``tfn`` and ``lmf``: width of each modality's vector before fusion."""
    rank: int = Field(default=4, ge=1)
    """With ``lmf``: number of factors of each modality."""
    width: int = Field(default=768, ge=8)
    heads: int = Field(default=12, ge=1)
    feed_forward: int = Field(default=3072, ge=8)
    feature_heads: int = Field(default=0, ge=0)
    """Heads of the encoders of image, video and audio, [C] 8; 0: as ``heads``."""
    feature_feed_forward: int = Field(default=0, ge=0)
    """Feed-forward width of the encoders of image, video and audio, [C] 1,024; 0: as ``feed_forward``."""
    encoder_layers: int = Field(default=6, ge=0)
    """Layers of each modality's encoder [P] 6; 0: embeddings only, for a single-stream model."""
    co_layers: int = Field(default=0, ge=0)
    """With ``fusion = "co-attention"``: layers in which text and image attend to each other."""
    joint_layers: int = Field(default=6, ge=0)
    """Layers of the joint co-transformer, or of each cross-attention, [P] 6."""
    pool_width: int = Field(default=0, ge=0)
    """Width of a projection of the contrasted vectors, [C] 1,024; 0: none, they are as wide as the model."""
    layout: Literal["default", "released"] = "default"
    """``released``: built like the authors' code, with ReLU poolers, a pre-norm joint transformer with position but no
    modality embeddings, text and table in one encoder, shared layers of image and video, masked tasks predicted before
    fusion, and a classifier on the concatenated first states [C]."""
    location: Literal["none", "5", "7", "sine"] = "5"
    """Location features of an image token: nothing, corners and area, UNITER's seven numbers, VL-BERT's sines."""
    bert: str = ""
    """A local folder or a name on the hub: text and table start from this BERT's embeddings and first layers; needs
    ``input.tokens = "bert"`` and its sizes. Empty: start from scratch."""
    image_places: bool = True
    """Give image tokens position embeddings, too."""
    visual_words: bool = False
    """Add a projection of the whole image to every word (VL-BERT)."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    feature_width: int = Field(default=1024, ge=8)
    """Width of the layer before the classifier, which is the retrieval feature after fine-tuning [C] 1,024."""

    @property
    def token_layer(self) -> tuple[int, int, int, float]:
        """Width, heads, feed-forward width and dropout of a layer of text or table."""
        return self.width, self.heads, self.feed_forward, self.dropout

    @property
    def feature_layer(self) -> tuple[int, int, int, float]:
        """The same for a layer of image, video or audio."""
        feed_forward = self.feature_feed_forward or self.feed_forward
        return self.width, self.feature_heads or self.heads, feed_forward, self.dropout

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        for name, heads in (("heads", self.heads), ("feature_heads", self.feature_heads or self.heads)):
            if self.width % heads:
                raise ValueError(f"{name}: {heads} does not divide the width {self.width}. Use a divisor of it.")
        if self.layout == "released" and not self.pool_width:
            raise ValueError("pool_width: The released layout needs one; the authors' code has 1024.")
        return self


class ObjectiveSettings(StageSettings):
    """Training objective: one switch for each ablation of the papers."""

    modalities: tuple[Modality, ...] = MODALITIES
    """Modalities that the model sees."""
    fusion: Literal["joint", "text-cross", "co-attention", "none"] = "joint"
    """``joint``: SCALE's co-transformer; ``text-cross``: text attends to each other modality and vice versa (M5-MMT);
    ``co-attention``: text and image attend to each other (ViLBERT), then joint layers if there are any (CAPTURE);
    ``none``: towers."""
    contrastive: bool = True
    """Inter-modality contrastive learning (IMCL)."""
    form: ContrastForm = "detached"
    """Contrastive loss and alignment matrix S. ``detached``: NT-Xent, S without gradient and 1 on average;
    ``released`` [C]: NT-Xent, S of the cosines, with gradient; ``paper`` [P]: Eq. 2, which has no lower bound, S a
    free parameter per sample; ``clip``: CLIP's loss with a learned temperature, without S."""
    alignment: bool = True
    """The alignment matrix S; false: ones."""
    temperature: float | None = Field(default=None, gt=0)
    """None: .07, with ``paper`` .1; ``clip`` starts there."""
    matching: bool = False
    """Image-text matching: about half of the images are exchanged, and the model predicts which (ITM)."""
    masked: bool = True
    """The five masked tasks."""
    masked_modalities: tuple[Modality, ...] = MODALITIES
    """Modalities with a masked task."""
    one_at_a_time: bool = False
    """Mask one of them per batch, drawn at random, and leave the others whole (UNITER)."""
    masked_share: float = Field(default=0.15, gt=0, lt=1)
    """[P] 15 %."""
    table_task: Literal["mem", "mlm"] = "mem"
    """``mem``: whole properties or values are masked; ``mlm``: single tokens."""
    stack_table: bool = False
    """Append the table to the caption in one text sequence, without its own encoder."""
    missing: Literal["masked", "released", "drop", "fill", "search"] = "masked"
    """Treatment of absent modalities, which are zeros. ``masked``: left out of attention and losses; ``released``:
    attended, masked and contrasted like any other [C]; ``drop``: samples with one are left out (completion alpha);
    ``fill``: taken from another listing of the same product if there is one, else masked; ``search``: taken from the
    product of the split with the most similar caption (both are completion beta, offline)."""
    completion: str = ""
    """With ``search``: ``module:function`` of a search service to ask instead; see docs/scale.md."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.modalities or len(set(self.modalities)) != len(self.modalities):
            raise ValueError(
                f"modalities: {list(self.modalities)} must name at least one modality, and each only once."
            )
        if self.fusion == "text-cross" and "text" not in self.modalities:
            raise ValueError("fusion: text-cross needs text among the modalities. Add it, or use joint.")
        for name in ("fusion", "matching"):
            if getattr(self, name) in ("co-attention", True) and set(self.streams) != {"text", "image"}:
                raise ValueError(f"{name}: This needs text and image, and no other modality.")
        if self.stack_table and not {"text", "table"} <= set(self.modalities):
            raise ValueError("stack_table: The modalities must include text and table. Add them.")
        return self

    @property
    def streams(self) -> tuple[Modality, ...]:
        """Modalities with their own encoder, in the order of ``MODALITIES``."""
        return tuple(
            name for name in MODALITIES if name in self.modalities and not (self.stack_table and name == "table")
        )


class OptimiserSettings(StageSettings):
    """Optimiser, batches and checkpoints."""

    batch: int = Field(default=64, ge=2)
    """Samples per batch and process [P] 64."""
    epochs: int = Field(default=5, ge=0)
    """Epochs of pre-training [P] 5."""
    finetune_epochs: int = Field(default=5, ge=0)
    """Epochs of fine-tuning on classification; the paper does not say."""
    rate: float = Field(default=1e-4, gt=0)
    """Peak learning rate of pre-training [P] 1e-4."""
    finetune_rate: float = Field(default=1e-4, gt=0)
    """Peak learning rate of fine-tuning; the paper does not say."""
    schedule: Literal["linear", "halving"] = "linear"
    """``linear``: the rate rises in ``warm_up``, then falls to zero; ``halving``: halved every two epochs (MEP-3M)."""
    warm_up: float = Field(default=0.1, ge=0, le=1)
    """With ``linear``: share of the steps in which the rate rises from zero [C] .1; then it falls linearly to zero."""
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    """Maximum norm of the gradient."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are accumulated for one step."""
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    """``torch.compile`` the network."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of each split's products held out of training: after every epoch the loss (fine-tuning: the accuracy) on
    up to about 1,024 of them is measured, and the weights of the best epoch are evaluated. Fewer than 16: none."""
    checkpoint_steps: int = Field(default=500, ge=1)
    """Steps between checkpoints; another one is written at the end."""
    workers: int = Field(default=0, ge=0, le=64)
    """Processes that decode shards ahead, at most one per 1,024 samples; 0: decode in the training process."""
    cache: bool = True
    """Keep decoded blocks on disk, so that a shard is decoded once, not once per epoch."""
    max_skipped: float = Field(default=0.05, ge=0, le=1)
    """Share of the samples of a split that may be unreadable before that is an error."""
    fit_samples: int = Field(default=100_000, ge=1)
    """Maximum number of training samples from which vocabulary and audio statistics are taken."""


class TrainingRecipe(StageSettings):
    """A training run's name, and every setting that its result depends on besides data and seed.

    A file may set ``base`` to a shipped recipe, such as ``"tiny"``, and then lists only differences from it.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)
    train_split: str = "train"
    """Split for pre-training; ``subset`` shows the effect of scale."""
    finetune_split: str = "classification-train"
    """Split for fine-tuning; ``train`` of MEP-3M's 8:2."""
    test_split: str = "classification-test"
    """Split for measuring classification, clustering and cross-modal retrieval; ``test`` of MEP-3M's 8:2."""
    input: InputSettings = InputSettings()
    model: ModelSettings = ModelSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimiser: OptimiserSettings = OptimiserSettings()

    @model_validator(mode="after")
    def _bert_reads_its_own_words(self) -> Self:
        if self.model.bert and (self.input.tokens, self.input.bert_vocabulary) != ("bert", self.model.bert):
            raise ValueError(
                f"model.bert: Set input.tokens to bert and input.bert_vocabulary to {self.model.bert!r}, too."
            )
        return self

    @model_validator(mode="after")
    def _encoders_fit_the_network(self) -> Self:
        encoders = self.input.encoders
        if encoders and (self.model.network != "transformer" or self.model.layout == "released"):
            raise ValueError("input.encoders: These need model.network transformer and model.layout default.")
        if any(encoder.trained and name != "image" for name, encoder in encoders.items()):
            raise ValueError("input.encoders: Only the image's can be trained; for text set model.bert.")
        if "image" in encoders and self.input.image == "regions":
            raise ValueError("input.encoders.image: Leave input.image at patches, or leave the encoder out.")
        words = {"text", "table"} & set(encoders)
        if words and (self.objective.stack_table or (self.model.bert and "text" in words)):
            raise ValueError("input.encoders: A text or table encoder excludes objective.stack_table and model.bert.")
        return self

    @model_validator(mode="after")
    def _networks_of_classes_have_no_other_task(self) -> Self:
        objective, network = self.objective, self.model.network
        seen = {"tfn": MODALITIES, "lmf": MODALITIES, "vgg-19": ("image",), "inception-v3": ("image",)}
        if network != "transformer" and (
            objective.contrastive or objective.masked or not set(objective.streams) <= set(seen.get(network, ("text",)))
        ):
            raise ValueError(
                f"model.network: {network} learns classes alone, from {', '.join(seen.get(network, ('text',)))}. "
                "Set objective.contrastive and objective.masked to false, and objective.modalities."
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _start_from_its_base(cls, values: object) -> object:
        return _over_base(values) if isinstance(values, dict) else values


def _over_base(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a recipe over those of the shipped one that it names as its base, if any."""
    own = {key: value for key, value in values.items() if key != "base"}
    return _merged(shipped_values(str(values["base"])), own) if "base" in values else own


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``own`` over ``base``, section by section."""
    merged = {**base, **own}
    for key in set(base) & set(own):
        if isinstance(base[key], dict) and isinstance(own[key], dict):
            merged[key] = _merged(base[key], own[key])
    return merged
