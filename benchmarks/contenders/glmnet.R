# Rscript glmnet.R FOLDER: for every line of input, a thresh, fits the path that FOLDER describes,
# cross-validated if it holds `folds`, writes there what came out, and answers "done".
# FOLDER holds numbers as raw little-endian doubles (X by columns) and `settings`, lines "name value".
folder <- commandArgs(trailingOnly = TRUE)[1]
suppressMessages(library(glmnet))
settings <- read.table(file.path(folder, "settings"), row.names = 1)
set <- function(name) type.convert(settings[name, 1], as.is = TRUE)
numbers <- function(name, what = "double") {
  file <- file.path(folder, name)
  size <- if (what == "double") 8 else 4
  readBin(file, what, file.size(file) / size, size, endian = "little")
}
n <- set("n")
p <- set("p")
if (set("sparse")) {
  X <- new("dgCMatrix", i = numbers("indices", "integer"), p = numbers("indptr", "integer"),
           x = numbers("data"), Dim = as.integer(c(n, p)))
} else {
  X <- matrix(numbers("X"), n, p)
}
y <- numbers("y")
lambda <- numbers("lambda")
family <- set("family")
# No early end: every λ is to be solved.
invisible(glmnet.control(fdev = 0, devmax = 1))

fit <- function(X, y, lambda, thresh, how = glmnet, ...)
  how(X, y, family = family, alpha = set("alpha"), lambda = lambda, standardize = FALSE,
      intercept = as.logical(set("intercept")), thresh = thresh, maxit = 1e8,
      type.gaussian = if (n > p) "covariance" else "naive", ...)
searches <- file.exists(file.path(folder, "folds"))

memory <- function(name) {
  line <- grep(name, readLines("/proc/self/status"), value = TRUE)
  1024 * as.numeric(gsub("[^0-9]", "", line))
}
write <- function(values, name)
  writeBin(as.double(values), file.path(folder, name), endian = "little")

invisible(fit(X[, seq_len(min(p, 10))], y, lambda[1:2], 1e-7))
watched <- file.exists("/proc/self/clear_refs")
input <- file("stdin", "r")
while (length(line <- readLines(input, 1))) {
  model <- NULL
  invisible(gc())
  if (watched) {
    writeLines("5", "/proc/self/clear_refs")
    before <- memory("VmRSS")
  }
  start <- Sys.time()
  if (searches) {
    search <- fit(X, y, lambda, as.numeric(line), cv.glmnet, foldid = numbers("folds") + 1)
    model <- search$glmnet.fit
  } else {
    model <- fit(X, y, lambda, as.numeric(line))
  }
  seconds <- as.double(Sys.time() - start, units = "secs")
  write(c(seconds, if (watched) memory("VmHWM") - before else -1), "measured")
  # Of several classes, one matrix below the other.
  beta <- if (is.list(model$beta)) do.call(rbind, lapply(model$beta, as.matrix)) else model$beta
  write(as.matrix(beta), "coefs")
  write(model$a0, "intercepts")
  if (searches) write(search$cvm, "errors")
  cat("done\n")
  flush(stdout())
}
