import hypothesis.strategies as st
from hypothesis import given

from webapp.security.sessions import Signer

SIGNER = Signer(b"a key")


@given(st.text(max_size=200))
def test_what_was_signed_is_read_again_for_its_purpose_alone(payload: str) -> None:
    token = SIGNER.sign("session", payload)
    assert SIGNER.read("session", token) == payload
    assert SIGNER.read("csrf", token) is None
    assert Signer(b"another key").read("session", token) is None


@given(st.text(min_size=1, max_size=40), st.integers(0), st.characters())
def test_a_token_with_any_sign_changed_is_refused(payload: str, place: int, sign: str) -> None:
    token = SIGNER.sign("session", payload)
    place %= len(token)
    changed = token[:place] + sign + token[place + 1 :]
    assert SIGNER.read("session", changed) == (payload if changed == token else None)


@given(st.text(max_size=2000))
def test_no_text_of_strangers_is_a_token(text: str) -> None:
    assert SIGNER.read("session", text) is None
    assert SIGNER.read("session", text + "." + text) is None
