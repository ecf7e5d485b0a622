"""What a trained network is saved as: plain data, and made of it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from skreg._state import Held
from skreg.estimators._mlp_embedding import embedding_from_plain, plain_embedding
from skreg.estimators._mlp_fit import Best
from skreg.estimators._mlp_targets import Labels, LabelSets, Numbers, Target
from skreg.losses import Loss, loss_from_plain, plain_loss
from skreg.network.columns import Columns
from skreg.network.fitting import Patience
from skreg.network.parameters import n_parameters
from skreg.network.state import TrainingState
from skreg.network.waves import NO_WAVES, Waves

#: Names that files give the kinds of targets.
_TARGETS: dict[str, type[Target]] = {"labels": Labels, "label sets": LabelSets, "numbers": Numbers}
_KINDS = {kind: name for name, kind in _TARGETS.items()}
Architecture = tuple[tuple[int, ...], str, Loss, int, Waves]


def _architecture(found: Architecture) -> dict[str, Any]:
    units, activation, loss, n_members, waves = found
    plain = {"units": units, "activation": activation, "loss": plain_loss(loss)}
    plain |= {} if n_members == 1 else {"n_members": n_members}
    return plain if waves == NO_WAVES else plain | {"waves": dict(vars(waves))}


def _architecture_from(plain: Mapping[str, Any]) -> Architecture:
    loss, n_members = loss_from_plain(plain["loss"]), plain.get("n_members", 1)
    waves = NO_WAVES
    if "waves" in plain:
        waves = Waves(plain["waves"]["n_numbers"], tuple(plain["waves"]["origins"]))
    return tuple(plain["units"]), plain["activation"], loss, n_members, waves


def _target(target: Target) -> dict[str, Any]:
    own = {one.name: getattr(target, one.name) for one in fields(target)}  # type: ignore[arg-type]
    if "loss" in own:
        own["loss"] = plain_loss(own["loss"])
    return {"kind": _KINDS[type(target)]} | own


def _target_from(plain: Mapping[str, Any]) -> Target:
    own = {name: value for name, value in plain.items() if name != "kind"}
    if "loss" in own:
        own["loss"] = loss_from_plain(own["loss"])
    return _TARGETS[plain["kind"]](**own)


def _training(state: TrainingState) -> dict[str, Any]:
    """θ where the look-ahead is θ itself, it is so again in what is made of it."""
    columns = None if state.columns is None else dict(vars(state.columns))
    point = None if state.point is state.theta else state.point
    return dict(vars(state)) | {"columns": columns, "point": point}


def _training_from(plain: Mapping[str, Any]) -> TrainingState:
    columns = None if plain["columns"] is None else Columns(**plain["columns"])
    point = plain["theta"] if plain["point"] is None else plain["point"]
    return TrainingState(**{**plain, "columns": columns, "point": point})


def _best(best: Best) -> dict[str, Any]:
    return dict(vars(best)) | {"patience": dict(vars(best.patience))}


def _best_from(plain: Mapping[str, Any]) -> Best:
    return Best(**{**plain, "patience": Patience(**plain["patience"])})


def check_shapes(state: TrainingState, architecture: Architecture) -> None:
    """Raise ValueError where arrays do not go together, as in a file that was changed.

    Compiled code trusts these shapes.
    """
    units, _, _, n_members, waves = architecture
    size = n_parameters(units, n_members, len(waves))
    arrays = [a for a in (state.theta, state.point, state.slot_1, state.slot_2) if a.size]
    columns = () if state.columns is None else (state.columns.centers, state.columns.scales)
    if state.factors is not None:
        columns = (*columns, *state.factors)
    if any(
        a.shape != (size,) or a.dtype != state.theta.dtype for a in (state.theta, *arrays)
    ) or any(a is not None and a.shape != (units[0],) for a in columns):
        raise ValueError("the arrays of this network have shapes that do not go together.")


HELD: dict[str, Held | None] = {
    "_architecture": Held("architecture", _architecture, _architecture_from),
    "_target": Held("target", _target, _target_from),
    "_state": Held("training", _training, _training_from),
    "_best": Held("early_stopping_so_far", _best, _best_from),
    "_columns": Held("columns_read"),
    "_embedding": Held("embedding", plain_embedding, embedding_from_plain),
    "_split_seed": Held("split_seed"),
    "_rng": Held("random_numbers"),
    "_dof": Held("effective_dof"),
    "_seen": None,
}
