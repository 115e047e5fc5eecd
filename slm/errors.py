"""Mistakes that a user can mend, each told as what, which value, and the remedy.

    SlmError
    ├── ConfigError        settings that do not fit together
    ├── DataError          text or tokens that cannot be used as asked
    ├── TokenizerError     a vocabulary that the text does not allow
    ├── CheckpointError    damaged or foreign weights
    ├── WorkspaceError     names, ids, locks, disks
    │   └── DiskFullError  no room for what is to be saved
    ├── JobError           work that cannot be started or stopped
    ├── RightsError        a change of what belongs to somebody else
    ├── LimitError         more than one person may take of a shared machine
    ├── DivergedError      training that ran into numbers that are not finite
    ├── NoMemoryError      work that does not fit into the memory of this machine
    └── HubError           the Hub is out of reach, or has no such thing

Anything else that is raised is a bug in this project and is left to crash.
"""


class SlmError(Exception):
    """A mistake that the user can mend. Its text is shown as it stands."""


class ConfigError(SlmError):
    """Settings that are out of bounds or do not fit together."""


class DataError(SlmError):
    """Text or tokens that cannot be used as asked."""


class TokenizerError(SlmError):
    """A tokenizer that cannot be trained, loaded or used as asked."""


class CheckpointError(SlmError):
    """Weights that are damaged, incomplete, or of another model."""


class WorkspaceError(SlmError):
    """A name, an id, a lock or a disk that does not allow what was asked."""


class DiskFullError(WorkspaceError):
    """There is no room on the disk for what is to be saved; with room, the work can go on."""


class JobError(SlmError):
    """Work that cannot be started or stopped."""


class RightsError(SlmError):
    """A change of what belongs to somebody else, or a door that is closed to who asks."""


class LimitError(SlmError):
    """More than one person may take of a machine that many share."""


class DivergedError(SlmError):
    """Training met a loss or a gradient that is not finite."""


class NoMemoryError(SlmError):
    """Work that does not fit into the memory of this machine or of its GPU."""


class HubError(SlmError):
    """The Hub is out of reach, or has nothing under that name."""
