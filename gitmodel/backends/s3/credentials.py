"""Whose credentials a request to S3 is signed with, as far as variables and files tell.

Nothing is imported for it, since each request may have to be explained, and few are.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from gitmodel.backends.s3.static_credentials import config_file, profile_options

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_TO_BE_FOUND = "aws configure, or git config gitmodel.profile NAME for another profile"
_DEEPEST = 5  # roles that assume roles


class LoginError(Exception):
    """No credentials: what happened is its cause."""


class Person:
    """Whose credentials are looked for.

    Args:
        profile: The person's own choice, which wins over variables with keys; or None.
        environment: Variables of the process.
    """

    def __init__(self, profile: str | None, environment: Mapping[str, str]) -> None:
        chosen = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
        self.profile = profile or chosen or "default"
        self._environment = environment
        self._has_keys = profile is None and bool(environment.get("AWS_ACCESS_KEY_ID"))

    def log_in_again(self) -> str:
        """What gives this person credentials, as far as the files tell."""
        if self._has_keys:
            return "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew"
        name, options = self._source()
        option = "" if name == "default" else f" --profile {shlex.quote(name)}"
        if "sso_session" in options or "sso_start_url" in options:
            return f"aws sso login{option}"
        if "credential_process" in options:
            return (
                f"sign in to what {program_of(options)} asks, the credential_process of the profile "
                f"{name}; then see: aws sts get-caller-identity{option}"
            )
        if "aws_session_token" in options:
            return f"write new keys and a new token for the profile {name} into ~/.aws/credentials"
        return f"aws configure{option}" if options else NOT_TO_BE_FOUND

    def correct(self) -> str:
        """Where the profile is written down."""
        return f"correct the profile {self.profile} in {config_file(self._environment)}"

    def who_am_i(self) -> str:
        """The command that shows whose credentials are used."""
        if self._has_keys or self.profile == "default":
            return "aws sts get-caller-identity"
        return f"aws sts get-caller-identity --profile {shlex.quote(self.profile)}"

    def process(self) -> str:
        """The program that is asked for credentials, for messages."""
        return program_of(self._source()[1])

    def _source(self) -> tuple[str, Mapping[str, str]]:
        """The profile at the beginning of a chain of roles, and its options."""
        name = self.profile
        options = profile_options(name, self._environment)
        for _ in range(_DEEPEST):
            following = options.get("source_profile")
            if not following or following == name:
                break
            name, options = following, profile_options(following, self._environment)
        return name, options


def program_of(options: Mapping[str, str]) -> str:
    """The program of a `credential_process`, without its arguments, which may hold a secret."""
    words = options.get("credential_process", "").split()
    return os.path.basename(words[0]) if words else "the program"
