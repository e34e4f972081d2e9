"""Every error that a user can meet: what happened, to which model, what to run next.

One class for each kind of failure, so that callers can tell them apart and tests can compare
message, hint and exit code together. Messages are sentences without a traceback; the hint is data
(the command to run next), printed on a line of its own.

    GitmodelError                     exit 1
      UsageError                      exit 2   wrong use of a command
      GateError                       exit 3   a gate refused
      TextError                       a YAML file that is not in the accepted subset
        ConfigError                   .gitmodel.yaml says something that cannot be accepted
        PointerError                  a pointer that does not parse
          MixedPointerError           its check line does not match: merged or edited by hand
      ModelNameError                    a model name outside the grammar, or used twice
      UnsafePathError                 a path that leaves its folder or that a file system misreads
        UnsafeNameError               so is a file called in a folder of weights
      UnknownReferenceError           nothing is called that (the hint names the nearest)
      RepositoryError                 no repository, no commit, Git refuses
        NotSetUpError                 no .gitmodel.yaml yet
        GitCommandError               a git program ended with an error
      WeightsError                    weights on disk: missing, changing, not saved anywhere
        ChangedWhileReadError         the file changed while it was hashed
        UnsavedWeightsError           they would be overwritten and are in no store
      VersionTakenError               a version number that other content owns
      StaleWeightsError               file, have and pointer all differ
      StoreError                      the content store, local or remote
        ObjectMissingError            an object is not there
        DamagedObjectError            an object does not match its name
        NewerFormatError              written by a newer gitmodel
        NoSpaceError                  no space left
        FileSystemError               a file system may not be used, or does not work
      OutOfMemoryError                the machine has no memory for this
      RemoteError                     a remote as a whole
        RemoteUnreachableError        no answer, or only failures, after all retries
        RemoteDeniedError             wrong or missing credentials, or no permission
        RemoteMissingError            no such bucket, container or folder
        UntrustedRemoteError          the person has not said yes to this address
        WeakRemoteError               it lets two creates of one object both pass
"""

from __future__ import annotations

from typing import ClassVar


class GitmodelError(Exception):
    """Base of all errors shown to a user.

    Args:
        message: One sentence: what happened.
        hint: The command to run next, or the one thing to do, without a full stop.
        model: Name of the model that this is about, if it is about one.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.model = model

    def __str__(self) -> str:
        if self.model is not None and not self.message.startswith(f"{self.model}:"):
            return f"{self.model}: {self.message}"
        return self.message

    def about(self, model: str) -> GitmodelError:
        """Name the model that this error is about, if none is named yet; returns itself."""
        if self.model is None:
            self.model = model
        return self


class GitmodelWarning(UserWarning):
    """A warning of a call from Python: the call succeeded, and there is something to know about it."""


class UsageError(GitmodelError):
    """A command was called in a way that it does not know."""

    exit_code = 2


class GateError(GitmodelError):
    """A gate refused a version."""

    exit_code = 3


class TextError(GitmodelError):
    """A YAML file is not in the accepted subset of YAML."""


class ConfigError(TextError):
    """`.gitmodel.yaml` or `git config gitmodel.*` says something that cannot be accepted."""


class PointerError(TextError):
    """A pointer does not parse."""


class MixedPointerError(PointerError):
    """The check line of a pointer does not match the rest: merged or edited by hand."""


class ModelNameError(GitmodelError):
    """A model name or alias is outside the grammar, or one name stands for two models."""


class UnsafePathError(GitmodelError):
    """A path leaves its folder, or would mean different things on different file systems."""


class UnsafeNameError(UnsafePathError):
    """A file in a folder of weights has a name that not every system can have."""


class UnknownReferenceError(GitmodelError):
    """Nothing is called that."""


class RepositoryError(GitmodelError):
    """There is no repository, no commit yet, or Git refuses."""


class NotSetUpError(RepositoryError):
    """The repository has no `.gitmodel.yaml` yet."""


class GitCommandError(RepositoryError):
    """A git program ended with an error."""


class WeightsError(GitmodelError):
    """The weights on disk are missing or cannot be used."""


class ChangedWhileReadError(WeightsError):
    """A file changed while it was hashed."""


class UnsavedWeightsError(WeightsError):
    """Weights that are in no store would be overwritten."""


class VersionTakenError(GitmodelError):
    """A version number is owned by other content."""


class StaleWeightsError(GitmodelError):
    """File, have and pointer all differ: a person has to choose."""


class StoreError(GitmodelError):
    """The content store, local or remote."""


class ObjectMissingError(StoreError):
    """An object is not in the store."""


class DamagedObjectError(StoreError):
    """An object does not match its name."""


class NewerFormatError(StoreError):
    """The store, or an object in it, was written by a newer gitmodel."""


class NoSpaceError(StoreError):
    """There is no space left where something must be written."""


class FileSystemError(StoreError):
    """A file system may not be used, or does not work."""


class OutOfMemoryError(GitmodelError):
    """The machine has no memory for this."""


class RemoteError(GitmodelError):
    """A remote as a whole."""


class RemoteUnreachableError(RemoteError):
    """A remote gave no answer, or only failures, after all retries."""


class RemoteDeniedError(RemoteError):
    """A remote refused the credentials, or the permission is missing."""


class RemoteMissingError(RemoteError):
    """The bucket, container or folder does not exist."""


class UntrustedRemoteError(RemoteError):
    """The person has not said yes to this address in this clone."""


class WeakRemoteError(RemoteError):
    """A remote lets two creates of one object both pass."""
