"""Tables made from the catalogue: frames, audio, image measures, regions, duplicates, the shared hierarchy."""

import pyarrow as pa

from core.table_spec import FLAG, ID, INT, LIST, LONG, LONGS, REAL, REALS, TEXT, Column, TableSpec

__all__ = [
    "AUDIO",
    "DUPLICATES",
    "DUPLICATE_PAIRS",
    "FINGERPRINTS",
    "FRAMES",
    "IMAGES",
    "IMAGE_TEXT",
    "LABELS",
    "LABEL_MAP",
    "LABEL_PAIRS",
    "PROPERTIES",
    "REGIONS",
    "SPEC_NORMS",
    "SPEC_PROPOSALS",
    "TARGETS",
    "TEXTS",
]

FRAMES = TableSpec(
    name="frames",
    meaning="One row per kept video frame: for each whole second the first frame at or after it.",
    key=("product_id", "video_sha256", "second"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("video_sha256", TEXT, "object of the video"),
        Column("second", INT, "the whole second that was asked for, from 0"),
        Column("pts_s", REAL, "the frame's own time, seconds from the stream's start"),
        Column("width", INT, "pixels, after rotation"),
        Column("height", INT, "pixels, after rotation"),
        Column("phash", LONG, "64-bit perceptual hash of the frame, as a signed integer"),
        Column("object", TEXT, "object that holds the video's frames end to end"),
        Column("offset", LONG, "where this frame's JPEG starts in it, bytes"),
        Column("length", LONG, "length of the JPEG, bytes"),
    ),
)

AUDIO = TableSpec(
    name="audio",
    meaning="One row per video with audio.",
    key=("product_id", "video_sha256"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("video_sha256", TEXT, "object of the video"),
        Column("mp3", TEXT, "object of the mp3"),
        Column("sample_rate", INT, "of the mp3, Hz"),
        Column("duration_s", REAL, "of the mp3, with the silence that was filled in, seconds"),
        Column(
            "start_s",
            REAL,
            "start of the audio, seconds from the first frame, negative before it; NULL: not extracted again yet",
            nullable=True,
            may_lack=True,
        ),
        Column(
            "gap_starts_s",
            REALS,
            "start of each gap in the audio, seconds from the first frame; NULL: not extracted again yet",
            nullable=True,
            may_lack=True,
        ),
        Column("gap_lengths_s", REALS, "length of each gap, seconds; NULL likewise", nullable=True, may_lack=True),
        Column("mfcc", TEXT, "object of the MFCC: float32, little endian, row-major [n_mfcc, T]"),
        Column("n_mfcc", INT, "coefficients (rows)"),
        Column("mfcc_frames", INT, "T, analysis frames (columns)"),
        Column("mfcc_settings", TEXT, "rate, frame and hop as JSON"),
    ),
)

IMAGES = TableSpec(
    name="images",
    meaning="One row per stored image, measured.",
    key=("product_id", "position"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("position", INT, "place on the page, from 0"),
        Column("sha256", TEXT, "object of the bytes"),
        Column("width", INT, "pixels, after EXIF orientation"),
        Column("height", INT, "pixels, after EXIF orientation"),
        Column("phash", LONG, "64-bit perceptual hash, as a signed integer"),
        Column("size_group", TEXT, "small, medium or large: this project's bounds"),
        Column("sharpness", REAL, "variance of the Laplacian of the grey image"),
        Column("blank_share", REAL, "share of pixels within 2/255 of the commonest grey"),
        Column("border_share", REAL, "share in rows and columns along the edges that are plain within 8/255"),
        Column("margin_detail", REAL, "share of steps of 24/255 in the outer tenth: logos and watermarks raise it"),
        Column("pixels", TEXT, "SHA-256 of size and RGB samples: equal where the decoded images are"),
    ),
)

IMAGE_TEXT = TableSpec(
    name="image_text",
    meaning="One row per line of text in a stored image; filled only with extract.ocr.",
    key=("product_id", "position", "line"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("position", INT, "image's place on the page, from 0"),
        Column("line", INT, "place in reading order, from 0"),
        Column("sha256", TEXT, "object of the image"),
        Column("text", TEXT, "text as read, contact details masked"),
        Column("confidence", REAL, "mean of its characters, 0 to 1"),
        *(
            Column(f"{axis}{corner}", INT, f"box, pixels of the upright image: {name}")
            for corner, name in enumerate(("top left", "top right", "bottom right", "bottom left"))
            for axis in "xy"
        ),
        Column("contact", TEXT, "kinds of contact details in it: phone, wechat, ...; NULL: none", nullable=True),
        Column("repeated", FLAG, "on many images of the merchant: a watermark, a shop's name or a slogan"),
    ),
)

