import pytest

from core.errors import SettingsError
from webapp.security.origin import ServerOrigin, check_public
from webapp.settings import ServeSettings

SECRET = "s" * 32


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "127.1.2.3", "secret": SECRET},
        {"host": "0.0.0.0", "secret": SECRET, "origin": "https://label.example.org"},
        {"origin": "https://label.example.org", "secret": SECRET},
    ],
)
def test_served_here_or_with_a_secret(settings: dict[str, str]) -> None:
    check_public(ServeSettings.model_validate(settings))


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"host": "0.0.0.0"}, "serve.secret"),
        ({"host": "::"}, "serve.secret"),
        ({"host": "label.example.org"}, "serve.secret"),
        ({"host": "192.0.2.7", "origin": "https://label.example.org"}, "serve.secret"),
        ({"origin": "https://label.example.org"}, "serve.secret"),
        ({"host": "0.0.0.0", "secret": "short"}, "serve.secret"),
        ({"host": "0.0.0.0", "secret": SECRET}, "serve.origin"),
    ],
)
def test_public_without_a_secret_is_refused(settings: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=missing) as refused:
        check_public(ServeSettings.model_validate(settings))
    assert "short" not in str(refused.value)


def test_only_pages_of_this_server_are_its_own() -> None:
    server = ServerOrigin("https://label.example.org")
    assert server.is_own("https://label.example.org", "label.example.org")
    assert server.is_own("http://127.0.0.1:8765", "127.0.0.1:8765")
    for stranger in (
        "",
        "null",
        "https://evil.example",
        "https://label.example.org.evil.example",
        "http://127.0.0.1:1",
    ):
        assert not server.is_own(stranger, "127.0.0.1:8765")
