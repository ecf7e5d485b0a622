"""One fit for each λ and each split: GridSearchCV's own way, for every estimator."""

from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils.parallel import Parallel, delayed

from skreg.model_selection.job import interrupted, scores_of


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