REGIONS = TableSpec(
    name="regions",
    meaning="Image regions; filled only where an extractor or a file of features is given.",
    key=("image_sha256", "region"),
    bucket_of="image_sha256",
    columns=(
        Column("image_sha256", ID, "image"),
        Column("region", INT, "rank by score, from 0"),
        Column("x0", REAL, "box, pixels"),
        Column("y0", REAL, "box, pixels"),
        Column("x1", REAL, "box, pixels"),
        Column("y1", REAL, "box, pixels"),
        Column("score", REAL, "detector's confidence, 0 to 1"),
        Column("feature", TEXT, "object of the feature: float32 little endian"),
    ),
)

DUPLICATES = TableSpec(
    name="duplicates",
    meaning="One row per product: its duplicate group and whether it is kept.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("group_id", ID, "name of the group: a product that is or was in it; it stays while any member stays"),
        Column(
            "rule",
            TEXT,
            "strongest rule that joined it: exact_content, exact_pixels, exact_text, same_gtin, near_image, "
            "near_text, near_video; or alone",
        ),
        Column("kept", FLAG, "false: an exact duplicate of a kept product"),
        Column("size", INT, "products in the group"),
    ),
)

DUPLICATE_PAIRS = TableSpec(
    name="duplicate_pairs",
    meaning="One row per pair of products and near rule that found it, or strongest exact rule that joined it.",
    key=("product_id", "other_id", "rule"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "the smaller product_id; of an exact pair the smallest with that key"),
        Column("other_id", ID, "the larger one"),
        Column("rule", TEXT, "exact_content, exact_pixels, exact_text, same_gtin, near_image, near_text or near_video"),
        Column("distance", REAL, "near_image: bits; near_text, near_video: 1 - similarity; else 0"),
        Column("joined", FLAG, "false: left out, because its group would have grown too large"),
    ),
)

FINGERPRINTS = TableSpec(
    name="fingerprints",
    meaning="One row per product: hashes by which a later run finds what new products may be duplicates of.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("exact_keys", LONGS, "of its caption, its image files and their pixels; exact duplicates share one"),
        Column("text_keys", LONGS, "16 MinHash keys of its caption, two in each; NULL: no caption", nullable=True),
    ),
)

TEXTS = TableSpec(
    name="texts",
    meaning="One row per caption: cleaned, measured, and how it agrees with the specification table.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("caption", TEXT, "caption without full-width signs, emoji and repeated promotion"),
        Column("language", TEXT, "BCP 47 tag by script: zh, ja, ko, ..., und-Latn, ...; zxx: no letters"),
        Column("characters", INT, "length without white space"),
        Column("words", INT, "length in words, as jieba cuts them"),
        Column("facts", INT, "parts of the table's values, of two characters or more"),
        Column("stated", INT, "facts that the caption states"),
        Column("contradicted", INT, "facts for which it states another common value of the property"),
        Column("agreement", REAL, "log-odds, nats, that the caption is this table's; NULL: no table", nullable=True),
        Column("grade", TEXT, "well, partially or poorly matched: this project's rule; NULL: no table", nullable=True),
    ),
)


_NAMES = (
    Column("class_id", INT, "first level; -1: no label"),
    Column("class_name", TEXT, "its name; empty: none"),
    Column("sub_class_id", INT, "second level; -1: none"),
    Column("sub_class_name", TEXT, "its name; empty: none"),
    Column("subsub_class_id", INT, "third level; -1: none"),
    Column("subsub_class_name", TEXT, "its name; empty: none"),
)

LABEL_MAP = TableSpec(
    name="label_map",
    meaning="One row per category path of a source: the labels it became, and why.",
    key=("source", "path"),
    columns=(
        Column("source", TEXT, "source"),
        Column("path", TEXT, "category path joined by ' > '"),
        Column("category", LIST, "category path"),
        *_NAMES,
        Column("partner", TEXT, "path of the other source it was aligned with; NULL: none", nullable=True),
        Column("s_label", REAL, "name similarity to partner (MEP-3M, eq. 1)", nullable=True),
        Column("s_content", REAL, "title similarity to partner (MEP-3M, eq. 2)", nullable=True),
        Column("rule", TEXT, "what decided: mapping, mep3m, learned, same_name, own or person:NAME"),
    ),
)

