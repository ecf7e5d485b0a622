"""What a fitted search is asked: predictions with options, and its table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray
from sklearn.model_selection._search import BaseSearchCV, _search_estimator_has
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skreg._documentation import DocumentedMixin
from skreg._state import Held, Stored
from skreg._validation import is_in_memory
from skreg.model_selection.chunk_residuals import score_of_chunks
from skreg.model_selection.criteria import CriterionScores
from skreg.model_selection.outcome import frame_of, scorer_of
from skreg.model_selection.parts import comes_in_parts
from skreg.model_selection.pipelines import alpha_name
from skreg.model_selection.splitters import column_that_decides

if TYPE_CHECKING:
    import pandas


class SearchResults(Stored, DocumentedMixin, BaseSearchCV):
    """`BaseSearchCV` whose predictions take the options of those of the chosen estimator."""

    # Scorers are found by `scoring` again.
    _held: ClassVar[dict[str, Held | None]] = {
        "criterion_": Held(
            "criterion_", lambda found: dict(vars(found)), lambda plain: CriterionScores(**plain)
        ),
        "scorer_": None,
    }

    def _unpacked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        found = super()._unpacked(state)
        if "multimetric_" in found:
            self.__dict__.update(found)
            found["scorer_"] = scorer_of(self._get_scorers()[0])
        return found

    @available_if(_search_estimator_has("predict"))
    def predict(self, X: Any, **params: Any) -> Any:
        """Predictions of the chosen estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        **params : dict of str to object
            For ``best_estimator_.predict``, such as ``return_std=True`` of a ridge or ``offset=``;
            a Pipeline hands them to its last step.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Whatever ``best_estimator_.predict`` returns.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skreg import PathSearchCV, QuadraticApproxRidge
        >>> X, y = load_diabetes(return_X_y=True)
        >>> search = PathSearchCV(make_pipeline(StandardScaler(), QuadraticApproxRidge())).fit(X, y)
        >>> mean, std = search.predict(X[:2], return_std=True)
        >>> std.round()
        array([54., 54.])
        """
        check_is_fitted(self)
        return self.best_estimator_.predict(X, **params)

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """The score of the chosen estimator on other rows, by the scorer that chose it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or Chunks
            Rows in `Chunks`, and all that these may be made of, are read once: R² and mean squares
            of linear models, any score of networks.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), or str, default=None
            Of rows in chunks the name of the column.
        **params : dict of str to object
            As `GridSearchCV.score` takes them; of rows in chunks ``sample_weight``, the name of a
            column.

        Returns
        -------
        float
        """
        if is_in_memory(X) or not comes_in_parts(X):
            return super().score(X, y, **params)
        check_is_fitted(self, "best_estimator_")
        scorer = self.scorer_[self.refit] if self.multimetric_ else self.scorer_
        column = column_that_decides(self.cv)  # which is no feature
        exclude = [] if column is None else [column]
        return score_of_chunks(self.best_estimator_, scorer, exclude, X, y, **params)

    @available_if(_search_estimator_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> NDArray:
        """Probabilities of the classes by the chosen estimator; ``params`` as for `predict`."""
        check_is_fitted(self)
        return self.best_estimator_.predict_proba(X, **params)

    @available_if(_search_estimator_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> NDArray:
        """Raw predictions of the chosen estimator; ``params`` as for `predict`."""
        check_is_fitted(self)
        return self.best_estimator_.decision_function(X, **params)

    def to_frame(self) -> "pandas.DataFrame":
        """``cv_results_`` as a pandas DataFrame: one row for each candidate, indexed by λ.

        The columns are the other parameters; for each scorer ``mean_test_…``, ``std_error_…`` (of
        the mean), ``rank_test_…``, if there are ``mean_train_…``, then the scores by split; and,
        where ``path_`` has all rows, its ``dof`` and ``n_nonzero``.

        Returns
        -------
        pandas.DataFrame of n_candidates rows
        """
        check_is_fitted(self)
        return frame_of(self, alpha_name(self.estimator))
