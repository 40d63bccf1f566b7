"""Import that loads jieba's dictionary, which takes as long as most verbs; children of the fork server inherit it."""

from core.segmentation import count_words

count_words("3.5kg苹果", segment=True)
