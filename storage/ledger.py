"""The ledger: for each product and modality, present, or the reason it is not."""

import pyarrow as pa

from storage.tables import Column

__all__ = ["LEDGER_COLUMNS", "LEDGER_MEANING", "LEDGER_SQL"]

LEDGER_MEANING = "One row a product: each of five modalities present, or the reason it is not."

_TEXT = pa.string()
LEDGER_COLUMNS = (
    Column("product_id", _TEXT, "product"),
    Column("image", _TEXT, "present: any image is ok; no_image_on_page; else why the main image is not"),
    Column("caption", _TEXT, "present, or no_caption"),
    Column("specifications", _TEXT, "present, or no_specs"),
    Column("video", _TEXT, "present: frames are kept; no_video; pending; else why the first video gave none"),
    Column("audio", _TEXT, "present: sound is kept; no_video; no_sound; pending; else why there is none"),
    Column("modalities", pa.int32(), "how many are present"),
)

LEDGER_SQL = """
CREATE VIEW ledger AS
WITH
    medium AS (  -- the best item of a product and kind, and why it is not usable where it is not
        SELECT product_id, kind,
               bool_or(state = 'ok') AS ok,
               first(sha256 ORDER BY state <> 'ok', position) AS sha256,
               first(coalesce(reason, state) ORDER BY position) AS reason
        FROM media GROUP BY product_id, kind
    ),
    refusal AS (  -- a video is asked for two results; the detail of a reject begins with the one it is about
        SELECT item,
               min(reason) FILTER (detail LIKE 'frames%') AS frames,
               min(reason) FILTER (detail LIKE 'sound%') AS sound
        FROM rejects WHERE stage = 'extract' GROUP BY item
    ),
    modality AS (
        SELECT p.product_id,
            CASE WHEN image.ok THEN 'present' ELSE coalesce(image.reason, 'no_image_on_page') END AS image,
            CASE WHEN trim(p.caption) <> '' THEN 'present' ELSE 'no_caption' END AS caption,
            CASE WHEN specs.product_id IS NULL THEN 'no_specs' ELSE 'present' END AS specifications,
            CASE WHEN frames.product_id IS NOT NULL THEN 'present'
                 WHEN video.ok THEN coalesce(refusal.frames, 'pending')
                 ELSE coalesce(video.reason, 'no_video') END AS video,
            CASE WHEN audio.product_id IS NOT NULL THEN 'present'
                 WHEN video.ok THEN coalesce(refusal.sound, refusal.frames, 'pending')
                 ELSE coalesce(video.reason, 'no_video') END AS audio
        FROM products p
        LEFT JOIN medium image ON image.product_id = p.product_id AND image.kind = 'image'
        LEFT JOIN medium video ON video.product_id = p.product_id AND video.kind = 'video'
        LEFT JOIN refusal ON refusal.item = video.sha256
        LEFT JOIN (SELECT DISTINCT product_id FROM specs) specs ON specs.product_id = p.product_id
        LEFT JOIN (SELECT DISTINCT product_id FROM frames) frames ON frames.product_id = p.product_id
        LEFT JOIN (SELECT DISTINCT product_id FROM audio) audio ON audio.product_id = p.product_id
    )
SELECT *, ((image = 'present')::INTEGER + (caption = 'present')::INTEGER + (specifications = 'present')::INTEGER
           + (video = 'present')::INTEGER + (audio = 'present')::INTEGER)::INTEGER AS modalities
FROM modality
"""
