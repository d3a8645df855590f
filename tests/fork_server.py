"""Imports everything once, then forks a child for each request on stdin (one JSON object a line).

A request holds `arguments` of the command line and `log`, a file for what the child prints. Where the
child shall kill itself, it holds `inside` ("module:function"), `call` (which call of it, from 1) and `point`
(before which disk operation of that call, from 1; 0 is before the call); with `stop` it waits there for
SIGCONT instead. Or it holds `kill_at` ("module:name" or "module:Class.name") and `call`: it dies as that is
called for that time. `pause` is the seconds that a training step shall take.
Answers: the child's process id; to {"wait": id}, its exit code; to {"stopped": id}, 0 as soon as it waits.
"""

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import anaglyph.cli.run_display
import anaglyph.cli.run_listeners
import anaglyph.data.datasets.procedural_models
import anaglyph.data.datasets.shard_folder
import anaglyph.data.prepare.prepare
import anaglyph.encoders.pointnet
import anaglyph.encoders.pointnet_small
import anaglyph.encoders.towers.dual
import anaglyph.encoders.word_text
import anaglyph.engine.embed_output
import anaglyph.engine.feature_job
import anaglyph.engine.loop
import anaglyph.engine.report
import anaglyph.engine.run
import anaglyph.engine.splits
import anaglyph.engine.study
import anaglyph.methods.mixcon3d.method
import anaglyph.methods.pair_contrast.method
import anaglyph.methods.romo.annotate
import anaglyph.methods.romo.discover
import anaglyph.methods.romo.learn
import anaglyph.search.indexing
import anaglyph.search.sqlite_open
from anaglyph.cli.main import main
from anaglyph.data.catalog import create_dataset
from anaglyph.data.source import SPLITS
from tiny_runs import tiny_recipe


def prepare():
    """Read the data of the tiny recipes once for all children, and spare them the page of pictures."""
    config = tiny_recipe("best").data
    cache = Path(os.environ["ANAGLYPH_CACHE"])
    made = {split: create_dataset(config, split, root=cache, cache=cache, seed=0) for split in SPLITS}

    def shared(wanted, split, *, root, cache, seed):
        if (wanted, seed) == (config, 0):
            return made[split]
        return create_dataset(wanted, split, root=root, cache=cache, seed=seed)

    for module in (anaglyph.engine.splits, anaglyph.engine.study):
        module.create_dataset = shared
    anaglyph.engine.report.write_study_report = lambda *arguments: None


def kill_inside(target, call, point, number=signal.SIGKILL):
    """Arrange for a signal before the given disk operation of the given call of a function."""
    module, _, name = target.partition(":")
    original = getattr(importlib.import_module(module), name)
    count = {"calls": 0, "points": None}

    def guarded(operation):
        def run(*arguments, **options):
            if count["points"] is not None:
                count["points"] += 1
                if count["points"] == point:
                    os.kill(os.getpid(), number)
            return operation(*arguments, **options)

        return run

    def counted(*arguments, **options):
        count["calls"] += 1
        if count["calls"] == call and point == 0:
            os.kill(os.getpid(), number)
        count["points"] = 0 if count["calls"] == call else None
        try:
            return original(*arguments, **options)
        finally:
            count["points"] = None

    setattr(sys.modules[module], name, counted)
    os.fsync, os.unlink, os.rmdir = guarded(os.fsync), guarded(os.unlink), guarded(os.rmdir)
    for operation in ("open", "replace", "rename", "mkdir", "unlink"):
        setattr(Path, operation, guarded(getattr(Path, operation)))


def kill_at(target, call):
    """Arrange for SIGKILL when a function, a method or a class is called for the given time, from 1."""
    module, _, name = target.partition(":")
    *outer, name = name.split(".")
    owner = importlib.import_module(module)
    for each in outer:
        owner = getattr(owner, each)
    original, calls = getattr(owner, name), []

    def counted(*arguments, **options):
        calls.append(None)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(owner, name, counted)


def pause_steps(seconds):
    """Make every training step take so long."""
    original = anaglyph.engine.loop.gradient_norm

    def slow(*arguments, **options):
        time.sleep(seconds)
        return original(*arguments, **options)

    anaglyph.engine.loop.gradient_norm = slow


def child(request):
    """What a forked process does: run the command and leave."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    code = 70
    try:
        if "inside" in request:
            number = signal.SIGSTOP if "stop" in request else signal.SIGKILL
            kill_inside(request["inside"], request["call"], request["point"], number)
        if "kill_at" in request:
            kill_at(request["kill_at"], request["call"])
        if "pause" in request:
            pause_steps(request["pause"])
        code = main(request["arguments"])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it was belongs in the log
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve():
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        if "stopped" in request:
            _, status = os.waitpid(request["stopped"], os.WUNTRACED)
            print(0 if os.WIFSTOPPED(status) else 1, flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            child(request)
        print(pid, flush=True)


if __name__ == "__main__":
    prepare()
    print("ready", flush=True)
    serve()