LABEL_PAIRS = TableSpec(
    name="label_pairs",
    meaning="One row per pair of categories of two sources that was judged: how alike they are, and what was decided.",
    key=("source_a", "path_a", "source_b", "path_b"),
    columns=(
        Column("source_a", TEXT, "source of the one; the alphabetically smaller"),
        Column("path_a", TEXT, "its category path joined by ' > '"),
        Column("source_b", TEXT, "source of the other"),
        Column("path_b", TEXT, "its category path joined by ' > '"),
        Column("category_a", LIST, "category path of the one"),
        Column("category_b", LIST, "category path of the other"),
        Column("s_label", REAL, "name similarity (MEP-3M, eq. 1)"),
        Column("s_content", REAL, "title similarity (MEP-3M, eq. 2)"),
        Column("probability", REAL, "of being one label, by the learned rule; NULL: another rule", nullable=True),
        Column("relation", TEXT, "same, broader (a holds b), narrower (b holds a) or other, by the rule"),
        Column("merged", FLAG, "whether both are one label in label_map"),
        Column("doubt", REAL, "how doubtful the rule's decision is, 0 to 1; the most doubtful are reviewed first"),
        Column("evidence", LIST, "what spoke for or against it, strongest first"),
        Column("rule", TEXT, "what decided: mep3m, learned, same_name or person:NAME"),
    ),
)

TARGETS = TableSpec(
    name="targets",
    meaning="One row per category path of a source and published tree of align.onto: the node that it belongs to.",
    key=("source", "path", "target"),
    columns=(
        Column("source", TEXT, "source"),
        Column("path", TEXT, "category path joined by ' > '"),
        Column("target", TEXT, "name of the tree in align.onto"),
        Column("category", LIST, "category path"),
        Column("node_id", TEXT, "id of the node by the tree's publisher; its path where the file has none"),
        Column("node", TEXT, "path of the node joined by ' > '; may be an inner node"),
        Column("node_path", LIST, "path of the node"),
        Column("probability", REAL, "that this is the node; 1 where a person chose it"),
        Column("rule", TEXT, "what decided: learned or person:NAME"),
        Column("evidence", LIST, "what spoke for or against it, strongest first"),
        Column("alternatives", LIST, "paths of the next nodes, likeliest first"),
    ),
)

LABELS = TableSpec(
    name="labels",
    meaning="One row per product: its labels in the shared hierarchy.",
    key=("product_id",),
    bucket_of="product_id",
    columns=(Column("product_id", ID, "product"), *_NAMES),
)

_REALS, _PLACES = (pa.list_(pa.field("element", kind, nullable=False)) for kind in (REAL, INT))

PROPERTIES = TableSpec(
    name="properties",
    meaning="One row per property name of a source: its shared name, and what it was compared with others by.",
    key=("source", "property"),
    split_by="source",
    columns=(
        Column("source", TEXT, "source"),
        Column("property", TEXT, "name as published"),
        Column("lines", LONG, "specification lines with it"),
        Column("property_norm", TEXT, "shared name"),
        Column("terms", LIST, "its commonest values: hashes of texts; steps of a scale with a unit"),
        Column("weights", _REALS, "products with each term; a number stands between two steps"),
        Column("others", _PLACES, "properties of the source that occur in the same products, as indices from 0"),
        Column("agreement", _REALS, "with each of these: cosines of their values, less .65 a product"),
        Column(
            "decimal", TEXT, "mark before decimals in the source: . or ,; NULL: unclear", nullable=True, may_lack=True
        ),
    ),
)

SPEC_NORMS = TableSpec(
    name="spec_norms",
    meaning="One row per line of a product's specification table: its value in the form that all sources share.",
    key=("product_id", "position"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("position", INT, "line of the table specs, which keeps the original"),
        Column("value_norm", TEXT, "the number in unit, else the text with width and white space folded"),
        Column("unit", TEXT, "g, ml, mm, W, V, mAh, Hz, MB, 月, 天, ℃ or %; NULL: none", nullable=True),
        Column("number", REAL, "value_norm as a number; NULL: text", nullable=True),
    ),
)

SPEC_PROPOSALS = TableSpec(
    name="spec_proposals",
    meaning="One row per property value that an image states and the product's table lacks; never merged into specs.",
    key=("product_id", "property"),
    bucket_of="product_id",
    columns=(
        Column("product_id", ID, "product"),
        Column("property", TEXT, "name as the shop spells it, else as is common or written in the image"),
        Column("value", TEXT, "value as read"),
        Column("property_norm", TEXT, "shared name of the property; NULL: no table has it", nullable=True),
        Column("value_norm", TEXT, "the number in unit, else the text with width and white space folded"),
        Column("unit", TEXT, "as in spec_norms; NULL: none", nullable=True),
        Column("position", INT, "evidence: image's place on the page"),
        Column("line", INT, "evidence: line of image_text, which has the box"),
        Column("sha256", TEXT, "evidence: object of the image"),
        Column("rule", TEXT, "named: name: value; row: next to its name in a table; unit, size: a number alone"),
        Column("confidence", REAL, "of the line, 0 to 1"),
    ),
)
