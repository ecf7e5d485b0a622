"""The optimizers' settings; their formulas are compiled (`skreg/_kernels/optimizers.pxd`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, classical or Nesterov's.

    Parameters
    ----------
    momentum : float in [0, 1]
    nesterov : bool
    """

    momentum: float = 0.9
    nesterov: bool = True

    @property
    def kernel(self):
        """Name of the compiled update."""
        return "nesterov" if self.nesterov and self.momentum > 0 else "sgd"

    def numbers(self):
        """Arguments of the kernel."""
        return dict(momentum=self.momentum, beta_1=0.0, beta_2=0.0, epsilon=0.0)


@dataclass(frozen=True)
class Adam:
    """Adam (D. Kingma, J. Ba, 2015, "Adam: a method for stochastic optimization").

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        Decay of the means of the gradient and of its square.
    epsilon : float
        Keeps the step finite where the gradient has been 0.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    kernel = "adam"

    def numbers(self):
        """Arguments of the kernel."""
        return dict(momentum=0.0, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)
