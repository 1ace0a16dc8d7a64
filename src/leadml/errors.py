"""The few families of failure; each knows the exit code that `leadml` ends with.

Every message is one line for the person who reads it: what is wrong, where, how many, and the way out.
"""


class LeadmlError(Exception):
    """Anything that leadml refuses to do; the base of the families below."""

    exit_code = 1


class ConfigurationError(LeadmlError):
    """A setting or a command that cannot be used (exit 2)."""

    exit_code = 2


class DataError(LeadmlError):
    """Input data that is missing, broken or too little (exit 3)."""

    exit_code = 3


class ArtifactError(LeadmlError):
    """A model, a decision or the registry is missing, broken or does not fit the data (exit 4)."""

    exit_code = 4


class GateError(LeadmlError):
    """A gate said no: the evidence does not allow what was asked (exit 5)."""

    exit_code = 5


class BusyError(LeadmlError):
    """Another run holds the workspace; try later (exit 75, EX_TEMPFAIL of sysexits.h)."""

    exit_code = 75
