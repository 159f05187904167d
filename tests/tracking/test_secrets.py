"""No secret of an address, a data source or a header is printed, logged or stored."""

from __future__ import annotations

import time

import pytest

from elman.tracking.secrets import without_secrets

FORMS = {
    "postgresql://me:S3cret@db:5432/x": "postgresql://me:***@db:5432/x",
    "postgresql+psycopg2://me:S3:cret@db/x": "postgresql+psycopg2://me:***@db/x",
    "postgresql://me:S3cr/et@db/x": "postgresql://me:***@db/x",
    "postgresql://me:S3cr@et@db/x": "postgresql://me:***@db/x",
    "postgresql://me:S3cr'et#1?@db/x": "postgresql://me:***@db/x",
    "postgresql://me:123/S3cret@db/x": "postgresql://me:***@db/x",
    "postgresql://me:S3%2Fcret@db/x": "postgresql://me:***@db/x",
    "postgresql://:S3cret@db/x": "postgresql://:***@db/x",
    "mysql+pymysql://me:S3cret@[::1]:3306/x?ssl_ca=/a": "mysql+pymysql://me:***@[::1]:3306/x?ssl_ca=/a",
    "http://me:S3cret@host:5000": "http://me:***@host:5000",
    "https://ghp_S3cretS3cretS3cretS3cret@host/x": "https://***@host/x",
    "https://S3cret@host": "https://***@host",
    "https://S3cret:@host": "https://***@host",
    "https://S3cretS3cretS3cretS3cret:x@host": "https://***@host",
    "https://S3cret:x-oauth-basic@host/x.git": "https://***@host/x.git",
    "postgresql://db/x?user=me&password=S3cret": "postgresql://db/x?user=me&password=***",
    "postgresql://db/x?passwd=S3cret&user=me": "postgresql://db/x?passwd=***&user=me",
    "postgresql://db/x?sslpassword=S3cret": "postgresql://db/x?sslpassword=***",
    "mysql://db/x?PASSWD=S3cret;a=1": "mysql://db/x?PASSWD=***;a=1",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3D%7BX%7D%3BUID%3Dme%3BPWD%3DS3cret": (
        "mssql+pyodbc:///?odbc_connect=***"
    ),
    "mssql+pyodbc:///?odbc_connect=Driver={X};UID=me;PWD=S3cret&a=1": "mssql+pyodbc:///?odbc_connect=***&a=1",
    "Driver={ODBC};Server=db;UID=me;PWD=S3cret;": "Driver={ODBC};Server=db;UID=me;PWD=***;",
    "host=db user=me password='S3 cret' dbname=x": "host=db user=me password=*** dbname=x",
    "https://host/x?access_token=S3cret&page=2": "https://host/x?access_token=***&page=2",
    "https://host/x?sv=1&sig=S3cret%3D": "https://host/x?sv=1&sig=***",
    "s3://bucket/x?aws_secret_access_key=S3cret": "s3://bucket/x?aws_secret_access_key=***",
    "https://host/x?X-Amz-Signature=S3cret": "https://host/x?X-Amz-Signature=***",
    "https://host/x?api_key=S3cret": "https://host/x?api_key=***",
    "Authorization: Bearer S3cret": "Authorization: Bearer ***",
    "{'Authorization': 'Basic UzNjcmV0S3cret'}": "{'Authorization': 'Basic ***'}",
}
HARMLESS = [
    "http://127.0.0.1:5000 and me@host",
    "postgresql://me@db:5432/x",
    "sqlite:////home/me/mlflow.db",
    "http://host/of/me@here",
    "https://host/x?page=2&order=desc",
    "elman fit r.yaml --model.token_dropout=0.1 --data.token_ids=true",
    "token_dropout: 0.1",
    "token = next(tokens); password = getpass()",
    "s3://bucket/path",
    "see docs/search.md",
]


@pytest.mark.parametrize(("given", "shown"), FORMS.items())
def test_hidden(given: str, shown: str) -> None:
    for before, after in (("", ""), ("see ", " now"), ("'", "'"), ('"', '", twice')):
        assert without_secrets(f"{before}{given}{after}") == f"{before}{shown}{after}"
    assert "S3cr" not in without_secrets(f"{given} {given}\n{given}")
    assert without_secrets(shown) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_a_long_line_takes_no_time() -> None:
    line = "http://host/a,b;c=d&" * 50_000
    began = time.process_time()
    assert without_secrets(line) == line
    assert time.process_time() - began < 5  # quadratic, it would take minutes
