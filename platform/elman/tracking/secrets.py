"""Secrets in what is printed, logged or stored: hidden in this one place."""

from __future__ import annotations

import re

HIDDEN = "***"
LONGEST_USER = 20
"""Characters: a user's name beyond that, in the address of a web server, is a token."""
NO_PASSWORDS = ("", "x-oauth-basic", "x-token-auth")
"""What stands for a password where the user is a token."""

USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*)://(?P<info>\S{0,1000})@")
PASSWORD = r"(?:passw(?:or)?d|passphrase|pwd)"
VALUE = r"('[^']*'|\"[^\"]*\"|[^\s;&'\",)\]}]+)"
FIELD = re.compile(rf"(?<![\w.-])(\w*{PASSWORD}=){VALUE}", re.IGNORECASE)
QUERY = re.compile(
    rf"([?&;](?:[\w.-]*(?:token|secret|signature|credential|access_key)|api_?key|sig)=){VALUE}", re.IGNORECASE
)
NESTED = re.compile(r"(odbc_connect=)[^\s&]*?(?=['\"]?(?:[\s&,]|$))", re.IGNORECASE)
HEADER = re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer|token)\s+)[^\s'\"]+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text with the secrets of every address, data source and header in it hidden.

    Hidden are the password of `scheme://user:password@host`, whatever characters it has; a user of a web
    server who comes without one, which is a token; the value of any field `password=`, `pwd=` and the like,
    and, in the query of an address, of `access_token=`, `sig=` and the like; all of `odbc_connect=`; the
    credentials of a header. What merely looks alike is hidden too.
    """
    if "://" in text:
        text = USERINFO.sub(_without_userinfo, text)
        text = NESTED.sub(rf"\1{HIDDEN}", text)
    if "=" in text:
        text = QUERY.sub(rf"\1{HIDDEN}", FIELD.sub(rf"\1{HIDDEN}", text))
    return HEADER.sub(rf"\1{HIDDEN}", text)


def _without_userinfo(match: re.Match[str]) -> str:
    scheme, info = match["scheme"], match["info"]
    user, colon, password = info.partition(":")
    if not colon and ("/" in info or "?" in info):
        return match[0]  # of a path, as in http://host/of/me@here
    is_token = scheme.lower().startswith("http") and (password in NO_PASSWORDS or len(user) > LONGEST_USER)
    if is_token:
        return f"{scheme}://{HIDDEN}@"
    return f"{scheme}://{user}:{HIDDEN}@" if colon else match[0]
