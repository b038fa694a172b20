"""What each command does: calls the operation, prints its outcome. Human output is in `screen`."""

import logging
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from xref import bundle as bundles
from xref import operations, screen, terminal
from xref.as_json import write_json
from xref.audit_folders import audit_folders
from xref.desk.adapter import Adapter
from xref.desk.duties import obligations_of
from xref.errors import ConfigError
from xref.journey import case_journey
from xref.running import Stop, now_ms
from xref.story import (
    alerts_of,
    held_records,
    received_messages,
    rule_as_json,
    sent_messages,
)
from xref.submitting import FormReader, submit_form
from xref.watching import Watch, run_watch
from xref.wiring import DeskOffice, run_desk_at, run_hop_at, run_witness_at, watched_folder


def _log_to_stderr() -> None:
    """Log JSON lines: event, codes and counts. Tracebacks are never rendered: they hold values."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def demo(options: Namespace) -> int:
    """Play the demonstration."""
    from xref.demo import kafka_of, run_demo  # noqa: PLC0415 - keeps the other commands quick

    corridor = options.corridor
    kafka = kafka_of(options.servers, corridor) if options.transport == "kafka" else None
    return run_demo(options.data, options.case, corridor, kafka=kafka, as_json=options.json)


def _stop(options: Namespace) -> Stop:
    stop = Stop().on_signals()
    return stop.at_end_of(sys.stdin.fileno()) if options.until_stdin_ends else stop


def hop_run(options: Namespace) -> int:
    """Run a hop."""
    _log_to_stderr()
    run_hop_at(options.config, _stop(options))
    return 0


def desk_run(options: Namespace) -> int:
    """Run a desk."""
    _log_to_stderr()
    run_desk_at(options.config, _stop(options))
    return 0


def witness_run(options: Namespace) -> int:
    """Run a witness."""
    _log_to_stderr()
    run_witness_at(options.config, _stop(options))
    return 0


def desk_submit(options: Namespace) -> int:
    """Submit a form; exit code 1 if any record has a problem."""
    with terminal.progress_bar() as progress:
        done = submit_form(DeskOffice(options.config), options.file, options.by, progress)
    if options.json:
        problems = [asdict(each) for each in done.problems]
        doubts = [asdict(each) for each in done.doubts]
        write_json({"accepted": done.accepted, "problems": problems, "doubts": doubts})
    else:
        for problem in done.problems:
            sys.stderr.write(f"{problem}\n")
        for doubt in done.doubts:
            sys.stderr.write(f"please look: {doubt}\n")
        noun = "record" if done.accepted == 1 else "records"
        sys.stdout.write(f"{done.accepted} {noun} handed to the desk\n")
    return 1 if done.problems else 0


def desk_watch(options: Namespace) -> int:
    """Watch the office's folder."""
    _log_to_stderr()
    office = DeskOffice(options.config)
    with office.spool() as spool:
        reader = FormReader.of(office)
        watch = Watch(watched_folder(office), reader, spool, office.config.archive_days)
        run_watch(watch, Stop().on_signals(), once=options.once)
    return 0


def desk_status(options: Namespace) -> int:
    """Show what became of each message, and what the desk holds."""
    office = DeskOffice(options.config)
    with office.records() as store:
        messages = sent_messages(store, office.config.office, office.bundle)
        held = held_records(store)
        alerts = alerts_of(store, office.bundle, now_ms())
    with office.spool() as spool:
        waiting_since_ms = spool.waiting_since_ms()
    if options.json:
        held_json = [
            {
                "case": each.case,
                "publication": each.publication,
                "problem": each.problem,
                "since_ms": each.since_ms,
                "waits_for": "second-approval" if each.waiting else "",
                "number": each.number,
                "reasons": [rule_as_json(office.bundle, rule) for rule in each.reasons],
            }
            for each in held
        ]
        sent_json = [{**each.as_json(office.bundle), "case": each.case} for each in messages]
        alerts_json = [asdict(alert) for alert in alerts]
        write_json(
            {
                "messages": sent_json,
                "held": held_json,
                "alerts": alerts_json,
                "waiting_since_ms": waiting_since_ms,
            }
        )
    else:
        words = _own_words(office.adapter)
        screen.show_status(
            terminal.console(), messages, held, office.bundle, words, waiting_since_ms
        )
        screen.show_alerts(terminal.console(), alerts)
    return 0


def _own_words(adapter: Adapter) -> dict[str, str]:
    """Return what the office's own forms call a field."""
    columns = [column for form in adapter.file.publications.values() for column in form.columns]
    return {
        end.removeprefix("field/"): column.header
        for column in reversed(columns)  # the first form that has it names it
        for end in column.ends
        if end.startswith("field/")
    }


