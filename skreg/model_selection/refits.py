"""One fit for each λ and each split: GridSearchCV's own way, for every estimator."""

from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score

from skreg._threads import in_parallel


def serves(job):
    """Every job."""
    return True


def run(job):
    """Fit and score every λ of every split. See `Route`."""
    places = [(j, i) for j in range(len(job.splits)) for i in range(len(job.alphas))]
    calls = (_arguments(job, i, j) for j, i in places)
    found = in_parallel(_fit_and_score, calls, n_jobs=job.n_jobs, pre_dispatch="2*n_jobs")
    fits: list[dict] = []
    for (j, _), fit in zip(places, found, strict=True):
        fits.append(fit)
        job.watch.solved(j)
        if len(fits) == len(job.alphas):
            yield j, fits
            fits = []


def one_split(job, j):
    """The results of the j-th split, a list with a dict for each λ."""
    return [one_fit(job, i, j) for i in range(len(job.alphas))]


def one_fit(job, i, j):
    """What scikit-learn's ``_fit_and_score`` says of the i-th λ on the j-th split."""
    return _fit_and_score(**_arguments(job, i, j))


def _arguments(job, i, j):
    train, test = job.splits[j]
    return dict(
        estimator=clone(job.estimator),
        X=job.X,
        y=job.y,
        scorer=job.scorer,
        train=train,
        test=test,
        verbose=job.verbose,
        parameters=job.parameters(i),
        fit_params=job.fit_params,
        score_params=job.score_params,
        return_train_score=job.return_train_score,
        return_n_test_samples=True,
        return_times=True,
        error_score=job.error_score,
        split_progress=(j, len(job.splits)),
        candidate_progress=(i, len(job.alphas)),
    )
