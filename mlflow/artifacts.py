"""The artifact store as one stream: `artifacts.py dump > FILE`, `artifacts.py load < FILE`.

Runs where the store can be reached: on this machine, or in the server's container, which holds the keys.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from settings import fail, settings

NEEDED = ("POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY")


def open_bucket(given: dict[str, str]) -> tuple[Any, str]:
    """An S3 client and the name of its bucket, which is created when missing."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        fail(f"{error}; pip install boto3, or elman[server]")
    name, endpoint = given["S3_BUCKET"], given["S3_ENDPOINT"]
    try:
        config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3})
        client = boto3.client("s3", endpoint_url=endpoint, config=config)
        try:
            client.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            client.create_bucket(Bucket=name)
    except (BotoCoreError, ClientError, ValueError) as error:
        fail(f"S3_BUCKET {name!r} at S3_ENDPOINT {endpoint!r} cannot be used: {error}")
    return client, name


def keys(client: Any, bucket: str) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", ()):
            yield item["Key"]


def dump(client: Any, bucket: str, target: IO[bytes]) -> None:
    """Every object as a member of a tar stream; its name is the key."""
    with tarfile.open(fileobj=target, mode="w|") as archive:
        for key in keys(client, bucket):
            found = client.get_object(Bucket=bucket, Key=key)
            member = tarfile.TarInfo(key)
            member.size, member.mtime = found["ContentLength"], found["LastModified"].timestamp()
            archive.addfile(member, found["Body"])


def load(client: Any, bucket: str, source: IO[bytes], *, replace: bool = False) -> None:
    """Put every member of the stream; with `replace`, objects that it does not hold are deleted after."""
    kept = set()
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                client.upload_fileobj(_OneWay(content), bucket, member.name)
                kept.add(member.name)
    if replace:
        for key in [key for key in keys(client, bucket) if key not in kept]:
            client.delete_object(Bucket=bucket, Key=key)


class _OneWay:
    """A member of a stream claims that it can go back, which it cannot; boto3 asks."""

    def __init__(self, content: IO[bytes]) -> None:
        self.read = content.read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["dump", "load", "replace", "count", "version"])
    parser.add_argument("--env-file", type=Path)
    given = parser.parse_args()
    if given.what == "version":
        print(version("mlflow"))
        return
    client, bucket = open_bucket(settings(NEEDED, given.env_file))
    if given.what == "count":
        print(sum(1 for _ in keys(client, bucket)))
    elif given.what == "dump":
        dump(client, bucket, sys.stdout.buffer)
    else:
        load(client, bucket, sys.stdin.buffer, replace=given.what == "replace")


if __name__ == "__main__":
    main()
