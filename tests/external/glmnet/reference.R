# Rscript reference.R FOLDER: fits the case in FOLDER (see regenerate.py) and prints, for every λ and
# output, one line: λ, output, intercept, coefficients.
suppressMessages(library(glmnet))
folder <- commandArgs(trailingOnly = TRUE)[1]
path <- function(name) file.path(folder, name)
numbers <- function(name) if (file.exists(path(name))) scan(path(name), quiet = TRUE) else NULL
settings <- read.table(path("settings"), row.names = 1, stringsAsFactors = FALSE)
family <- settings["family", 1]
X <- as.matrix(read.table(path("X")))
y <- numbers("y")
if (family == "multinomial") y <- factor(y)
factors <- numbers("factors")
lambda <- numbers("lambda")

# Every λ is solved, and to rounding.
invisible(glmnet.control(fdev = 0, devmax = 1, epsnr = 1e-15, mxitnr = 1000))
model <- glmnet(
  X, y,
  family = if (family == "gamma") Gamma(link = "log") else family,
  alpha = as.numeric(settings["alpha", 1]),
  lambda = lambda,
  weights = numbers("weights"),
  offset = numbers("offset"),
  penalty.factor = if (is.null(factors)) rep(1, ncol(X)) else factors,
  lower.limits = if (settings["positive", 1] == "1") 0 else -Inf,
  standardize = FALSE, thresh = if (family == "gamma") 1e-20 else 1e-25, maxit = 1e8
)
stopifnot(length(model$lambda) == length(lambda))

line <- function(values) cat(sprintf("%.14g", values), sep = ",", fill = FALSE)
betas <- if (family == "multinomial") model$beta else list(model$beta)
intercepts <- matrix(model$a0, ncol = length(lambda))
for (l in seq_along(lambda)) for (k in seq_along(betas)) {
  line(c(lambda[l], k - 1, intercepts[k, l], as.matrix(betas[[k]])[, l]))
  cat("\n")
}
