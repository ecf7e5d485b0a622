"""One fit for each λ and each split: GridSearchCV's own way, for every estimator."""

from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score, _insert_error_scores
from sklearn.utils.parallel import Parallel, delayed

from skreg.model_selection.job import Interrupted, Scores


def serves(job):
    """Every job."""
    return True


def run(job, on_fold):
    """Fit and score every λ of every split. See `Route`."""
    n_splits, n_alphas = len(job.splits), len(job.alphas)
    parallel = Parallel(n_jobs=job.n_jobs, pre_dispatch="2*n_jobs", return_as="generator")
    done: list[list] = []
    fits: list[dict] = []
    try:
        for fit in parallel(
            delayed(_fit_and_score)(clone(job.estimator), **_arguments(job, i, j))
            for j in range(n_splits)
            for i in range(n_alphas)
        ):
            fits.append(fit)
            if len(fits) == n_alphas:
                done.append(fits)
                fits = []
                on_fold(len(done) - 1, n_splits)
    except KeyboardInterrupt:
        raise interrupted(job, done) from None
    return scores_of(job, done)


def one_split(job, j):
    """The results of the j-th split, a list with a dict for each λ."""
    return [one_fit(job, i, j) for i in range(len(job.alphas))]


def one_fit(job, i, j):
    """What scikit-learn's ``_fit_and_score`` says of the i-th λ on the j-th split."""
    return _fit_and_score(clone(job.estimator), **_arguments(job, i, j))


def scores_of(job, splits):
    """`Scores.from_splits`, with ``error_score`` by name for the fits that failed."""
    if any(fit["fit_error"] is not None for fits in splits for fit in fits):
        flat = [fit for fits in splits for fit in fits]
        if any(isinstance(fit.get("test_scores"), dict) for fit in flat):
            _insert_error_scores(flat, job.error_score)
    return Scores.from_splits(splits)


def interrupted(job, splits):
    """`Interrupted`, with what the first splits gave."""
    return Interrupted(scores_of(job, splits) if splits else None)


def along_path(n_test, tests, trains, fit_seconds, score_seconds):
    """The results of a split as single fits: scores of every λ, the time shared among them.

    ``trains`` is None unless the scores of the training part are wanted.
    """
    common = {
        "fit_time": fit_seconds / len(tests),
        "score_time": score_seconds / len(tests),
        "n_test_samples": n_test,
        "fit_error": None,
    }
    fits = [{"test_scores": score, **common} for score in tests]
    if trains is not None:
        for fit, score in zip(fits, trains, strict=True):
            fit["train_scores"] = score
    return fits


def _arguments(job, i, j):
    train, test = job.splits[j]
    return {
        "X": job.X,
        "y": job.y,
        "scorer": job.scorer,
        "train": train,
        "test": test,
        "verbose": job.verbose,
        "parameters": {job.alpha_name: job.alphas[i].item()},
        "fit_params": job.fit_params,
        "score_params": job.score_params,
        "return_train_score": job.return_train_score,
        "return_n_test_samples": True,
        "return_times": True,
        "error_score": job.error_score,
        "split_progress": (j, len(job.splits)),
        "candidate_progress": (i, len(job.alphas)),
    }
