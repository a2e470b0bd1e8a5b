"""`ridge run` and `ridge check`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.config_option import add_config_option, load_config

if TYPE_CHECKING:
    from appliance.box.config import Config
    from appliance.models_choice import Choice

SAMPLE = Path(__file__).with_name("sample.toml")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this room."""
    run = commands.add_parser("run", help="run the appliance, all processes")
    add_config_option(run)
    run.set_defaults(run=_run)
    check = commands.add_parser("check", help="validate a configuration; errors name the key and the remedy")
    what = check.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", help="the configuration to validate")
    what.add_argument("--sample", action="store_true", help="print a commented sample for a site instead")
    check.add_argument("--words", action="store_true", help="list how each of speech.words is heard")
    check.set_defaults(run=_check)


def _run(options: argparse.Namespace) -> int:
    from appliance.box import supervisor
    from appliance.box.runtime_directory import RuntimeDirectoryError
    from appliance.cli import CommandError

    try:
        return supervisor.run(load_config(options.config), options.config)
    except RuntimeDirectoryError as error:
        raise CommandError(str(error)) from error


def _check(options: argparse.Namespace) -> int:
    if options.sample:
        sys.stdout.write(SAMPLE.read_text(encoding="utf-8"))
        return 0
    from appliance.box.policies import describe_policies, never_matching

    config = load_config(options.file)
    strategies = _strategies(options.file, config)
    siprec, feed = config.siprec, config.feed
    recognizer = _recognizer(options.file, config)
    names = _names(options.file, config, recognizer.name)
    print(f"{options.file}: valid")
    if siprec.enabled:
        print(
            f"  SIPREC  {siprec.bind} UDP {siprec.udp_port} TCP {siprec.tcp_port}, "
            f"at most {siprec.max_calls} calls"
        )
    else:
        print("  SIPREC  off")
    print(f"  feed    {feed.bind} ports {feed.publish_port} (profiles) and {feed.control_port} (requests)")
    print(f"  console {_console(options.file, config)}")
    print(f"  speech  {recognizer}, in {config.engine.processes} process(es)")
    if names:
        print(f"  words   {len(names)} names of the site")
    if options.words:
        for name in names:
            print(f"          {name}")
    if strategies is not None:
        print(f"  advice  {strategies} strategies of the site")
    for line in describe_policies(config.policies()):
        print(f"  policy  {line}")
    for warning in never_matching(config.policy, config.roles, siprec.gateways):
        print(f"  warning {warning}")
    print(f"  voice   {', '.join(_voice_models(config))}")
    return 0


def _console(path: Path, config: Config) -> str:
    """Where the console is served.

    Raises:
        CommandError: the site's own certificate cannot be used.
    """
    from appliance.cli import CommandError
    from appliance.console.certificate import CertificateError, site_certificate

    try:
        own = site_certificate(config)
    except CertificateError as error:
        raise CommandError(f"{path}: {error}") from error
    if not config.console.enabled:
        return "off"
    whose = f"the site's certificate (until {own.until:%Y-%m-%d})" if own else "the box's own certificate"
    return f"https://{config.console.bind}:{config.console.port} with {whose}"


def _strategies(path: Path, config: Config) -> int | None:
    """How many strategies the site's catalogue has; None where it has none of its own.

    Raises:
        CommandError: the catalogue cannot be used.
    """
    from appliance.cli import CommandError
    from appliance.profile.catalogue import Catalogue, CatalogueError

    if config.advice.catalogue is None:
        return None
    try:
        return len(Catalogue.load(config.advice.catalogue).strategies)
    except CatalogueError as error:
        raise CommandError(f"{path}: advice.catalogue: the catalogue cannot be used\n{error}") from error


def _recognizer(path: Path, config: Config) -> Choice:
    """Which recognizer will run, and why it is this one.

    Raises:
        CommandError: none can.
    """
    from appliance.cli import CommandError
    from appliance.models import ModelError, ModelStore
    from appliance.models_choice import choose_recognizer

    store = ModelStore.configured(config)
    try:
        choice = choose_recognizer(store, config.speech.model)
        store.refuse_forbidden(store.entry(choice.name))
        problems = store.problems(choice.name)
    except ModelError as error:
        problems = [str(error)]
    if problems:
        lines = "\n".join(f"{path}: speech.model: {problem}" for problem in problems)
        raise CommandError(f"recognition could not start\n{lines}")
    return choice


def _names(path: Path, config: Config, recognizer: str) -> list[str]:
    """The site's names as the recognizer listens for them.

    Raises:
        CommandError: some would be left out, or the recognizer's tokens cannot be read.
    """
    from appliance.box.words_check import NamesError, checked_names
    from appliance.cli import CommandError
    from appliance.models import ModelError, ModelStore

    try:
        return checked_names(config.speech.words, ModelStore.configured(config), recognizer)
    except NamesError as error:
        lines = "\n".join(f"{path}: {problem}" for problem in error.problems)
        raise CommandError(f"{error}\n{lines}") from error
    except ModelError as error:
        raise CommandError(f"{path}: speech.model: {error}") from error


def _voice_models(config: Config) -> list[str]:
    """The models that would measure the customer's voice, with the word on those for research only."""
    from appliance.affect.models import chosen_models
    from appliance.cli import CommandError
    from appliance.models import ModelError, ModelStore

    emotion = any(policy.emotion for policy in config.policies())
    try:
        entries = chosen_models(ModelStore.configured(config), emotion=emotion)
    except ModelError as error:
        raise CommandError(str(error)) from error
    names = [f"{entry.name}{' (for research only)' if entry.research_only else ''}" for entry in entries]
    kinds = {entry.kind for entry in entries}
    if "prosody" not in kinds:
        names.append("autocorrelation tracker")
    if emotion and "emotion" not in kinds:
        names.append("no emotion: models.allow_research_only is false")
    return names
