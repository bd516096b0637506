"""Values that teach nothing or must not be taught: hashes, identifiers, encoded data, coordinates, secrets."""

import functools
import re
from typing import Literal

Kind = Literal["", "secret", "token", "coordinates"]

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|pwd|secret|credentials?"
    r"|(?:api|private|secret|access|auth|signing|encryption)_?key|access_?token|refresh_?token|auth_?token)$"
)
# A "token" is a secret only where it looks like one: there are tokens in tables of coins and of words, too.
_TOKEN_NAME = re.compile(r"(?:^|_)token$")
_TOKEN_VALUE = re.compile(r"[^\s]{12,}")
_COORDINATES_NAME = re.compile(
    r"(?:^|_)(?:lat|lng|lon|latitude|longitude|coordinates?|coords|bbox|geo_?point"
    r"|lat_?lng|lat_?lon|lat_?long|lng_?lat|lon_?lat)$"
)
_NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?:[\s,;/]+[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)*")
_SHORTEST = 16
"""Characters without a space in all the forms below but those of coordinates."""
_SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20}|\bsk-[\w-]{20,}"
    r"|\bsk_live_\w{16,}|\bxox[abposr]-[\w-]{10,}|\bAIza[\w-]{35}|\bhf_[A-Za-z]{30,}"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."
)
_POINT = re.compile(
    r"[-+]?\d{1,3}\.\d{3,}\s*[,;]\s*[-+]?\d{1,3}\.\d{3,}|(?:multi)?(?:point|polygon|linestring)\s*\(.*",
    re.IGNORECASE | re.DOTALL,
)
_FORMS = tuple(
    (re.compile(form, re.IGNORECASE | re.DOTALL), reason)
    for form, reason in (
        (r"(?:urn:uuid:)?\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", "a UUID"),
        (r"(?:0x)?(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{16,}", "a hash"),
        (r"(?:md5|sha\d{1,3})[:-][\w+/=-]{16,}", "a hash"),
        (r"data:[\w.+-]*/?[\w.+-]*[;,].*", "base64 data"),
    )
)
_BASE64 = re.compile(r"[A-Za-z0-9+/\n]{40,}={0,2}\n?")


@functools.lru_cache(maxsize=10_000)
def kind_of(name: str) -> Kind:
    """What the name of a field (the last part of its path) says about its values."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    words = re.sub(r"[\s-]+", "_", words)
    if _SECRET_NAME.search(words):
        return "secret"
    if _TOKEN_NAME.search(words):
        return "token"
    return "coordinates" if _COORDINATES_NAME.search(words) else ""


def find_noise(kind: Kind, value: str) -> str:
    """Why nothing is asked about this value of a field of this kind; empty where something can be."""
    if not value or value.isspace():
        return "an empty value"
    if not kind:
        return _find_by_form(value) if len(value) >= _SHORTEST else ""
    if kind == "coordinates" and _NUMBERS.fullmatch(value.strip()):
        return "coordinates"
    if kind == "secret" and value not in {"null", "true", "false"}:
        return "a secret"
    if kind == "token" and _TOKEN_VALUE.fullmatch(value):
        return "a secret"
    return _find_by_form(value) if len(value) >= _SHORTEST else ""


def _find_by_form(value: str) -> str:
    if _POINT.fullmatch(value):
        return "coordinates"
    if max(map(len, value.split())) < _SHORTEST:  # words
        return ""
    if _SECRET.search(value):
        return "a secret"
    for pattern, reason in _FORMS:
        if pattern.fullmatch(value):
            return reason
    return "base64 data" if _BASE64.fullmatch(value) and _is_base64(value) else ""


def _is_base64(value: str) -> bool:
    """Whether capitals, small letters and digits are mixed as in encoded data, and not as in words or paths."""
    text = "".join(value.split())
    capitals = sum(map(str.isupper, text))
    small = sum(map(str.islower, text))
    digits = sum(map(str.isdigit, text))
    return len(text) % 4 == 0 and min(capitals, small) >= 0.15 * len(text) and digits >= 0.04 * len(text)
