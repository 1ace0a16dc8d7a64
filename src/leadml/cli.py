"""The command line: the first word picks the stage, the rest goes to Hydra.

Exit codes: 0 done, 2 configuration or usage, 3 input data, 4 model or registry, 5 a gate said no, 75 busy (try later),
130 interrupted.
A user's mistake is one line on stderr, without a traceback; anything else is our defect and keeps its traceback.
"""

import gc
import os
import re
import sys
from difflib import get_close_matches
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from leadml import __version__
from leadml.errors import ConfigurationError, LeadmlError
from leadml.stages import STAGES

LOOKING = ("sources", "inspect")  # they only look: no workspace is made or locked, no manifest written
NOT_SWEPT = (*LOOKING, "run", "demo", "audit", "explain", "predict", "promote", "rollback")
OWN_KEYS = (
    "model.monotone",
    "fairness.bands",
    "features.own",
    "features.content",
    "features.zones",
    "engine.spark.conf",
)
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def overview() -> str:
    """What `leadml` alone prints: the stages in the order they are used, with what each reads and writes."""
    rows = [("stage", "what it does", "reads", "writes")] + [(s.name, s.what, s.reads, s.writes) for s in STAGES]
    widths = [max(len(r[i]) for r in rows) for i in range(4)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip() for r in rows]
    return "\n".join(
        [
            f"leadml {__version__}: predictive lead scoring from plain exports",
            "",
            "usage: leadml STAGE [setting=value ...]      e.g. leadml run paths.root=work seed=7",
            "       leadml STAGE --help | --cfg job       what can be set, and what is set",
            "",
            *lines,
            "",
            "exit codes: 0 done, 2 configuration or usage, 3 input data, 4 model or registry,",
            "            5 a gate said no, 75 busy (try later), 130 interrupted",
        ]
    )


def conf_dir() -> Path:
    """The folder of configuration files: the checkout's own, else the one that the wheel carries."""
    here = Path(__file__).resolve().parent
    for folder in (here.parents[1] / "conf", here / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigurationError(f"no conf/ folder beside the package in {here}; install leadml again")


def check_stage(word: str) -> str:
    """Returns the stage or raises `ConfigurationError` with the nearest one."""
    names = [s.name for s in STAGES]
    if word in names:
        return word
    near = get_close_matches(word, names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ConfigurationError(f"unknown stage {word!r}; {hint}stages: {', '.join(names)}")


def for_hydra(stage: str, arguments: list[str]) -> list[str]:
    """The arguments as Hydra reads them.

    `leadml inspect PATH` becomes the setting that it is, versions the texts that they are, and settings with keys of
    one's own (``model.monotone={employees: 1}``) need no ``+`` before them.
    """
    arguments = [re.sub(rf"^(?=({'|'.join(map(re.escape, OWN_KEYS))})[.=])", "++", word) for word in arguments]
    if stage == "rollback":  # Hydra would read 1234e5678901 as a number
        return [re.sub(r"^(rollback\.to=)([0-9a-f]*\d[0-9a-f]*)$", r"\1'\2'", word) for word in arguments]
    if stage != "inspect" or not arguments:
        return arguments
    first, rest = arguments[0], arguments[1:]
    setting = re.match(r"[+~]*[\w./@-]+=", first) and "://" not in first.partition("=")[0] and not Path(first).exists()
    if first.startswith("-") or setting:
        return arguments
    quoted = first.replace("\\", "\\\\").replace("'", "\\'")
    return [f"inspect.path='{quoted}'", *rest]


def run_stage(stage: str, arguments: list[str]) -> None:
    """Composes the configuration with Hydra and runs the stage; lets every error through."""
    if stage in NOT_SWEPT and {"-m", "--multirun"} & set(arguments):
        raise ConfigurationError(f"{stage} cannot be swept (-m): its jobs would overwrite each other; sweep train")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its own report and exits 1
    import hydra
    from omegaconf import DictConfig

    from leadml.config import register_schema, to_config

    # Expressions are millions of small objects: looking for garbage less often saves a tenth of a short command's time.
    gc.set_threshold(50_000, 20, 50)
    register_schema()
    refused: list[LeadmlError] = []
    begun: list[bool] = []

    def job(composed: DictConfig) -> None:
        begun.append(True)
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        sweep = HydraConfig.get().mode == RunMode.MULTIRUN
        try:
            if stage in LOOKING:
                import_module(f"leadml.stages.{stage}").run(to_config(composed))
            else:
                from leadml.stages.execute import execute  # not before it is needed: it imports the learning libraries

                execute(stage, to_config(composed), sweep=sweep)
        except LeadmlError as error:  # raised below: Hydra would write a line of its own to stderr before ours
            told = f"job {' '.join(HydraConfig.get().overrides.task)}: {error}"
            refused.append(type(error)(told) if sweep else error)

    sys.argv = [f"leadml {stage}", *arguments]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=stage)(job)()
    except OSError as error:
        if begun or isinstance(error, BrokenPipeError):
            raise
        raise ConfigurationError(f"the folder for this run cannot be made ({error}): set paths.root=DIR") from error
    except Exception as error:
        why = None if begun or isinstance(error, LeadmlError) else why_not_composed(error, arguments)
        if why is None:
            raise
        raise ConfigurationError(why) from error
    for one in refused[:-1]:  # of a sweep, whose other jobs went on
        print(f"leadml {stage}: {one_line(one)}", file=sys.stderr)
    if refused:
        raise refused[-1]


def why_not_composed(error: Exception, arguments: list[str]) -> str | None:
    """What is wrong with the files that the arguments name, None where Hydra's own words have to do."""
    from leadml.catalogue import why_refused

    words = [word for argument in arguments for word in argument.split("=", 1)]
    own = [Path(b) for a, b in pairwise(words) if a in ("--config-dir", "-cd")]
    sources = [b for a, b in pairwise(words) if a == "source"]
    return why_refused(error, re.findall(r"\w+", sources[-1]) if sources else [], own, conf_dir())


def one_line(error: Exception) -> str:
    """The error's message, with its cause where Hydra hides it there, without line breaks."""
    word = getattr(error, "override", None)  # of Hydra's OverrideParseException, whose own text is a parser's
    if word is not None:
        return f"cannot read {word!r} as a setting: write name=value, and quote what holds blanks (name='\"a b\"')"
    cause = error.__cause__
    hidden = cause is not None and not isinstance(error, LeadmlError) and str(cause) not in str(error)
    return " ".join((f"{error}: {cause}" if hidden else str(error)).split())


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `leadml`; always ends in `SystemExit` with a documented code, or with a traceback if we erred."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        raise SystemExit(0)
    if words[0] == "--version":
        print(__version__)
        raise SystemExit(0)
    try:
        run_stage(check_stage(words[0]), for_hydra(words[0], words[1:]))
        sys.stdout.flush()
    except LeadmlError as error:
        fail(words[0], one_line(error), error.exit_code)
    except BrokenPipeError:  # whoever read the output has gone: leadml train --help | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(INTERRUPTED) from None
    except KeyboardInterrupt:
        fail(words[0], "interrupted; what was finished before is kept", INTERRUPTED)
    except Exception as error:
        if not is_configuration(error):
            raise
        fail(words[0], one_line(error), ConfigurationError.exit_code)
    raise SystemExit(0)


def is_configuration(error: Exception) -> bool:
    """True for what Hydra and OmegaConf raise about a user's settings."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    return isinstance(error, (HydraException, OmegaConfBaseException))


def fail(stage: str, message: str, code: int) -> None:
    """One line on stderr, then the exit code."""
    print(f"leadml {stage}: {message}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
