"""Tables that extraction fills: frames, audio, image measures, regions, duplicates."""

from m5data.table_spec import FLAG, ID, INT, LONG, LONGS, REAL, TEXT, Column, TableSpec

__all__ = [
    "AUDIO",
    "DUPLICATES",
    "DUPLICATE_PAIRS",
    "FINGERPRINTS",
    "FRAMES",
    "IMAGES",
    "IMAGE_TEXT",
    "REGIONS",
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
        Column("duration_s", REAL, "of the decoded audio, seconds"),
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
            "strongest rule that joined it: exact_content, exact_pixels, exact_text, near_image, near_text, "
            "near_video; or alone",
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
        Column("rule", TEXT, "exact_content, exact_pixels, exact_text, near_image, near_text or near_video"),
        Column("distance", REAL, "near_image: bits; near_text, near_video: 1 - similarity; exact: 0"),
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
