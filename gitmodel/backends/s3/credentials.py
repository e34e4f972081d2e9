"""The source of the credentials for S3, from variables and files, for hints in error messages.

Nothing is imported before a hint is needed.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from gitmodel.backends.s3.static_credentials import config_file, profile_options

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIGURE_HINT = "aws configure, or git config gitmodel.profile NAME for another profile"
_MAX_ROLES = 5  # in a chain of roles


class CredentialsError(Exception):
    """There are no credentials; the cause is the original error."""


class CredentialSource:
    """The variables or the profile with the credentials of a request.

    A profile from the settings of the clone wins over variables with keys.
    """

    def __init__(self, profile: str | None, environment: Mapping[str, str]) -> None:
        chosen = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
        self.profile = profile or chosen or "default"
        self._environment = environment
        self._has_keys = profile is None and bool(environment.get("AWS_ACCESS_KEY_ID"))

    def login_hint(self) -> str:
        """How to get new credentials."""
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
        return f"aws configure{option}" if options else CONFIGURE_HINT

    def profile_hint(self) -> str:
        """How to correct the profile."""
        return f"correct the profile {self.profile} in {config_file(self._environment)}"

    def identity_command(self) -> str:
        """The command that shows the identity of the credentials."""
        if self._has_keys or self.profile == "default":
            return "aws sts get-caller-identity"
        return f"aws sts get-caller-identity --profile {shlex.quote(self.profile)}"

    def process_name(self) -> str:
        """The name of the credential_process, for messages."""
        return program_of(self._source()[1])

    def _source(self) -> tuple[str, Mapping[str, str]]:
        """The profile at the start of a chain of roles, and its options."""
        name = self.profile
        options = profile_options(name, self._environment)
        for _ in range(_MAX_ROLES):
            following = options.get("source_profile")
            if not following or following == name:
                break
            name, options = following, profile_options(following, self._environment)
        return name, options


def program_of(options: Mapping[str, str]) -> str:
    """The program of a `credential_process`, without its arguments, which may hold a secret."""
    words = options.get("credential_process", "").split()
    return os.path.basename(words[0]) if words else "the program"
