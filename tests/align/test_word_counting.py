import pytest

from align import word_counting
from align.word_counting import count_matrix


def test_many_texts_counted_by_processes_are_those_counted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["速溶咖啡 奶粉", "", "夏季T恤\n奶粉 奶粉", "靠背椅"] * 3
    alone = count_matrix(texts, segment=True)
    monkeypatch.setattr(word_counting, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(word_counting, "_cores", lambda: 2)
    together = count_matrix(texts, segment=True)
    assert sorted(together.words) == sorted(alone.words)
    order = [together.words[word] for word in alone.words]
    assert (together.matrix()[:, order] != alone.matrix()).nnz == 0
