"""Where the files that xref ships beside its code are: schemas, policies and adapters.

An installed wheel carries them in `xref/data`; in a checkout they are the repository's own
top-level folders, so that an edit takes effect without installing again.
"""

from pathlib import Path
from typing import Final

from xref.errors import ConfigError

DATA_FOLDERS: Final = ("schemas", "policies", "adapters")

_PACKAGE: Final = Path(__file__).resolve().parent


def data_folder(name: str, package: Path = _PACKAGE) -> Path:
    """Return the folder of shipped `schemas`, `policies` or `adapters`.

    `package` is the folder that holds xref's modules. Raises `ConfigError` where the folder is
    missing. Whether what lies in it is whole or authentic is not checked here: bundles are signed.
    """
    if name not in DATA_FOLDERS:
        msg = f"xref ships no folder of that name; it ships {', '.join(DATA_FOLDERS)}"
        raise RuntimeError(msg)
    for candidate in (package / "data" / name, package.parents[1] / name):
        if candidate.is_dir():
            return candidate
    raise ConfigError(
        f"the folder {name}/ that xref ships is missing: install xref again from its wheel, "
        f"or run it from a whole checkout (git restore {name})"
    )
