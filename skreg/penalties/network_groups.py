"""Group penalties of a dense network: whole inputs, or whole neurons, are kept or dropped."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

Matrices = Sequence[np.ndarray]


class NetworkPenalty(ABC):
    """Σ over a network's weights, given as matrices of shape (fan_in, fan_out), with one λ a layer.

    Attributes
    ----------
    kernel : str
        The compiled trainer's groups: "inputs" or "neurons"; "layers" for none.
    """

    kernel: ClassVar[str]

    @abstractmethod
    def value(self, weights: Matrices, alphas: Sequence[float]) -> float:
        """λJ."""

    @abstractmethod
    def gradient(self, weights: Matrices, alphas: Sequence[float]) -> list[np.ndarray]:
        """∂/∂W of `value`, for each matrix; at a kink the sub-gradient nearest to 0."""

    @abstractmethod
    def numbers(self, units: Sequence[int], alphas: np.ndarray) -> dict[str, Any] | None:
        """Arguments of the compiled trainer; None where it does not know J."""


@dataclass(frozen=True)
class InputGroups(NetworkPenalty):
    """J = Σᵢ √h·‖W₁[i, :]‖₂ + Σ_{l≥2} ½‖W_l‖₂²: the weights of an input stand or fall together.

    h is the number of units that an input feeds. The other layers have the ridge's penalty: without
    any, they would grow while W₁ shrinks and the penalty would come to nothing. With one λ for
    each layer, the first is the groups' and the others are the ridge's.

    Parameters
    ----------
    concavity : float, default=0.0
        c > 0 puts √h·ln(1 + c‖W₁[i, :]‖₂)/c in the place of √h·‖W₁[i, :]‖₂. Its slope at 0 is the
        same, so a zero row stays zero as long; large rows are hardly shrunk any more.

    References
    ----------
    S. Scardapane, D. Comminiello, A. Hussain, A. Uncini (2017), "Group sparse regularization for
    deep neural networks". E. Candès, M. Wakin, S. Boyd (2008), "Enhancing sparsity by reweighted ℓ1
    minimization", for the logarithm.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import InputGroups
    >>> W = [np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[1.0], [1.0]])]
    >>> round(InputGroups().value(W, [1.0, 0.0]), 3)  # √2·5
    7.071
    """

    concavity: float = 0.0
    kernel: ClassVar[str] = "inputs"

    def value(self, weights: Matrices, alphas: Sequence[float]) -> float:
        """Σ_l λ_l J_l for weight matrices of shape (fan_in, fan_out) and one λ for each."""
        norms, c = np.linalg.norm(weights[0], axis=1), self.concavity
        first = np.sqrt(weights[0].shape[1]) * (np.log1p(c * norms) / c if c else norms).sum()
        later = (0.5 * a * np.vdot(W, W) for W, a in zip(weights[1:], alphas[1:], strict=True))
        return float(alphas[0] * first + sum(later))

    def gradient(self, weights: Matrices, alphas: Sequence[float]) -> list[np.ndarray]:
        """∂/∂W of `value`, for each matrix; 0 on groups that are zero."""
        norms = np.linalg.norm(weights[0], axis=1, keepdims=True)
        pull = alphas[0] * np.sqrt(weights[0].shape[1]) / (1 + self.concavity * norms)
        first = pull * np.divide(weights[0], norms, out=np.zeros_like(weights[0]), where=norms > 0)
        return [first, *(a * W for W, a in zip(weights[1:], alphas[1:], strict=True))]

    def prox(self, weights: Matrices, alphas: Sequence[float], step: float) -> list[np.ndarray]:
        """argmin_U Σ ½‖U_l − W_l‖² + step·Σ λ_l J_l(U); there is one only without concavity."""
        if self.concavity:
            raise ValueError("a concave penalty has no proximal operator; use concavity=0")
        norms = np.linalg.norm(weights[0], axis=1, keepdims=True)
        kept = np.maximum(norms - step * alphas[0] * np.sqrt(weights[0].shape[1]), 0.0)
        kept = np.divide(kept, norms, out=np.zeros_like(norms), where=norms > 0)
        later = (W / (1 + step * a) for W, a in zip(weights[1:], alphas[1:], strict=True))
        return [kept * weights[0], *later]

    def numbers(self, units: Sequence[int], alphas: np.ndarray) -> dict[str, Any]:
        """What the compiled kernel takes: the groups' weights, and l2 of the other layers."""
        group = np.zeros(len(alphas))
        group[0] = alphas[0] * np.sqrt(units[1])
        l2 = np.r_[0.0, alphas[1:]]
        return dict(groups=self.kernel, group=group, concavity=self.concavity, l2=l2)


@dataclass(frozen=True)
class NeuronGroups(NetworkPenalty):
    """J = Σ √|g|·‖θ_g‖₂ over the hidden neurons, g a neuron's incoming and outgoing weights.

    Both sides are in one group, so that a ReLU network cannot shrink one and grow the other. A
    neuron has the λ of the layer its incoming weights belong to; that of the output layer is not
    used. A weight between two hidden layers belongs to two groups.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import NeuronGroups
    >>> W = [np.array([[3.0, 0.0]]), np.array([[4.0], [0.0]])]
    >>> round(NeuronGroups().value(W, [1.0, 1.0]), 3)  # √2·5
    7.071
    """

    kernel: ClassVar[str] = "neurons"

    def value(self, weights: Matrices, alphas: Sequence[float]) -> float:
        """Σ_l λ_l J_l for weight matrices of shape (fan_in, fan_out) and one λ for each."""
        return float(sum(a * f * n.sum() for a, f, n in self._groups(weights, alphas)))

    def gradient(self, weights: Matrices, alphas: Sequence[float]) -> list[np.ndarray]:
        """∂/∂W of `value`, for each matrix; 0 on groups that are zero."""
        pulls = [np.zeros_like(W) for W in weights]
        for level, (alpha, factor, norms) in enumerate(self._groups(weights, alphas)):
            pull = np.divide(alpha * factor, norms, out=np.zeros_like(norms), where=norms > 0)
            pulls[level] += weights[level] * pull
            pulls[level + 1] += weights[level + 1] * pull[:, None]
        return pulls

    def numbers(self, units: Sequence[int], alphas: np.ndarray) -> dict[str, Any]:
        """What the compiled kernel takes: the groups' weights."""
        group = np.zeros(len(alphas))
        for level in range(len(alphas) - 1):
            group[level] = alphas[level] * np.sqrt(units[level] + units[level + 2])
        return dict(groups=self.kernel, group=group)

    @staticmethod
    def _groups(weights, alphas):
        """(λ, √|g|, norms of the groups) of each hidden layer."""
        for level in range(len(weights) - 1):
            inward, outward = weights[level], weights[level + 1]
            size = inward.shape[0] + outward.shape[1]
            squares = np.square(inward).sum(axis=0) + np.square(outward).sum(axis=1)
            yield alphas[level], np.sqrt(size), np.sqrt(squares)