def desk_alerts(options: Namespace) -> int:
    """Show what the office waits for in vain; exit code 1 if there is anything."""
    office = DeskOffice(options.config)
    with office.records() as store:
        alerts = alerts_of(store, office.bundle, now_ms())
    if options.json:
        write_json({"alerts": [asdict(alert) for alert in alerts]})
    elif alerts:
        screen.show_alerts(terminal.console(), alerts)
    else:
        sys.stdout.write("no alerts: nothing is overdue\n")
    return 1 if alerts else 0


def desk_inbox(options: Namespace) -> int:
    """List received messages without their content."""
    office = DeskOffice(options.config)
    with office.records() as store:
        received = received_messages(store)
    listed: list[dict[str, Any]] = [
        {
            "id": message,
            "type": content["type"],
            "from": content["from"],
            "received_ms": content["received_ms"],
            "fields": sorted(content["values"]),
            "look": [{"field": field, "why": why} for field, why in content.get("look", ())],
            "obligations": obligations_of(
                office.bundle, content["type"], content["from"], office.config.office
            ),
        }
        for message, content in received
    ]
    if options.json:
        write_json({"messages": listed})
    else:
        folder = office.folder / office.config.received
        screen.show_inbox(terminal.console(), listed, folder)
    return 0


def desk_fact(options: Namespace) -> int:
    """Correct facts of a held record."""
    facts: dict[str, str] = {}
    for text in options.facts:
        name, equals, value = text.partition("=")
        if not equals:
            message = f"{name}: write it as FACT=VALUE, for example asylum=no"
            raise ConfigError(message)
        facts[name] = value
    office = DeskOffice(options.config)
    publication = operations.correct_facts(office, options.case, facts, options.by)
    sys.stdout.write(f"{publication}: handed to the desk, which submits it again\n")
    return 0


def desk_approve(options: Namespace) -> int:
    """Approve a record that states another ground than the sharing consent."""
    office = DeskOffice(options.config)
    approved = operations.approve(office, options.case, options.by, options.record, options.all)
    for publication in approved:
        sys.stdout.write(f"{publication}: approval handed to the desk, which submits it\n")
    return 0


def desk_withdraw(options: Namespace) -> int:
    """Withdraw a person's sharing consent."""
    count = operations.withdraw_sharing_consent(DeskOffice(options.config), options.case)
    noun = "message" if count == 1 else "messages"
    sys.stdout.write(f"withdrawal handed to the desk: {count} {noun} to be stopped or erased\n")
    return 0


def subscribe(options: Namespace) -> int:
    """Print the line with which an office subscribes to a flow."""
    line = operations.subscription(DeskOffice(options.config), options.flow)
    sys.stdout.write(line.text() + "\n")
    return 0


def journey(options: Namespace) -> int:
    """Tell a case's story."""
    office = DeskOffice(options.config)
    with office.records() as store:
        told = case_journey(store, office.config.office, office.bundle, options.case)
    if options.json:
        write_json(told.as_json(office.bundle))
    else:
        screen.show_journey(terminal.console(), told, office.bundle)
    return 0


def keys_new(options: Namespace) -> int:
    """Make an office's keys."""
    for line in operations.new_office_keys(options.keys, options.office, options.days):
        sys.stdout.write(line.text() + "\n")
    return 0


def keys_rotate(options: Namespace) -> int:
    """Begin a new epoch of keys."""
    for line in operations.rotate_keys(options.keys, options.days):
        sys.stdout.write(line.text() + "\n")
    return 0


def keys_show(options: Namespace) -> int:
    """Print an office's public lines."""
    for line in operations.public_lines(options.keys):
        sys.stdout.write(line.text() + "\n")
    return 0


def party_new(options: Namespace) -> int:
    """Make a Party's or witness's key; print its public half."""
    sys.stdout.write(operations.new_seed(options.key) + "\n")
    return 0


def party_keyring(options: Namespace) -> int:
    """Sign a keyring."""
    files, note = bundles.read_files(options.bundle)
    signer = operations.party_signer(options.party, options.key)
    bundles.check_signer(note, signer)
    given = operations.read_public_lines(options.lines, options.party)
    operations.write_keyring(
        options.party,
        options.version,
        given.keys,
        bundles.build(files),
        signer,
        [options.out],
        given.subscriptions,
    )
    sys.stdout.write(f"{options.out / (options.party + '.keyring')}\n")
    return 0


def audit(options: Namespace) -> int:
    """Verify offices' logs offline; exit code 1 if anything does not add up."""
    folders: list[Path] = options.folders
    audited = audit_folders(folders)
    if options.json:
        write_json(audited.as_json())
    else:
        screen.show_audit(terminal.console(), audited)
    return 0 if audited.verified else 1
