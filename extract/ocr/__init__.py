"""Text in images, found and recognised by the models that the extra ``ocr`` installs."""

__all__ = ["DETECTION", "DIRECTION", "MODELS", "RECOGNITION"]


MODELS = "PP-OCRv6 small, 1"
"""Models and reading rules: Chinese, Japanese and Latin characters. If the name changes, all images are read again."""
DETECTION = "models/PP-OCRv6_det_small.onnx"
RECOGNITION = "models/PP-OCRv6_rec_small.onnx"
DIRECTION = "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"
