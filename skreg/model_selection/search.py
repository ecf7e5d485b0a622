"""Search over λ with GridSearchCV's contract, at the price of paths."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from copy import copy, deepcopy
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.model_selection import BaseCrossValidator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_method_params

from skreg._validation import check_parameters, fit_follows_x
from skreg.model_selection.cocktail import Cocktail
from skreg.model_selection.criteria import CriterionScores
from skreg.model_selection.evaluation import Evaluation, combinations
from skreg.model_selection.job import Watch, task_of
from skreg.model_selection.outcome import ONE_STD_ERR, Outcome, finished_of, scorers_of
from skreg.model_selection.pipelines import alpha_name, last_step
from skreg.model_selection.request import (
    INFORMATION,
    OF_CHUNKS,
    WITHOUT_SPLITS,
    check_choices,
    check_criterion,
    checked_rows,
    cocktail_of,
    criterion_of,
    is_to_be_read,
    job_of,
)
from skreg.model_selection.results import SearchResults
from skreg.model_selection.splitters import ColumnOfFolds
from skreg.path import RegularizationPath


class PathSearchCV(SearchResults):
    """Search over λ, and over other parameters beside it: GridSearchCV's answer from whole paths.

    `GridSearchCV` fits every λ in every split from nothing. Here one path serves all λ of a split
    (for squared error even the sums over the rows are shared by the splits), the earlier steps of a
    Pipeline are fitted once for each split, and networks run side by side in threads. Parameters,
    attributes and ``cv_results_`` are those of `GridSearchCV`, and so are the scores: to 1e-8 where
    fits are exact, to ``tol`` of their standard errors where they are iterative, to the bit for
    networks of a fixed ``random_state``. Any other estimator with an ``alpha`` is searched too, by
    one fit for each λ and split.

    Parameters
    ----------
    estimator : estimator
        With a parameter ``alpha``, which is λ: one of this package, a Pipeline that ends in one, or
        any other of scikit-learn's kind. In a Pipeline λ is the ``alpha`` of the last step.
    alphas : int, "auto", array-like of shape (n_alphas,) or dict, default="auto"
        Values of λ. An array is used as it is, in its order; so is that of a dict whose only key is
        the name of λ, ``{"alpha": […]}`` as for `GridSearchCV`. An int asks for so many from λ_max
        of all rows down, for each combination of other parameters its own: see
        `skreg.path.path_alphas`; for networks from 1 to 1e-6.
        ``"auto"`` starts from 100 such values (for networks 13, and for other estimators 13 from
        1e3 to 1e-3), and extends them beyond the best one for as long as that is the last of them
        and the score still gains. A grid made for the data sees all rows, the test parts too; the
        scores do not.
    param_grid : None, dict or list of dict, default=None
        Other parameters to cross λ with, those of earlier steps too, as for `GridSearchCV`.
    cv : None, int, splitter, iterable, "loo", "gcv" or "column:NAME", default=None
        Splits as for `GridSearchCV`, where None is 5 folds. ``"loo"`` leaves out one row after the
        other, for squared error exactly, for other losses approximately, from one path on all
        rows; ``"gcv"`` is generalized cross-validation. Both take the rows as independent: not for
        groups, duplicates or rows in the order of time. See `skreg.model_selection.criteria`.
        ``"column:NAME"`` takes the values of a column as folds. For rows in chunks an int stands
        for that many folds by `HashKFold`.
    scoring : None, str, callable, list, tuple or dict, default=None
        As for `GridSearchCV`. ``"loo"`` takes one scorer, for the predictions of all rows at once.
    refit : bool, str or callable, default=True
        As for `GridSearchCV`: whether to fit the choice to all rows, by which of several scorers to
        choose, or a function of ``cv_results_`` that returns the index to choose.
    selection : {"best", "1se", "aic", "bic", "ebic", "evidence"}, default="best"
        ``"best"`` takes the candidate with the best mean score; ``"1se"`` the largest λ
        whose mean score is within one standard error of it, other parameters being equal;
        ``"one_std_err"`` is another name of it. The others are criteria that need no held-out rows,
        worked out from one path on all rows; ``cv`` and ``scoring`` are then not used.
    noise_variance : None or float, default=None
        σ² of squared error for ``"aic"``, ``"bic"`` and ``"ebic"``, where it is known. None
        estimates it, see `skreg.model_selection.criteria.aic`; with p near n or above, ``cv=5``
        rests on less than any estimate.
    resource : None or "epochs", default=None
        ``"epochs"`` rations the epochs of networks by successive halving: all λ of a combination
        train for a few epochs, the better third goes on for three times as many, and so on to
        ``max_iter``. ``cv_results_`` has ``n_resources``, the epochs that a λ was allowed, and
        ``stopped``; scores of a λ that was stopped are those it had then, and it is not chosen.
        The others have the scores of a whole search.
    candidates : None, "cocktail" or Cocktail, default=None
        Of a network: random choices of all that holds it back, by successive halving over epochs,
        in the place of a grid of λ; see :class:`~skreg.model_selection.Cocktail`, of which
        ``"cocktail"`` is the default. λ is then one parameter of ``best_params_`` among others.
    tol : float, default=1e-3
        Error of a score that does not matter, as a share of its standard error: under other losses
        than squared error, the fits of the training parts end once scores are about that close. By
        λ so small that the rows are all but interpolated, errors may be tens of times as large. 0
        solves them as closely as single fits, which ``path_`` and ``best_estimator_`` always are.
        Under squared error it is for ``cv="loo"`` only, whose leverages are made in single
        precision where a bound tells that no score moves by more; with 0 never.
    n_jobs : None or int, default=None
        Splits to work on at a time, in threads for paths and networks, in processes for other
        estimators; within `joblib.parallel_config` another backend may be chosen. Networks train
        side by side, λ as well as splits: None stands for as many threads as BLAS may use. Within
        ``joblib.parallel_config(backend="dask")``, or Ray's, each of them is a task of the cluster.
    return_train_score : bool, default=False
        Whether ``cv_results_`` has the scores of training parts.
    error_score : "raise" or float, default=nan
        The score where a fit fails, with a warning; ``"raise"`` raises. If all fail an error is
        raised in any case. A number also asks that Ctrl-C leave the results of what was finished,
        see the notes.
    verbose : int, default=0
        1 says how many fits there are, and every two seconds how many are done, or what else is; 2
        adds each split.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        As for `GridSearchCV`, with the same keys in the same order. The time of a path is shared
        evenly among its λ. A criterion counts as one split, of which ``std_test_score`` is the
        standard error, NaN where it has none.
    best_index_, best_params_, best_score_
        What was chosen: with ``selection="1se"``, or ``candidates``, maybe not the highest score.
    best_alpha_ : float
        Its λ.
    best_estimator_ : estimator
        The estimator, fitted to all rows with the best parameters; an estimator that has a path is
        taken from it. Not there with ``refit=False``.
    refit_time_ : float
        Seconds it took, the path included.
    alphas_ : ndarray of shape (n_alphas,)
        λ of the chosen combination of other parameters, in the order of ``cv_results_``.
    alpha_one_std_err_ : float
        The λ that ``selection="1se"`` chooses. Not there with a callable ``refit``.
    path_ : RegularizationPath
        The path on all rows (as the last step of a Pipeline sees them, with the names that the
        earlier steps tell) at ``alphas_``. For linear estimators of this package, unless
        ``refit=False``.
    criterion_ : CriterionScores or None
        Of a criterion, its scores, standard errors and diagnostics.
    n_splits_ : int
        Number of splits; 1 for a criterion.
    scorer_, multimetric_, classes_, n_features_in_, feature_names_in_
        As for `GridSearchCV`.

    Raises
    ------
    ValueError
        By `fit`: if the estimator has no ``alpha``, or ``norm_bound`` decides λ by itself, or
        parameters do not go together. The message names the remedy.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : The same by one fit for each candidate and split.
    RegularizationPath : All λ on all rows.

    Notes
    -----
    **Ties** go to the candidate that comes first, as in `GridSearchCV`. **Edges**: where the best λ
    is the last of its grid on either side a warning names it, unless it is the smallest and the
    last decade before it gained nothing to speak of; another says so where ``"auto"``
    finds that no λ does better than one that leaves nothing but a constant.

    **Ctrl-C** raises KeyboardInterrupt, as everywhere. If ``error_score`` is a number,
    ``cv_results_``, ``best_params_`` and ``best_index_`` are then those of the combinations of
    ``param_grid`` that were finished; of the splits finished, if it was the first one. There is no
    ``best_estimator_``. With ``error_score="raise"`` nothing is kept.

    **Callbacks** (`set_callbacks`) see the reading of rows in chunks, the search, every split in
    it, the single λ of splits that take more than two seconds, and the refit.

    **A standard error** is s/√k over k splits, taken as independent: Hastie, Tibshirani & Friedman
    (2009), *The Elements of Statistical Learning*, section 7.10.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import PathSearchCV, QuadraticApproxLasso
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), QuadraticApproxLasso())
    >>> search = PathSearchCV(model, cv=10).fit(X, y)
    >>> round(search.best_alpha_, 2)
    1.2
    >>> float(search.best_score_.round(3))
    0.465

    The simplest model that does about as well:

    >>> search = PathSearchCV(model, cv=10, selection="1se").fit(X, y)
    >>> round(search.best_alpha_, 2)
    9.73
    >>> search.best_estimator_[-1].coef_.round(1)
    array([ 0. ,  0. , 22.7,  7. ,  0. ,  0. , -3.3,  0. , 19.7,  0. ])
    """

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: BaseSearchCV._parameter_constraints[name]
            for name in ("estimator", "scoring", "n_jobs", "refit", "verbose", "error_score")
        },
        "alphas": [Integral, "array-like", StrOptions({"auto"}), Mapping],
        "param_grid": [dict, list, None],
        "cv": ["cv_object", StrOptions(set(WITHOUT_SPLITS)), ColumnOfFolds()],
        "selection": [StrOptions({"best", *ONE_STD_ERR, *INFORMATION})],
        "noise_variance": [Interval(Real, 0, None, closed="neither"), None],
        "resource": [StrOptions({"epochs"}), None],
        "candidates": [StrOptions({"cocktail"}), Cocktail, None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "return_train_score": ["boolean"],
    }

    cv_results_: dict[str, Any]
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    best_alpha_: float
    best_estimator_: Any
    refit_time_: float
    alphas_: NDArray[np.float64]
    alpha_one_std_err_: float
    path_: RegularizationPath
    criterion_: CriterionScores | None
    n_splits_: int
    multimetric_: bool
    scorer_: Any

    def __init__(
        self,
        estimator: BaseEstimator,
        alphas: int | Literal["auto"] | ArrayLike | Mapping[str, ArrayLike] = "auto",
        *,
        param_grid: Mapping[str, Sequence] | Sequence[Mapping[str, Sequence]] | None = None,
        cv: int | str | Iterable | BaseCrossValidator | None = None,
        scoring: str | Callable | Sequence[str] | Mapping[str, str | Callable] | None = None,
        refit: bool | str | Callable = True,
        selection: str = "best",
        noise_variance: float | None = None,
        resource: Literal["epochs"] | None = None,
        candidates: Literal["cocktail"] | Cocktail | None = None,
        tol: float = 1e-3,
        n_jobs: int | None = None,
        return_train_score: bool = False,
        error_score: float | Literal["raise"] = np.nan,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.alphas = alphas
        self.param_grid = param_grid
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.selection = selection
        self.noise_variance = noise_variance
        self.resource = resource
        self.candidates = candidates
        self.tol = tol
        self.n_jobs = n_jobs
        self.return_train_score = return_train_score
        self.error_score = error_score
        self.verbose = verbose

    # Fitting -------------------------------------------------------------------------------------

    def _validate_params(self) -> None:
        check_parameters(self, self._parameter_constraints)

    @fit_follows_x
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Judge every candidate, and fit the chosen one to all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), Chunks, or list or dict of Moments
            Whatever the estimator takes. For squared error also rows in `Chunks` and what these may
            be made of, which are read once, and the `Moments` of each fold; scores are then R² and
            mean squares. Earlier steps of a Pipeline that do more than shift and scale take another
            pass each by their ``partial_fit``. Networks read the rows in each epoch, other losses
            in each of Newton's steps, which all λ and folds share; scores are then sums over rows:
            accuracy and log loss, deviances, absolute errors as well.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), or str, default=None
            Of rows in chunks the name of the column.
        **params : dict of str to object
            For ``estimator.fit``, the scorers and the splitter. As for `GridSearchCV`, ``groups``
            goes to the splitter, ``sample_weight`` also to the scorers that take it; with metadata
            routing enabled, everything to those who asked for it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If parameters do not go together, or all fits failed.

        Warns
        -----
        UserWarning
            If the best λ is the smallest or the largest of those tried, or nothing but a constant
            is worth while.
        FitFailedWarning
            If some fits failed and ``error_score`` is a number.
        """
        choice = check_choices(self)
        cocktail = cocktail_of(self)
        if cocktail is not None:
            cocktail.check(self)
        scorers, metric = self._get_scorers()
        weight = params.get("sample_weight")
        metadata = None if weight is None else {"sample_weight": weight}
        hooks = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        reads = is_to_be_read(X)
        root = self._init_callback_context(max_subtasks=1 + reads + (self.refit is not False))
        root.call_on_fit_task_begin(**hooks)
        with Watch(self) as watch:
            watch.turns_to("the rows are read")
            with task_of(root, "reading", self) if reads else nullcontext():
                X, y = checked_rows(self, X, y, weight, scorers_of(scorers))
            watch.turns_to("the splits are made")
            params = {} if reads else _check_method_params(X, params=params)
            found = combinations(self.param_grid, self.estimator, alpha_name(self.estimator))
            check_criterion(self, found)
            job = job_of(self, X, y, self._get_routed_params_for_fit(params), scorers_of(scorers))
            if cocktail is not None:
                found[0].candidates = cocktail.draw(self.estimator, X)
                job = replace(job, **cocktail.limits(X))
                choice = len(found[0].candidates)
            job = replace(job, watch=watch)
            evaluation = Evaluation(job, choice, metric, criterion_of(self), scorers)
            outcome = self._search(evaluation, found, root)
            watch.turns_to("the fit to all rows")
            refitted = self._refit(evaluation, root, hooks, outcome) if self.refit else {}
        self._keep(outcome.attributes | refitted)
        root.call_on_fit_task_end(**hooks)
        return self

    def _search(self, evaluation, found, root):
        """The `Outcome` of all combinations."""
        job, choice = evaluation.job, evaluation.choice
        n_splits = max(1, len(job.splits))
        is_known = not (isinstance(choice, str) or isinstance(job.X, OF_CHUNKS))
        # Passes over chunks are not counted beforehand: a bar then moves for the unknown.
        n = len(found) * n_splits if is_known else None
        with task_of(root, "search", self, max_subtasks=n, sequential_subtasks=False) as splits:
            job.watch.announce(choice, len(found), n_splits, splits)
            try:
                for combination in found:
                    evaluation.run(combination)
            except KeyboardInterrupt:
                if finished := finished_of(found, job):
                    self._keep(Outcome(self, evaluation, finished).attributes)
                raise
        return Outcome(self, evaluation, found)

    def _refit(self, evaluation, root, hooks, outcome):
        """The chosen estimator, fitted to all rows."""
        n = None if evaluation.has_path(outcome.chosen[0]) else 0  # a fit is this very task
        context = root.subcontext(task_name="refit-with-best-params", max_subtasks=n)
        start = time.perf_counter()
        best, path = evaluation.refit(*outcome.chosen, context, hooks)
        fitted = {"best_estimator_": best, "refit_time_": time.perf_counter() - start}
        context.call_on_fit_task_end(**hooks)
        if outcome.chosen[0].candidates:
            fitted["best_alpha_"] = last_step(best).alpha_
        if path is not None:
            fitted["path_"] = path
            getattr(best, "effective_dof_", None)  # counted, it refers to the rows no more
        if hasattr(best, "feature_names_in_"):
            fitted["feature_names_in_"] = best.feature_names_in_
        return fitted

    def _keep(self, fitted):
        """Replace all fitted attributes."""
        for name in [name for name in vars(self) if name.endswith("_") and name[0] != "_"]:
            delattr(self, name)
        self.__dict__.update(fitted)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags = deepcopy(get_tags(self.estimator).target_tags)
        return tags

    def get_metadata_routing(self) -> Any:
        """Which metadata goes where: as for `GridSearchCV`; no splitter where ``cv`` is a name."""
        if not isinstance(self.cv, str):
            return super().get_metadata_routing()
        plain = copy(self)
        plain.cv = None
        return BaseSearchCV.get_metadata_routing(plain)
