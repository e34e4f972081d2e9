"""All errors shown to users: what happened, to which model, and the command to run next.

Each kind of failure has a class, so that callers can distinguish them and tests can compare message, hint
and exit code together. A message is a sentence without a traceback. The hint is the command to run next, and
is printed on a line of its own.

    GitmodelError                     exit 1
      UsageError                      exit 2   usage error
        QueryError            exit 2  an expression of `list --where` that does not parse
      GateError                       exit 3   a gate failed
      PolicyError                     new weights that the repository's policy refuses
      TextError                       a YAML file outside the supported subset
        ConfigError                   .gitmodel.yaml or a git config value is not valid
          GateConfigError     exit 2  gates or better in .gitmodel.yaml are not valid
        PointerError                  a pointer that does not parse
          MixedPointerError           its check line does not match: merged or edited by hand
        AliasError                    a file of an alias or of deprecated versions that does not parse
          MixedAliasError             its check line does not match: merged or edited by hand
      ModelNameError                    a model name that is not valid, or used twice
      UnsafePathError                 a path outside its folder, or unsafe on some system
        UnsafeNameError               an unsafe file name in a folder of weights
      UnknownReferenceError           an unknown name (the hint suggests similar ones)
      RepositoryError                 no repository, no commit, or Git refuses
        NotSetUpError                 no .gitmodel.yaml yet
        GitCommandError               a git process failed
      WeightsError                    weights on disk: missing, changing or not stored
        ChangedWhileReadError         the file changed while it was hashed
        UnsavedWeightsError           weights that are in no store would be overwritten
      VersionTakenError               other content owns the version number
      StaleWeightsError               file, have and pointer all differ
      StoreError                      the content store, local or remote
        ObjectMissingError            an object is missing
        DamagedObjectError            an object does not match its name
        NewerFormatError              written by a newer gitmodel
        NoSpaceError                  no space left
        FileSystemError               a file system is not permitted, or does not work
      OutOfMemoryError                not enough memory
      RemoteError                     a remote as a whole
        RemoteUnreachableError        no answer, or only failures, after all retries
        RemoteDeniedError             wrong or missing credentials, or no permission
        RemoteMissingError            no such bucket, container or folder
        UntrustedRemoteError          the address is not trusted in this clone
        WeakRemoteError               two creates of the same object both succeed
      TrackerError                    a run that cannot be read from its tracker or file
        NoSuchRunError                the tracker does not have the run
"""

from __future__ import annotations

from typing import ClassVar


class GitmodelError(Exception):
    """Base of all errors shown to users.

    Args:
        message: What happened, in one sentence.
        hint: The command to run next, or the action that helps, without a full stop.
        model: Name of the model concerned, if any.
    """

    exit_code: ClassVar[int] = 1
    excerpt: tuple[str, ...] = ()  # lines of what was typed, to print below the message

    def __init__(self, message: str, *, hint: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.model = model

    def __str__(self) -> str:
        if self.model is not None and not self.message.startswith(
            (f"{self.model}:", f"{self.model}@", f"{self.model} ")
        ):
            return f"{self.model}: {self.message}"
        return self.message

    def about(self, model: str) -> GitmodelError:
        """Set the model concerned, unless it is set; returns this error."""
        if self.model is None:
            self.model = model
        return self


class GitmodelWarning(UserWarning):
    """A warning of a call from Python: the call succeeded, and there is something to know about it."""


class UsageError(GitmodelError):
    """A command was used in a wrong way."""

    exit_code = 2


class QueryError(UsageError):
    """An expression of `list --where`, or a key of `--sort`, does not parse.

    `excerpt` has the part of it around the mistake, and a line with a caret below the place.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, excerpt: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.excerpt = excerpt


class GateError(GitmodelError):
    """A version did not pass a gate."""

    exit_code = 3


class PolicyError(GitmodelError):
    """The policy of the repository refuses new weights, for code that they may run or for their license."""


class TextError(GitmodelError):
    """A YAML file is outside the supported subset of YAML."""


class ConfigError(TextError):
    """`.gitmodel.yaml` or `git config gitmodel.*` has a value that is not valid."""


class GateConfigError(ConfigError):
    """`gates` or `better` in `.gitmodel.yaml` has a value that is not valid."""

    exit_code = 2


class PointerError(TextError):
    """A pointer does not parse."""


class MixedPointerError(PointerError):
    """The check line of a pointer does not match the rest: merged or edited by hand."""


class AliasError(TextError):
    """A file of an alias, or of deprecated versions, does not parse."""


class MixedAliasError(AliasError):
    """The check line of an alias does not match the rest: merged or edited by hand."""


class ModelNameError(GitmodelError):
    """A model name or alias is not valid, or two models have the same name."""


class UnsafePathError(GitmodelError):
    """A path leads out of its folder, or names different files on different systems."""


class UnsafeNameError(UnsafePathError):
    """A file in a folder of weights has a name that is not valid on every system."""


class UnknownReferenceError(GitmodelError):
    """No model, version, alias or remote has that name."""


class RepositoryError(GitmodelError):
    """There is no repository, no commit yet, or Git refuses."""


class NotSetUpError(RepositoryError):
    """The repository has no `.gitmodel.yaml` yet."""


class GitCommandError(RepositoryError):
    """A git process failed."""


class WeightsError(GitmodelError):
    """The weights on disk are missing or cannot be used."""


class ChangedWhileReadError(WeightsError):
    """A file changed while it was hashed."""


class UnsavedWeightsError(WeightsError):
    """Weights that are in no store would be overwritten."""


class VersionTakenError(GitmodelError):
    """Other content owns the version number."""


class StaleWeightsError(GitmodelError):
    """Weights, have and pointer all differ, so the user must choose."""


class StoreError(GitmodelError):
    """The content store, local or remote."""


class ObjectMissingError(StoreError):
    """An object is not in the store."""


class DamagedObjectError(StoreError):
    """An object does not match its name."""


class NewerFormatError(StoreError):
    """The store, or an object in it, was written by a newer gitmodel."""


class NoSpaceError(StoreError):
    """There is no space left on the device."""


class FileSystemError(StoreError):
    """A file system is not permitted, or does not work."""


class OutOfMemoryError(GitmodelError):
    """The machine does not have enough memory."""


class RemoteError(GitmodelError):
    """A remote cannot be used."""


class RemoteUnreachableError(RemoteError):
    """A remote gave no answer, or only failures, after all retries."""


class RemoteDeniedError(RemoteError):
    """A remote refused the credentials, or the permission is missing."""


class RemoteMissingError(RemoteError):
    """The bucket, container or folder does not exist."""


class UntrustedRemoteError(RemoteError):
    """The address is not trusted in this clone."""


class WeakRemoteError(RemoteError):
    """A remote lets two creates of the same object both succeed."""


class TrackerError(GitmodelError):
    """A run cannot be read from its tracker or file."""


class NoSuchRunError(TrackerError):
    """The tracker does not have the run."""
