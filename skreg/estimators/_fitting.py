"""How every estimator is fitted: wholly or not at all."""

import functools


def all_or_nothing(method):
    """Make ``fit`` restore every attribute of the estimator if it raises.

    It stands outside ``_fit_context``, so that callbacks are torn down before. Arrays that belong
    to the estimator must be replaced by ``fit`` and not written to.
    """

    @functools.wraps(method)
    def fit(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return fit
