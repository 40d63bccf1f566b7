"""Text in images: found and recognised by the models that the extra ``ocr`` brings."""
