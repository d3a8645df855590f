"""One model shared out among processes (FSDP2): each keeps a piece of every parameter.

Optimiser states are cut alike. All pieces come together for a forward and a backward pass; outside of them,
whoever needs whole weights (a hook of the method, a measurement, a checkpoint) asks for them here. Runs on
GPUs with NCCL and on CPUs with gloo. Numbers without axes, such as temperatures, are never cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, distribute_tensor

from anaglyph.errors import ConfigError
from anaglyph.nn.gather import processes, sum_over_processes


def sharded_strategy(count: int) -> ModelParallelStrategy:
    """Fabric's strategy for `count` processes that share one model.

    Raises:
        ConfigError: there is one process alone, or torch is too old.
    """
    if count < 2:
        raise ConfigError(
            "strategy=fsdp shares a model out among processes, and this is the only one; start several with "
            "`torchrun --nproc-per-node 2 -m anaglyph train ...`, or use strategy auto."
        )
    _fully_shard()
    return ModelParallelStrategy(_share_out, data_parallel_size=count, tensor_parallel_size=1)


@contextmanager
def whole(module: nn.Module) -> Iterator[None]:
    """Whole parameters inside; changes to them are kept, and must be the same in every process."""
    cut = make_whole(module)
    yield
    with torch.no_grad():
        for owner, name, pieces in cut:
            pieces.to_local().copy_(_piece(owner.get_parameter(name)))
            owner.register_parameter(name, pieces)  # the optimiser knows this one


def make_whole(module: nn.Module) -> list[tuple[nn.Module, str, Any]]:
    """Put whole parameters in the place of pieces; returns those, with the modules and names they had.

    Not by FSDP's own `unshard`, which any `state_dict` in between would undo.
    """
    found: list[tuple[nn.Module, str, Any]] = [  # parameters that are DTensors at once, which no type says
        (owner, name, parameter)
        for owner in module.modules()
        for name, parameter in owner.named_parameters(recurse=False)
        if isinstance(parameter, DTensor)
    ]
    made: dict[int, nn.Parameter] = {}
    for owner, name, pieces in found:
        if id(pieces) not in made:  # one that two modules share stays one
            made[id(pieces)] = nn.Parameter(pieces.detach().full_tensor(), requires_grad=pieces.requires_grad)
        owner.register_parameter(name, made[id(pieces)])
    return found


def average_uncut(parameters: Sequence[nn.Parameter]) -> None:
    """Average the gradients of what stayed whole; those of pieces were averaged in the backward pass."""
    if any(isinstance(parameter, DTensor) for parameter in parameters):
        for parameter in parameters:
            if not isinstance(parameter, DTensor) and parameter.grad is not None:
                parameter.grad = sum_over_processes(parameter.grad) / processes()


def whole_state(state: Any) -> Any:
    """A nested state of a module or an optimiser, its pieces put together on the CPU of every process."""
    if isinstance(state, DTensor):
        return state.full_tensor().cpu()
    if isinstance(state, dict):
        return {key: whole_state(value) for key, value in state.items()}
    return [whole_state(value) for value in state] if isinstance(state, list) else state


def state_in_pieces(state: dict[str, Any], optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """A whole state as `optimiser` holds it."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if not any(isinstance(parameter, DTensor) for parameter in parameters):
        return state
    cut = {
        number: {name: _like(value, parameters[number]) for name, value in entries.items()}
        for number, entries in state["state"].items()
    }
    return {**state, "state": cut}


def _like(value: Any, parameter: nn.Parameter) -> Any:
    if not isinstance(parameter, DTensor) or not isinstance(value, Tensor) or value.shape != parameter.shape:
        return value
    return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)


def _piece(parameter: Tensor) -> Tensor:
    """A copy of this process's rows, cut as FSDP cuts them; the last processes may have none."""
    if parameter.ndim == 0:
        return parameter.detach().clone()
    rows = parameter.detach().chunk(processes())
    rank = torch.distributed.get_rank()
    return rows[rank].clone() if rank < len(rows) else parameter.detach()[:0].clone()


def _share_out(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    uncut = {parameter for parameter in module.parameters() if parameter.ndim == 0}
    # One group for all: the method calls its parts in any order and more than once in a step.
    _fully_shard()(module, mesh=mesh["data_parallel"], reshard_after_forward=False, ignored_params=uncut)
    return module


def _fully_shard() -> Any:
    try:
        from torch.distributed.fsdp import fully_shard
    except ImportError as error:
        raise _too_old() from error
    if "ignored_params" not in signature(fully_shard).parameters:
        raise _too_old()
    return fully_shard


def _too_old() -> ConfigError:
    return ConfigError(f"strategy=fsdp needs torch 2.8 or newer, and this is {torch.__version__}; use ddp.")
