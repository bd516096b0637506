"""What a training would take, and which bases there are, before anything is trained."""

from pathlib import Path

from imprint import planning
from imprint.api.sources import Documents, reading, settings_of
from imprint.machine import Machine, machine_named, this_machine
from imprint.planning import Candidate, Plan


def estimate_training_time(
    base: str | Path = "auto", documents: Documents = "documents", *settings: str, machine: str | None = None
) -> Plan:
    """Plan a build, and train nothing: `.seconds` of all stages, `.costs` of each, `.choices` with their reasons.

    `machine` is one that is not here, such as "RTX 4060 8GB"; None is this one. The dataset is made in a temporary
    folder, to know its size. Raises InputError for a machine that is not known, and as `prepare_dataset` does.
    """
    with reading(documents, *settings, base=base) as config:
        return planning.plan(config, lambda event: None, machine=None if machine is None else machine_named(machine))


def get_available_models(machine: str | None = None) -> list[Candidate]:
    """Every base that has a name, and whether a training from it fits this machine, or one such as "RTX 4060 8GB".

    Raises InputError for a machine that is not known.
    """
    on: Machine = this_machine() if machine is None else machine_named(machine)
    return planning.candidates(settings_of(), on)
